package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	dialTimeout   = time.Second     // TCP, and ApiVersions: a stopped process still accepts connections
	secureTimeout = 3 * time.Second // the same with TLS or SASL, which take more round trips
	idleTimeout   = time.Minute     // well below the broker's connections.max.idle.ms (10 min)
	pingInterval  = time.Minute     // at most, between kafka-go's own requests to a broker; a random part of it
)

// Config says which cluster a Client talks to, and how.
type Config struct {
	Brokers  []string                                                             // bootstrap addresses, host:port
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP. Must return when ctx ends
	TLS      *tls.Config                                                          // nil: plain
	SASL     sasl.Mechanism                                                       // nil: none
	ClientID string
}

// Client carries requests to the brokers of one cluster. It is safe for concurrent use.
//
// A kafka-go Transport routes by metadata of its own, which it renews by a timer, and asks all brokers through one of
// them: a leader that moved or a broker that stopped is noticed late. So the Client keeps its own table of addresses and
// one Transport a broker, used only for that broker's connections (dialling, TLS, SASL, pooling, deadlines): a broker that
// hangs holds up its own requests alone.
type Client struct {
	config Config
	format *kmsg.RequestFormatter
	ctx    context.Context // ends with Close
	end    context.CancelCauseFunc
	learn  chan struct{} // one slot: held by who asks for an unknown node

	answered atomic.Bool // a broker has answered a request

	mu         sync.Mutex // never held over I/O
	nodes      map[int32]string
	preferred  string // address that answered AnyNode last
	transports map[string]*kafka.Transport
	conns      map[*conn]struct{}
	closed     bool
	open       sync.WaitGroup // dials under way and connections
}

// NewClient makes a client; nothing is dialled before the first request.
func NewClient(c Config) *Client {
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	ctx, end := context.WithCancelCause(context.Background())
	return &Client{
		config:     c,
		format:     kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.ClientID)),
		ctx:        ctx,
		end:        end,
		learn:      make(chan struct{}, 1),
		nodes:      map[int32]string{},
		transports: map[string]*kafka.Transport{},
		conns:      map[*conn]struct{}{},
	}
}

// Close fails the requests under way with ErrClosed and returns when every connection is closed.
func (c *Client) Close() {
	c.end(ErrClosed)
	c.mu.Lock()
	c.closed = true
	transports, conns := c.transports, make([]*conn, 0, len(c.conns))
	c.transports = nil
	for k := range c.conns {
		conns = append(conns, k)
	}
	c.mu.Unlock()
	for _, t := range transports {
		t.CloseIdleConnections()
	}
	for _, k := range conns {
		k.cut()
	}
	c.open.Wait()
}

// Do sends req to a node and gives its answer. The version is the newest that this package wants and the broker offers
// (an *UnsupportedError if there is none); fields of all versions should be filled. When Do returns, nothing reads req or
// writes the answer any more, and it returns by the context's deadline.
//
// A request to AnyNode goes to one broker after the other until one answers: it must be one that may be sent twice. None
// but the last gets more than a second.
//
// Every failure to get an answer is a *RequestError; error codes inside the answer are the caller's.
func Do[R kmsg.Response](ctx context.Context, c *Client, node int32, req kmsg.Request) (R, error) {
	var none R
	res, ok := req.ResponseKind().(R)
	if !ok {
		return none, fmt.Errorf("%s request is answered by %T, not by %T", kmsg.NameForKey(req.Key()), req.ResponseKind(), none)
	}
	if err := c.send(ctx, node, &call{req: req, res: res}); err != nil {
		return none, err
	}
	return res, nil
}

// send does q at a node, and learns addresses from the answer.
func (c *Client) send(ctx context.Context, node int32, q *call) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })()
	q.format = c.format
	var err error
	if node == AnyNode {
		err = c.sendAny(ctx, q)
	} else {
		var address string
		if address, err = c.address(ctx, node); err == nil {
			err = c.sendTo(ctx, node, address, q)
		} else {
			err = &RequestError{Key: q.req.Key(), Node: node, NotSent: true, Err: err}
		}
	}
	if err == nil {
		c.answered.Store(true)
		c.note(q.res)
	}
	return err
}

// sendAny does q at the first broker that answers.
func (c *Client) sendAny(ctx context.Context, q *call) error {
	addresses := c.candidates()
	failure := &RequestError{Key: q.req.Key(), Node: AnyNode, NotSent: true}
	for i, address := range addresses {
		if ctx.Err() != nil {
			break
		}
		err := c.sendFor(ctx, share(ctx, len(addresses)-i), address, q)
		if err == nil {
			c.prefer(address)
			return nil
		}
		if errors.As(err, new(*UnsupportedError)) {
			return err
		}
		failure.NotSent = failure.NotSent && errors.Is(err, ErrNotSent)
		failure.Err = errors.Join(failure.Err, err)
	}
	if failure.Err == nil {
		failure.Err = context.Cause(ctx)
	}
	return failure
}

// share is how long the first of n brokers may take: a second or an even part of what is left, the last one all of it.
func share(ctx context.Context, n int) time.Duration {
	deadline, ok := ctx.Deadline()
	switch left := time.Until(deadline); {
	case !ok:
		return dialTimeout
	case n == 1:
		return left
	default:
		return min(dialTimeout, left/time.Duration(n))
	}
}

func (c *Client) sendFor(ctx context.Context, d time.Duration, address string, q *call) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return c.sendTo(ctx, AnyNode, address, q)
}

// sendTo does q over a connection to address.
func (c *Client) sendTo(ctx context.Context, node int32, address string, q *call) error {
	fail := func(notSent bool, err error) error {
		return &RequestError{Key: q.req.Key(), Node: node, Address: address, NotSent: notSent, Err: err}
	}
	if ctx.Err() != nil {
		return fail(true, context.Cause(ctx))
	}
	t := c.transport(address)
	if t == nil {
		return fail(true, ErrClosed)
	}
	notSent, err := c.attempt(ctx, address, t, q)
	for range 3 { // as many connections may be too old
		if !errors.Is(err, errSessionOver) || ctx.Err() != nil {
			break
		}
		notSent, err = c.attempt(ctx, address, t, q)
	}
	if err == nil {
		return nil
	}
	var unsupported *UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return fail(true, err)
	case c.ctx.Err() != nil:
		err = ErrClosed
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case !notSent && errors.Is(err, os.ErrDeadlineExceeded):
		err = context.DeadlineExceeded // the connection's clock was a little ahead of the context's
	}
	if ctx.Err() != context.Canceled {
		c.distrust(address, t)
	}
	if refused := c.refusal(ctx, address, err); refused != nil {
		err = refused
	}
	return fail(notSent, err)
}

// attempt does q over a connection of t. notSent: no connection took it up.
func (c *Client) attempt(ctx context.Context, address string, t *kafka.Transport, q *call) (notSent bool, err error) {
	e := &exchange{call: q, ctx: ctx, done: make(chan struct{})}
	_, err = t.RoundTrip(ctx, kafka.TCP(address), e)
	c.settle(address, t)
	if notSent = e.phase.CompareAndSwap(waiting, givenUp); !notSent {
		<-e.done
		err = e.err
	}
	return notSent || errors.Is(err, errSessionOver), err
}
