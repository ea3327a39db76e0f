package sim

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Seed is the address that an instance starts from.
const Seed = "localhost:9092"

// patience is how long an instance may take to end after it was told to, in virtual time, where a Config says nothing else.
const patience = 10 * time.Second

// Run is one life of an instance: it works until ctx is cancelled and returns when all its goroutines have ended. All that
// it sends goes through dial.
type Run func(ctx context.Context, dial Dial) error

// TopicConfig is made before the bubble's test begins. LogAppendTime among its configs is kept by the brokers.
type TopicConfig struct {
	Name       string
	Partitions int32
	Configs    map[string]string
}

// Config says what a bubble starts with.
type Config struct {
	Brokers  int // 1 (also for 0) or up to 3
	Topics   []TopicConfig
	Patience time.Duration // with an instance that was told to end; zero: 10 s, which is promised of the program
}

// World is one bubble: a cluster, its hosts, and what they said to each other.
type World struct {
	T       *testing.T
	Cluster *kfake.Cluster
	Trace   *Trace

	net      *network
	patience time.Duration
	vn       kfake.VirtualNetwork
	topics   []TopicConfig
	plain    *kgo.Client // reads and writes beside the instances, without a Host

	mu    sync.Mutex
	lives map[string]int
	all   []*Instance // in the order of starting

	ending chan struct{}  // closed when the test's own part is over
	back   sync.WaitGroup // who starts next lives
}

// Bubble runs test in a world of its own under virtual time, then ends all that is still running. If the test has failed it
// prints the end of the trace.
func Bubble(t *testing.T, cfg Config, test func(w *World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg)
		defer w.end()
		test(w)
	})
}

func newWorld(t *testing.T, cfg Config) *World {
	w := &World{T: t, Trace: newTrace(), topics: cfg.Topics, patience: cmp.Or(cfg.Patience, patience), lives: map[string]int{}, ending: make(chan struct{})}
	w.net = &network{dial: w.vn.DialContext, trace: w.Trace, over: make(chan struct{})}
	// Without fixed ports every broker of the virtual network would listen on port 0.
	ports := []int{9092, 9093, 9094}[:max(1, cfg.Brokers)]
	c, err := kfake.NewCluster(kfake.Ports(ports...), kfake.ListenFn(w.vn.Listen))
	if err != nil {
		t.Fatal(err)
	}
	w.Cluster = c
	for _, tp := range cfg.Topics {
		if err := c.CreateTopic(tp.Name, tp.Partitions, tp.Configs); err != nil {
			t.Fatalf("topic %s: %v", tp.Name, err)
		}
		w.Trace.learn(c.TopicInfo(tp.Name).TopicID, tp.Name)
		for p := range tp.Partitions { // kfake draws the first leaders
			if err := c.MoveTopicPartition(tp.Name, p, p%int32(len(ports))); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.stampAppendTime()
	w.forgiveUserData()
	w.plain, err = kgo.NewClient(kgo.SeedBrokers(Seed), kgo.Dialer(w.vn.DialContext), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MetadataMinAge(50*time.Millisecond), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// end stops what runs, in the order that lets every goroutine of the bubble go.
func (w *World) end() {
	close(w.ending)
	w.back.Wait()
	for _, i := range w.all {
		i.Resume()
		i.cancel()
	}
	for _, i := range w.all {
		_ = i.wait() // how it ended is the test's to ask
		i.died = nil
		i.Crash(false)
	}
	close(w.net.over)
	w.net.stray.Wait()
	w.plain.Close()
	w.Cluster.Close()
	if w.T.Failed() {
		xs := w.Trace.All()
		w.T.Logf("the last of %d requests:\n%v", len(xs), xs.Tail(100))
	}
}

// Now is the virtual time since the bubble began.
func (w *World) Now() time.Duration { return time.Since(w.Trace.start) }

// Instance is one life of an instance: its host, and how its Run ended.
type Instance struct {
	*Host
	w      *World
	cancel context.CancelFunc
	last   atomic.Bool
	ended  chan struct{}
	err    error
}

// Start begins the next life of an instance, "a.1" for the first of "a", on a new host.
func (w *World) Start(name string, run Run, faults Faults) *Instance {
	ctx, cancel := context.WithCancel(context.Background())
	w.mu.Lock()
	w.lives[name]++
	host := fmt.Sprintf("%s.%d", name, w.lives[name])
	i := &Instance{w: w, Host: newHost(host, w.net, faults, cancel), cancel: cancel, ended: make(chan struct{})}
	w.all = append(w.all, i)
	w.mu.Unlock()
	go func() {
		defer close(i.ended)
		i.err = run(ctx, i.Host.Dial)
	}()
	return i
}

// Ended is closed when Run has returned.
func (i *Instance) Ended() <-chan struct{} { return i.ended }

// Stop asks the instance to end, as SIGTERM does, waits, and says what its Run returned.
func (i *Instance) Stop() error {
	i.last.Store(true)
	i.cancel()
	return i.wait()
}

func (i *Instance) wait() error {
	select {
	case <-i.ended:
		return i.err
	case <-time.After(i.w.patience):
		i.w.T.Fatalf("%s: Run has not returned %v after it was told to", i.Name, i.w.patience)
		return nil
	}
}

// Keep starts an instance and, after each crash or end of a life, the next one, so long after; until the bubble ends or the
// life in being is stopped.
func (w *World) Keep(name string, run Run, faults Faults, pause time.Duration) {
	i := w.Start(name, run, faults)
	w.back.Go(func() {
		for {
			select {
			case <-i.Dead():
			case <-i.Ended():
			case <-w.ending:
				return
			}
			select {
			case <-time.After(pause):
			case <-w.ending:
				return
			}
			if i.last.Load() {
				return
			}
			i = w.Start(name, run, faults)
		}
	})
}

// Until waits for cond, looking every 50 ms of virtual time, and fails the test if it does not come true within limit. It looks when
// all that can be done at that moment has been done: what is seen, and what goes on from there, does not depend on which goroutine
// the scheduler ran first.
func (w *World) Until(limit time.Duration, what string, cond func() bool) bool {
	w.T.Helper()
	return w.UntilEvery(50*time.Millisecond, limit, what, cond)
}

// UntilEvery is Until with its own time between two looks, for a limit of hours.
func (w *World) UntilEvery(step, limit time.Duration, what string, cond func() bool) bool {
	w.T.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(step) {
		if synctest.Wait(); cond() {
			return true
		}
		if !time.Now().Before(end) {
			w.T.Errorf("after %v (at %v): not yet: %s", limit, w.Now(), what)
			return false
		}
	}
}

// Still waits until for d nobody has sent anything but the requests of an idle instance and no request or host is held by a
// fault, and fails the test if that does not happen within limit.
func (w *World) Still(d, limit time.Duration) bool {
	w.T.Helper()
	idle := Key(kmsg.Fetch, kmsg.Heartbeat, kmsg.Metadata, kmsg.ApiVersions, kmsg.FindCoordinator)
	var busy time.Duration // the last moment of work
	return w.Until(limit, fmt.Sprintf("%v without work", d), func() bool {
		if xs := w.Trace.All().Where(Not(idle)); len(xs) > 0 {
			busy = max(busy, xs[len(xs)-1].Sent.At)
		}
		if w.net.held.Load() > 0 {
			busy = w.Now()
		}
		return w.Now()-busy >= d
	})
}
