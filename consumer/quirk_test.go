package consumer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/internal/sim"
)

// quirkyLife is a run under answers that Apache Kafka gives and kfake does not: install says which.
func quirkyLife(t *testing.T, install func(w *sim.World), faults sim.Faults) {
	t.Helper()
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		lives := 0
		revise(w, 1, 2)
		install(w)
		w.Keep("a", counting(&l, static("a"), func(*consumer.Config) { lives++ }), faults, time.Second)
		w.Feed(20, 150*time.Millisecond, event)()
		begun(w, 2*time.Minute)
		revise(w, 2, 3)
		w.Feed(6, 150*time.Millisecond, event)()
		settled(w, 3*time.Minute)
		if err := judge(w, map[int]int{1: 2, 2: 3}); err != nil {
			t.Errorf("%v\n%s", err, l.b.String())
		}
		if err := w.Trace.All().Serial(); err != nil {
			t.Error(err)
		}
		if lives > 1 {
			t.Errorf("the instance ended %d times of it:\n%s", lives-1, l.b.String())
		}
	})
}

// Each answer is given three times in a row to each kind of request, from the second such request on;
// to a join from the first, to a Produce from the first that carries outputs.
func TestAnswersThatOnlyKafkaGives(t *testing.T) {
	for _, q := range sim.Quirks() {
		for _, key := range q.Keys {
			t.Run(q.Name+"/"+key.Name(), func(t *testing.T) {
				var hit *kfake.FaultHandle
				quirkyLife(t, func(w *sim.World) {
					n := 0
					hit = w.Install(q, key, 3, func(r kmsg.Request) bool {
						if p, ok := r.(*kmsg.ProduceRequest); ok {
							return slices.ContainsFunc(p.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.Topic == totals })
						}
						n++
						return n > 1 || key == kmsg.JoinGroup || key == kmsg.SyncGroup
					})
				}, nil)
				if hit.Hits() == 0 {
					t.Errorf("no %s was ever answered so", key.Name())
				}
			})
		}
	}
}

func TestTransactionsThatAreStillEnding(t *testing.T) {
	quirkyLife(t, func(w *sim.World) { w.Concurrent(3) }, nil)
}

// An answer later than the step's deadline: the fate is unknown, and the task fences before it does anything else.
func TestAnswerPastTheDeadline(t *testing.T) {
	for _, key := range sim.TransactionKeys() {
		for n := 2; n <= 3; n++ {
			t.Run(key.Name(), func(t *testing.T) {
				m := sim.All(sim.Key(key), func(x *sim.Exchange) bool { return x.TxnID() != "" || x.Key == kmsg.TxnOffsetCommit })
				quirkyLife(t, func(*sim.World) {}, sim.Nth(n, m, sim.Fault{Answer: 7 * time.Second}))
			})
		}
	}
}
