package sim

import (
	"sync/atomic"
	"time"
)

// Act is what happens to one request.
type Act int8

const (
	Pass       Act = iota
	Before         // crash: the request never leaves
	After          // crash: the broker has applied it, the answer is never read
	Late           // crash: the request is in the network and reaches the broker later
	Reset          // only this connection breaks, before the request leaves
	Lose           // only this connection breaks, after the broker has applied it
	Stray          // only this connection breaks, and the request reaches the broker later
	StopBefore     // the host stops (Pause) with the request in its hands; it leaves when the host goes on
	StopAfter      // the host stops with the answer at its door
)

var actNames = []string{"pass", "before", "after", "late", "reset", "lose", "stray", "stop-before", "stop-after"}

func (a Act) String() string { return actNames[a] }

// Stops says that the act makes the host stand still for a while.
func (a Act) Stops() bool { return a == StopBefore || a == StopAfter }

// Fault is the fate of one request. The zero Fault lets it pass.
type Fault struct {
	Act Act

	// Delay is before the request goes on; for Late and Stray it is how long the request stays in the network, for
	// StopBefore and StopAfter how long the host stands still. A request delayed past its deadline still arrives.
	Delay time.Duration

	// Until ends that time when a request that it accepts is sent, by whatever host; Delay, if not 0, bounds it. A Late or
	// Stray request is then answered before the request that it waited for leaves: it overtakes by a hair.
	Until Match

	// Answer is how long the answer is on its way. Past the deadline the host never gets it.
	Answer time.Duration
}

// Faults say what happens to a request when it is sent. Those of one bubble are called one after the other, must not block and
// not call the trace or a Host.
type Faults func(x *Exchange) Fault

// At is the fault of request i of a host.
func At(host string, i int, f Fault) Faults {
	return func(x *Exchange) Fault {
		if x.Host == host && x.Index == i {
			return f
		}
		return Fault{}
	}
}

// Nth is the fault of the n-th request (from 1) that m accepts, over all hosts that have these faults.
func Nth(n int, m Match, f Fault) Faults {
	var seen atomic.Int32
	return func(x *Exchange) Fault {
		if m(x) && int(seen.Add(1)) == n {
			return f
		}
		return Fault{}
	}
}

// Each is the fault of every request that m accepts.
func Each(m Match, f Fault) Faults {
	return func(x *Exchange) Fault {
		if m(x) {
			return f
		}
		return Fault{}
	}
}
