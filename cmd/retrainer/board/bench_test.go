package board

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// BenchmarkTake is what a decision costs that somebody's look makes the page read, with ten alerts behind it.
func BenchmarkTake(b *testing.B) {
	board := offline()
	evidence := retrain.Evidence{AlertID: "0123456789abcdef0123456789abcdef", Model: new("vision/detector"), ModelVersion: new("v5.4"), On: retrain.OnPerformance,
		Action: retrain.SoftRetrain, Field: "mAP_change", Value: new(-0.1), Level: new(-0.05), EventID: "monitoring.performance/3/11", Topic: "monitoring.performance"}
	d := &retrain.Decision{Model: "vision/detector", Action: retrain.SoftRetrain, Reason: retrain.ReasonAlert, Explanation: "vision/detector v5.4 lost 0.1 mAP (limit 0.05)"}
	for range 10 {
		d.Evidence = append(d.Evidence, evidence)
	}
	r := &record.Record{Topic: "decisions", Value: value(b, handlers.DecisionCodec, d)}
	b.SetBytes(int64(len(r.Value)))
	for b.Loop() {
		board.kept.take(r)
	}
}

// BenchmarkModels is a page of the list of 100,000 models with ten decisions each, in each order; B/model is what is kept of one.
func BenchmarkModels(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	board := offline()
	takeModels(b, board.kept, mostModels)
	r := &record.Record{Topic: "decisions"}
	for i := range mostModels {
		r.Value = value(b, handlers.DecisionCodec, &retrain.Decision{Model: fmt.Sprintf("m%d", i), Action: retrain.NoAction, Reason: retrain.ReasonQuiet, DecidedAt: int64(i)})
		for range 10 {
			board.kept.take(r)
		}
	}
	board.get(b, "/")
	runtime.GC()
	runtime.ReadMemStats(&after)
	for _, url := range []string{"/", "/?q=m77", "/?by=decided", "/?by=until"} {
		b.Run(url, func(b *testing.B) {
			for b.Loop() {
				board.get(b, url)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/mostModels, "B/model")
		})
	}
}
