package worker

import (
	"time"

	"github.com/visutility/retrainer/retrain"
)

// reports hands over how far a training is: at most once in a time, the newest wins. Whoever puts one in never waits.
type reports struct {
	newest chan retrain.Report
	stop   chan struct{}
	ended  chan struct{}
}

func startReports(every time.Duration, to func(retrain.Report)) *reports {
	r := &reports{make(chan retrain.Report, 1), make(chan struct{}), make(chan struct{})}
	go r.run(every, to)
	return r
}

func (r *reports) run(every time.Duration, to func(retrain.Report)) {
	defer close(r.ended)
	for {
		select {
		case <-r.stop:
			return
		case x := <-r.newest:
			to(x)
		}
		select {
		case <-r.stop:
			return
		case <-time.After(every):
		}
	}
}

// put is called by one goroutine.
func (r *reports) put(x retrain.Report) {
	for {
		select {
		case r.newest <- x:
			return
		default:
		}
		select {
		case <-r.newest:
		default:
		}
	}
}

// end waits for a report that is on its way; what waits for its time is left out, for the result follows.
func (r *reports) end() {
	close(r.stop)
	<-r.ended
}
