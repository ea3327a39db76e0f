package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Moment is a point of the trace. Order counts sends and answers of all hosts from 1; 0 is never.
type Moment struct {
	Order int
	At    time.Duration // virtual, since the bubble began
}

// Exchange is one request and what became of it, as its host saw it.
type Exchange struct {
	Host    string
	Index   int // the host's requests, from 1
	Key     kmsg.Key
	Version int16
	Broker  string // address
	Act     Act    // what was done to it
	Sent    Moment // the host handed it to the network
	Done    Moment // the host was given the answer; never for a request of unknown fate
	Landed  Moment // the broker answered, but the host was not told
	Failed  Moment // the host was told that there will be no answer
	Lost    error  // the reason

	// Request is nil if the bytes could not be read as what they claim to be, Response also before the broker has answered.
	Request  kmsg.Request
	Response kmsg.Response
}

// Answered says that the host knows the fate of the request.
func (x *Exchange) Answered() bool { return x.Done.Order != 0 }

func (x *Exchange) String() string {
	end := "open"
	switch {
	case x.Answered():
		end = fmt.Sprintf("+%v", x.Done.At-x.Sent.At)
	case x.Landed.Order != 0:
		end = fmt.Sprintf("landed +%v", x.Landed.At-x.Sent.At)
	case x.Lost != nil:
		end = x.Lost.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%12v %s #%d %s v%d -> %s %s", x.Sent.At, x.Host, x.Index, x.Key.Name(), x.Version, x.Broker, end)
	if x.Act != Pass {
		fmt.Fprintf(&b, " [%s]", x.Act)
	}
	if id := x.TxnID(); id != "" {
		fmt.Fprintf(&b, " %s", id)
	}
	if ts := x.Topics(); len(ts) > 0 {
		fmt.Fprintf(&b, " %s", strings.Join(ts, ","))
	}
	if codes := x.Codes(); len(codes) > 0 {
		fmt.Fprintf(&b, " code %v", codes)
	}
	return b.String()
}

// limit bounds a trace; beyond it the older half is forgotten.
const limit = 200_000

// Trace is every exchange of a bubble, in the order of sending.
type Trace struct {
	start time.Time

	mu     sync.Mutex
	order  int
	xs     []*Exchange
	names  map[[16]byte]string // topics by id, for requests that name them so
	awaits []*await
}

// await is for a request that m accepts: met is closed when it is sent, and it leaves when passed, if not nil, is closed.
type await struct {
	match  Match
	met    chan struct{}
	passed chan struct{}
	sent   bool // only sending counts
}

func newTrace() *Trace { return &Trace{start: time.Now(), names: map[[16]byte]string{}} }

func (t *Trace) now() Moment {
	t.order++
	return Moment{t.order, time.Since(t.start)}
}

// begin records a request and asks for its fate. Faults of all hosts run one after the other and must not block. The
// request must not leave before those in first are closed.
func (t *Trace) begin(x *Exchange, frame []byte, faults Faults) (f fate, first []<-chan struct{}) {
	x.Request = readRequest(frame)
	t.mu.Lock()
	defer t.mu.Unlock()
	x.Sent = t.now()
	if len(t.xs) == limit {
		t.xs = slices.Clone(t.xs[limit/2:])
	}
	t.nameTopics(x)
	t.xs = append(t.xs, x)
	if faults != nil {
		f.Fault = faults(x)
	}
	x.Act = f.Act
	first = t.meet(x, true)
	if f.Until != nil { // from this moment on, so that what was waiting for x cannot go past it
		a := &await{match: f.Until, met: make(chan struct{}), sent: true}
		if f.Act == Late || f.Act == Stray {
			a.passed = make(chan struct{})
		}
		f.met, f.passed = a.met, a.passed
		t.awaits = append(t.awaits, a)
	}
	return f, first
}

// fate is a fault on its way.
type fate struct {
	Fault
	met    <-chan struct{} // closed when what it waits for is sent
	passed chan struct{}   // to be closed when that may leave
}

// answered records an answer that the host is given now.
func (t *Trace) answered(x *Exchange, frame []byte) {
	r := readResponse(x.Key, x.Version, frame)
	t.mu.Lock()
	defer t.mu.Unlock()
	x.Response, x.Done = r, t.now()
	t.meet(x, false)
}

// landed records an answer that the host will never be given.
func (t *Trace) landed(x *Exchange, frame []byte) {
	r := readResponse(x.Key, x.Version, frame)
	t.mu.Lock()
	defer t.mu.Unlock()
	x.Response, x.Landed = r, t.now()
	t.meet(x, false)
}

// lost records why the host does not know the fate of a request.
func (t *Trace) lost(x *Exchange, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.Lost == nil && !x.Answered() {
		x.Lost, x.Failed = why, t.now()
		t.meet(x, false)
	}
}

func (t *Trace) meet(x *Exchange, sending bool) (first []<-chan struct{}) {
	t.awaits = slices.DeleteFunc(t.awaits, func(a *await) bool {
		if a.sent && !sending || !a.match(x) {
			return false
		}
		close(a.met)
		if a.passed != nil {
			first = append(first, a.passed)
		}
		return true
	})
	return first
}

// When gives a channel that is closed once an exchange that m accepts is sent, answered or lost, from now on. m sees every
// exchange at each of these moments.
func (t *Trace) When(m Match) <-chan struct{} {
	a := &await{match: m, met: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.awaits = append(t.awaits, a)
	return a.met
}

// All is a copy of what was recorded so far, in the order of sending.
func (t *Trace) All() Exchanges {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(Exchanges, len(t.xs))
	for i, x := range t.xs {
		c := *x
		out[i] = &c
	}
	return out
}

// nameTopics writes names beside topic ids, so that a Match sees names only.
func (t *Trace) nameTopics(x *Exchange) {
	switch r := x.Request.(type) {
	case *kmsg.FetchRequest:
		for i := range r.Topics {
			if r.Topics[i].Topic == "" {
				r.Topics[i].Topic = t.names[r.Topics[i].TopicID]
			}
		}
	case *kmsg.ProduceRequest:
		for i := range r.Topics {
			if r.Topics[i].Topic == "" {
				r.Topics[i].Topic = t.names[r.Topics[i].TopicID]
			}
		}
	}
}

// learn tells the trace a topic's name.
func (t *Trace) learn(id [16]byte, name string) {
	t.mu.Lock()
	t.names[id] = name
	t.mu.Unlock()
}

func (t *Trace) name(id [16]byte) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.names[id]
}

// head reads the part of a request frame before its client id: size, key, version, correlation id. Of a shorter one the key
// is -1, which no request has.
func head(frame []byte) (key kmsg.Key, version int16) {
	if len(frame) < 12 {
		return -1, 0
	}
	return kmsg.Key(binary.BigEndian.Uint16(frame[4:])), int16(binary.BigEndian.Uint16(frame[6:]))
}

func readRequest(frame []byte) kmsg.Request {
	key, version := head(frame)
	r := kmsg.RequestForKey(key.Int16())
	if r == nil || version < 0 || version > r.MaxVersion() {
		return nil
	}
	r.SetVersion(version)
	b := kbin.Reader{Src: frame[12:]}
	b.NullableString() // client id
	if r.IsFlexible() {
		kmsg.SkipTags(&b)
	}
	if !b.Ok() || r.ReadFrom(slices.Clone(b.Src)) != nil {
		return nil
	}
	return r
}

func readResponse(key kmsg.Key, version int16, frame []byte) kmsg.Response {
	r := kmsg.ResponseForKey(key.Int16())
	if r == nil || version > r.MaxVersion() || len(frame) < 8 {
		return nil
	}
	r.SetVersion(version)
	b := kbin.Reader{Src: frame[8:]}
	if r.IsFlexible() && key != kmsg.ApiVersions {
		kmsg.SkipTags(&b)
	}
	if !b.Ok() || r.ReadFrom(slices.Clone(b.Src)) != nil {
		return nil
	}
	return r
}
