package sim

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Dial is how an instance reaches a broker.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Errors that a host sees instead of a network.
var (
	ErrCrashed = errors.New("sim: this host has crashed")
	ErrReset   = errors.New("sim: connection reset by peer")
)

// network is what the hosts of a bubble share.
type network struct {
	dial  Dial
	trace *Trace
	over  chan struct{}  // closed when the bubble ends: nothing waits in the network any more
	stray sync.WaitGroup // requests on their way without a host, and hosts that will go on by themselves
	held  atomic.Int32   // how many of them there are
}

func (n *network) later(f func()) {
	n.held.Add(1)
	n.stray.Go(func() {
		defer n.held.Add(-1)
		f()
	})
}

// wait lasts as long as the fault says, or until dead, and says whether the bubble is still on.
func (n *network) wait(f fate, dead <-chan struct{}) bool {
	var bound <-chan time.Time
	if f.met == nil || f.Delay > 0 {
		bound = after(f.Delay)
	}
	select {
	case <-bound:
	case <-f.met:
	case <-dead:
	case <-n.over:
		return false
	}
	return true
}

// Host is the network card of one life of an instance: it counts the requests, and does to each what its Faults say. A
// crashed host stays dead; the instance's next life has a new one.
type Host struct {
	Name string
	net  *network
	died func() // called once, by whoever crashed the host

	mu     sync.Mutex
	faults Faults
	route  func(address string) (latency time.Duration, up bool)
	index  int
	dead   chan struct{}
	resume chan struct{} // not nil while stopped; closed by Resume
	conns  []*conn       // in the order of dialling
}

func newHost(name string, n *network, faults Faults, died func()) *Host {
	return &Host{Name: name, net: n, faults: faults, died: died, dead: make(chan struct{})}
}

// SetRoute gives every request to an address a latency, or no way at all (up false: its bytes vanish). nil: all ways are
// open.
func (h *Host) SetRoute(route func(address string) (latency time.Duration, up bool)) {
	h.mu.Lock()
	h.route = route
	h.mu.Unlock()
}

// Dead is closed by the crash.
func (h *Host) Dead() <-chan struct{} { return h.dead }

// Crash ends the host as kill -9 does: connections close without a goodbye and no new one opens. With silent the brokers
// are not told (power loss): their side stays open until the bubble ends.
func (h *Host) Crash(silent bool) {
	h.mu.Lock()
	select {
	case <-h.dead:
		h.mu.Unlock()
		return
	default:
	}
	close(h.dead)
	conns := h.conns
	h.conns = nil
	h.mu.Unlock()
	h.Resume()
	for _, c := range conns {
		c.cut(silent)
	}
	if h.died != nil {
		h.died()
	}
}

// Pause holds all bytes both ways, as SIGSTOP does, but the instance's timers go on. What is being written leaves at Resume,
// even past its deadline: the zombie's write.
func (h *Host) Pause() {
	h.mu.Lock()
	if h.resume == nil {
		h.resume = make(chan struct{})
	}
	h.mu.Unlock()
}

// Resume ends a Pause.
func (h *Host) Resume() {
	h.mu.Lock()
	if h.resume != nil {
		close(h.resume)
		h.resume = nil
	}
	h.mu.Unlock()
}

// gate waits while the host is stopped.
func (h *Host) gate(gone <-chan struct{}) error {
	for {
		h.mu.Lock()
		p := h.resume
		h.mu.Unlock()
		select {
		case <-h.dead:
			return ErrCrashed
		default:
		}
		if p == nil {
			return nil
		}
		select {
		case <-p:
		case <-h.dead:
		case <-gone:
			return net.ErrClosed
		}
	}
}

func (h *Host) way(address string) (time.Duration, bool) {
	h.mu.Lock()
	route := h.route
	h.mu.Unlock()
	if route == nil {
		return 0, true
	}
	return route(address)
}

// Dial is the instance's only way out.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := h.gate(ctx.Done()); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	latency, up := h.way(address)
	if !up {
		latency = time.Hour
	}
	select {
	case <-after(latency):
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-h.dead:
		return nil, ErrCrashed
	}
	in, err := h.net.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: in, host: h, to: address, gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.dead:
		in.Close()
		return nil, ErrCrashed
	default:
	}
	h.conns = append(h.conns, c)
	return c, nil
}

// after is time.After, done at once for nothing.
func after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		c := make(chan time.Time)
		close(c)
		return c
	}
	return time.After(d)
}

func (h *Host) forget(c *conn) {
	h.mu.Lock()
	h.conns = slices.DeleteFunc(h.conns, func(o *conn) bool { return o == c })
	h.mu.Unlock()
}

// begin counts a request and asks for its fate. It returns when all that shall overtake the request has.
func (h *Host) begin(to string, frame []byte) (*Exchange, fate) {
	h.mu.Lock()
	h.index++
	x := &Exchange{Host: h.Name, Index: h.index, Broker: to}
	faults := h.faults
	h.mu.Unlock()
	x.Key, x.Version = head(frame)
	f, first := h.net.trace.begin(x, frame, faults)
	for _, passed := range first {
		select {
		case <-passed:
		case <-h.net.over:
		}
	}
	return x, f
}

// stopped pauses the host until the fault lets it go on.
func (h *Host) stopped(f fate) {
	h.Pause()
	h.net.later(func() {
		h.net.wait(f, h.dead)
		h.Resume()
	})
}
