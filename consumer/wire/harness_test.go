package wire

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

// site is where a test's cluster lives: real TCP, or a virtual network in a synctest bubble.
type site struct {
	opts []kfake.Opt // for one or up to three brokers
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	cut  func(port string) // breaks every connection to a port
}

// everywhere runs test on real TCP, where no goroutine may be left, and in a bubble, whose end proves the same.
func everywhere(t *testing.T, test func(*testing.T, site)) {
	t.Run("tcp", func(t *testing.T) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		t.Run("", func(t *testing.T) { test(t, site{}) })
	})
	t.Run("bubble", func(t *testing.T) { bubble(t, test) })
}

func bubble(t *testing.T, test func(*testing.T, site)) {
	synctest.Test(t, func(t *testing.T) {
		vn := new(kfake.VirtualNetwork)
		l := &lines{to: map[string][]net.Conn{}, dial: vn.DialContext}
		test(t, site{
			opts: []kfake.Opt{kfake.ListenFn(vn.Listen), kfake.Ports(9092, 9093, 9094)},
			dial: l.dialContext,
			cut:  l.cut,
		})
	})
}

// lines remembers connections: a node that kfake removes goes on serving those it has.
type lines struct {
	mu   sync.Mutex
	to   map[string][]net.Conn
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (l *lines) dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := l.dial(ctx, network, address)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		_, port, _ := net.SplitHostPort(address)
		l.to[port] = append(l.to[port], nc)
	}
	return nc, err
}

func (l *lines) cut(port string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, nc := range l.to[port] {
		nc.Close()
	}
	l.to[port] = nil
}

// cluster is a kfake that remembers the last version of every request it was asked.
type cluster struct {
	*kfake.Cluster
	mu   sync.Mutex
	seen map[int16]int16
}

func (s site) cluster(t *testing.T, opts ...kfake.Opt) *cluster {
	t.Helper()
	k, err := kfake.NewCluster(append(opts, s.opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c := &cluster{Cluster: k, seen: map[int16]int16{}}
	k.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen[req.Key()] = req.GetVersion()
		return nil, nil, false
	})
	return c
}

func (c *cluster) version(key kmsg.Key) int16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.seen[int16(key)]
	if !ok {
		return -1
	}
	return v
}

// pause makes a node take requests and connections and answer nothing, as a stopped process does, until resume is called.
func (c *cluster) pause(node int32) (resume func()) {
	var mu sync.Mutex
	paused := true
	c.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		return nil, nil, paused && c.CurrentNode() == node
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		paused = false
	}
}

func (s site) client(t *testing.T, c *cluster) *Client {
	t.Helper()
	k := NewClient(Config{Brokers: c.ListenAddrs(), Dial: s.dial, ClientID: "wire-test"})
	t.Cleanup(k.Close)
	return k
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// ask is Do for a request that must be answered.
func ask[R kmsg.Response](t *testing.T, c *Client, node int32, req kmsg.Request) R {
	t.Helper()
	res, err := Do[R](within(t, time.Minute), c, node, req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// noError fails on an error code of the protocol.
func noError(t *testing.T, what string, codes ...int16) {
	t.Helper()
	for _, code := range codes {
		if code != 0 {
			t.Fatalf("%s: code %d", what, code)
		}
	}
}

func brokersOnly() *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	return req
}
