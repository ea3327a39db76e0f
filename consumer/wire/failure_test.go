package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
)

// took is how long f takes.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func toNode(t *testing.T, c *Client, d time.Duration, node int32) error {
	_, err := Do[*kmsg.MetadataResponse](within(t, d), c, node, brokersOnly())
	return err
}

func TestPausedBrokerHoldsUpOnlyItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3))
		c := s.client(t, k)
		for node := range int32(3) {
			ask[*kmsg.MetadataResponse](t, c, node, brokersOnly())
		}
		resume := k.pause(0)

		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { // on an idle connection of before: until the deadline; on a new one: until that is given up
				var err error
				d := took(func() { err = toNode(t, c, 3*time.Second, 0) })
				if d > 3*time.Second || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrNotSent) {
					t.Errorf("a request to the paused broker ended after %v: %v", d, err)
				}
			})
		}
		for range 4 {
			wg.Go(func() {
				if d := took(func() { ask[*kmsg.MetadataResponse](t, c, 1, brokersOnly()) }); d > 0 {
					t.Errorf("a request to a live broker waited %v for the paused one", d)
				}
			})
		}
		wg.Go(func() {
			if d := took(func() { ask[*kmsg.MetadataResponse](t, c, AnyNode, brokersOnly()) }); d > time.Second {
				t.Errorf("a request to any broker waited %v for the paused one", d)
			}
		})
		wg.Wait()

		// On new connections: the broker does not even tell its versions.
		if d := took(func() {
			if err := toNode(t, c, 10*time.Second, 0); !errors.Is(err, ErrNotSent) {
				t.Errorf("a request to the paused broker: %v", err)
			}
		}); d > 2*dialTimeout {
			t.Errorf("it took %v to find that the broker is paused", d)
		}
		resume()
		if d := took(func() { ask[*kmsg.MetadataResponse](t, c, 0, brokersOnly()) }); d > 0 {
			t.Errorf("the resumed broker answered after %v", d)
		}
	})
}

func TestPausedBrokerOnTCPEndsByTheDeadline(t *testing.T) {
	k := site{}.cluster(t, kfake.NumBrokers(1))
	c := site{}.client(t, k)
	ask[*kmsg.MetadataResponse](t, c, 0, brokersOnly())
	k.pause(0)
	err := toNode(t, c, 50*time.Millisecond, 0)
	var r *RequestError
	if !errors.As(err, &r) || !errors.Is(err, context.DeadlineExceeded) || r.Address != k.ListenAddrs()[0] {
		t.Fatalf("%v", err)
	}
}

func TestCancelledRequestReturnsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(1))
		c := s.client(t, k)
		ask[*kmsg.MetadataResponse](t, c, 0, brokersOnly())
		k.pause(0)
		ctx, cancel := context.WithCancel(t.Context()) // no deadline at all
		time.AfterFunc(time.Second, cancel)
		d := took(func() {
			if _, err := Do[*kmsg.MetadataResponse](ctx, c, 0, brokersOnly()); !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotSent) {
				t.Errorf("%v", err)
			}
		})
		if d != time.Second {
			t.Errorf("returned after %v", d)
		}
		synctest.Wait() // the connection's goroutine must be gone: the bubble's end would hang on it
	})
}

// The connection's goroutine must have let go of a request when Do returns, even if it was in the middle of writing it:
// with -race, and in the bubble where nobody reads the pipe.
func TestRequestIsTheCallersAgainWhenDoReturns(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
		var writing atomic.Int32
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := s.dial(ctx, network, address)
			return &stuck{nc, &writing}, err
		}
		c := NewClient(Config{Brokers: k.ListenAddrs(), Dial: dial})
		defer c.Close()
		value := make([]byte, 1000)
		req := kmsg.NewPtrProduceRequest()
		req.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{{
			Records: AppendBatch(nil, Header{ProducerID: -1}, []record.Output{{Value: value}}),
		}}}}
		for range 3 {
			_, err := Do[*kmsg.ProduceResponse](within(t, time.Second), c, 0, req)
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNotSent) {
				t.Fatal(err)
			}
			if writing.Load() != 0 {
				t.Fatal("it is still being written")
			}
			clear(req.Topics[0].Partitions[0].Records)
			req.Acks++
		}
	})
}

// stuck is a connection that never gets rid of a write of more than 1000 bytes.
type stuck struct {
	net.Conn
	writing *atomic.Int32
}

func (s *stuck) Write(b []byte) (int, error) {
	if len(b) > 1000 {
		s.writing.Add(1)
		defer s.writing.Add(-1)
		return s.Conn.Read(make([]byte, 1)) // until it is closed: no answer comes before the request
	}
	return s.Conn.Write(b)
}

func TestKilledBrokerIsBackAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3))
		c := s.client(t, k)
		ask[*kmsg.MetadataResponse](t, c, 2, brokersOnly())
		if err := k.RemoveNode(2); err != nil {
			t.Fatal(err)
		}
		s.cut("9094")
		synctest.Wait()
		if err := toNode(t, c, time.Second, 2); err == nil {
			t.Fatal("a killed broker answered")
		}
		if err := toNode(t, c, time.Second, 2); !errors.Is(err, ErrNotSent) {
			t.Fatalf("a request to a killed broker: %v", err)
		}
		if err := c.Refresh(within(t, time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := toNode(t, c, time.Second, 2); !errors.Is(err, ErrUnknownNode) || !errors.Is(err, ErrNotSent) {
			t.Fatalf("a request to a broker that the cluster has no more: %v", err)
		}
		// It comes back elsewhere: the address is asked for by itself.
		if _, _, err := k.AddNode(2, 9095); err != nil {
			t.Fatal(err)
		}
		if d := took(func() { ask[*kmsg.MetadataResponse](t, c, 2, brokersOnly()) }); d > 0 {
			t.Errorf("the broker answered after %v", d)
		}
	})
}

func TestRestartedBrokerCostsOneErrorOfItsIdleConnections(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3))
		c := s.client(t, k)
		var wg sync.WaitGroup
		for range 5 { // several connections, idle after
			wg.Go(func() { ask[*kmsg.MetadataResponse](t, c, 2, brokersOnly()) })
		}
		wg.Wait()
		if err := k.RemoveNode(2); err != nil {
			t.Fatal(err)
		}
		s.cut("9094")
		if _, _, err := k.AddNode(2, 9094); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		failed := 0
		for range 5 {
			if toNode(t, c, time.Second, 2) != nil {
				failed++
			}
		}
		if failed > 1 {
			t.Errorf("%d requests failed on old connections", failed)
		}
	})
}

func TestNewBrokerIsReachable(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3))
		c := s.client(t, k)
		if err := c.Refresh(within(t, time.Second)); err != nil {
			t.Fatal(err)
		}
		node, _, err := k.AddNode(-1, 9095)
		if err != nil {
			t.Fatal(err)
		}
		if d := took(func() { ask[*kmsg.MetadataResponse](t, c, node, brokersOnly()) }); d > 0 {
			t.Errorf("the new broker answered after %v", d)
		}
	})
}

func TestDeadBootstrapBrokerIsPassedOver(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(1))
		c := NewClient(Config{Brokers: append([]string{"localhost:1"}, k.ListenAddrs()...), Dial: s.dial})
		t.Cleanup(c.Close)
		if err := c.Refresh(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNoBrokerAtAllIsOneError(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		c := NewClient(Config{Brokers: []string{"localhost:1", "localhost:2"}, Dial: s.dial})
		defer c.Close()
		_, err := Do[*kmsg.MetadataResponse](within(t, 5*time.Second), c, 7, brokersOnly())
		var r *RequestError
		if !errors.As(err, &r) || r.Node != 7 || !errors.Is(err, ErrNotSent) {
			t.Fatalf("%v", err)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, topic))
		c := s.client(t, k)
		if err := c.Refresh(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		paused := (k.LeaderFor(topic, 0) + 1) % 3
		ask[*kmsg.MetadataResponse](t, c, paused, brokersOnly())
		k.pause(paused)
		fetching := make(chan struct{})
		k.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			close(fetching)
			return nil, nil, false
		})
		var wg sync.WaitGroup
		wg.Go(func() { // a long poll
			req := fetchRequest(topic, k.TopicInfo(topic).TopicID, 0)
			req.MaxWaitMillis = 60_000
			if _, err := c.NewFetcher().Do(t.Context(), k.LeaderFor(topic, 0), req); !errors.Is(err, ErrClosed) {
				t.Errorf("long poll: %v", err)
			}
		})
		for range 3 { // one on the idle connection, two that dial
			wg.Go(func() {
				if _, err := Do[*kmsg.MetadataResponse](t.Context(), c, paused, brokersOnly()); err == nil {
					t.Error("a paused broker answered")
				}
			})
		}
		<-fetching
		c.Close()
		c.mu.Lock()
		if n := len(c.conns); n > 0 {
			t.Errorf("%d connections are open after Close", n)
		}
		c.mu.Unlock()
		wg.Wait()
		if _, err := Do[*kmsg.MetadataResponse](t.Context(), c, AnyNode, brokersOnly()); !errors.Is(err, ErrClosed) || !errors.Is(err, ErrNotSent) {
			t.Errorf("after Close: %v", err)
		}
		c.Close()
	})
}

// Neither a broker that accepts and says nothing nor one that does not even accept holds Close up.
func TestCloseDoesNotWaitForABrokerThatHangs(t *testing.T) {
	silent := func(context.Context, string, string) (net.Conn, error) {
		nc, _ := net.Pipe()
		return nc, nil
	}
	absent := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for _, c := range []struct {
		name  string
		dial  func(context.Context, string, string) (net.Conn, error)
		after time.Duration // 1.5 s: kafka-go's own connection is given up, and the request's is tried
	}{{"silent", silent, 0}, {"silent", silent, 1500 * time.Millisecond}, {"absent", absent, 0}, {"absent", absent, 1500 * time.Millisecond}} {
		t.Run(c.name+" "+c.after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, after := c.dial, c.after
				c := NewClient(Config{Brokers: []string{"localhost:9092"}, Dial: dial})
				c.add(0, "localhost", 9092)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					if _, err := Do[*kmsg.MetadataResponse](t.Context(), c, 0, brokersOnly()); !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
				}()
				time.Sleep(after)
				synctest.Wait()
				if d := took(func() { c.Close(); <-ended }); d > 0 {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// A request can come to a pool that another's failure has just dropped: what it opens there is closed.
func TestDroppedPoolIsNotOpenedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(1))
		c := s.client(t, k)
		address := k.ListenAddrs()[0]
		pool := c.transport(address)
		c.distrust(address, pool)
		e, _ := metadataCall()
		e.ctx, e.done = t.Context(), make(chan struct{})
		if _, err := pool.RoundTrip(t.Context(), kafka.TCP(address), e); err != nil {
			t.Fatal(err)
		}
		c.settle(address, pool)
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.conns) > 0 {
			t.Errorf("%d connections are open", len(c.conns))
		}
	})
}

func TestAnHourOfUseLeavesNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T, s site) {
		k := s.cluster(t, kfake.NumBrokers(3))
		c := s.client(t, k)
		resume := func() {}
		for range 60 { // idle time-outs, kafka-go's own requests, a broker that is paused now and then
			for node := range int32(3) {
				_ = toNode(t, c, 2*time.Second, node)
			}
			resume()
			resume = k.pause(1)
			time.Sleep(67 * time.Second)
			resume()
		}
		c.mu.Lock()
		transports, conns := len(c.transports), len(c.conns)
		c.mu.Unlock()
		if transports > 3 || conns > 2*3 {
			t.Errorf("%d pools and %d connections after an hour", transports, conns)
		}
	})
}
