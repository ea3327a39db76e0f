package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/cmd/retrainer/embedded"
	"github.com/visutility/retrainer/internal/free"
)

const (
	switchDrift      = "monitoring.drift,monitoring.concept_drift"
	switchPartitions = 3 // of each topic of events
)

// TestPoliciesSwitchUnderLoadWhileInstancesAreKilled deploys a second revision over three instances one by one, then a third
// on one of them, while events of all kinds come in and instances are killed, some of them with an older file than the active
// revision. The judge folds each partition under the switches that it recorded; meanwhile the program verifies what it commits.
func TestPoliciesSwitchUnderLoadWhileInstancesAreKilled(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b, err := embedded.Start("127.0.0.1:0", t.TempDir(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	makeEventTopics(t, b.Address())
	begin(t, "topics", "apply", "--brokers", b.Address(), "--drift-topic", switchDrift).wait(t)
	fleet := make([]*instance, 3)
	for n := range fleet {
		fleet[n] = newInstance(t, b.Address(), n)
		fleet[n].deploy(1, "one")
		fleet[n].start()
	}
	for _, i := range fleet {
		i.ready(t, i.web)
	}
	load := startLoad(t, b.Address())
	for n, i := range fleet {
		verify := begin(t, "verify", "--brokers", b.Address()) // there is a consistent cut at any moment
		i.deploy(2, "two")
		<-time.After(time.Duration(random.IntN(200)) * time.Millisecond) // the kill's moment is the point of the test
		i.kill()
		i.start()
		i.ready(t, i.web)
		waitUntilActive(t, b.Address(), "2")
		next := fleet[(n+1)%len(fleet)] // this one has the older file still, but for the last time
		next.kill()
		next.start()
		next.ready(t, next.web)
		verify.wait(t)
	}
	fleet[0].deploy(3, "one") // going back is the old text under a new number
	fleet[0].stop(t)
	fleet[0].start()
	waitUntilActive(t, b.Address(), "3")
	load.end()
	waitUntilFolded(t, b.Address(), fleet, load.sent.Load())
	older := 0
	for _, i := range fleet {
		i.stop(t)
		for _, life := range i.lives { // all are over: what they have written is read
			older += strings.Count(life.errs.String(), "the active policy has a greater revision and stays")
		}
	}
	if older != 2 {
		t.Errorf("%d starts with an older file than the active revision; want 2", older)
	}
	said := judgeAt(t, b.Address(), "--drift-topic", switchDrift)
	for what, least := range map[string]int{"policies": 3, "switches": 3 * switchPartitions, "alerts on drift": 1, "alerts on concept_drift": 1,
		"alerts on performance": 1, "alerts resolved recovered": 1, "alerts resolved rule_removed": 1} {
		if n := number(said, `(\d+) `+what); n < least {
			t.Errorf("%d %s; want at least %d", n, what, least)
		}
	}
}

// makeEventTopics makes them with few partitions: a group of processes on one small machine has enough to do.
func makeEventTopics(t *testing.T, broker string) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, topic := range strings.Split(switchDrift+",monitoring.performance", ",") {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, switchPartitions, 1
		req.Topics = append(req.Topics, rt)
	}
	if _, err := req.RequestWith(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// waitUntilActive waits until a revision is in the topic of policies.
func waitUntilActive(t *testing.T, broker, revision string) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("retrain.policy"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for active := false; !active; {
		if ctx.Err() != nil {
			t.Fatalf("revision %s is not active", revision)
		}
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { active = active || string(r.Key) == revision })
	}
}

// number is what a pattern finds in a text.
func number(text, pattern string) int {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // it is of digits
		return n
	}
	return -1
}

// instance is one of several processes of the service, each with a policy file of its own.
type instance struct {
	*process
	lives  []*process // the last one is that process
	t      *testing.T
	web    string
	dir    string
	policy string
	args   []string
}

func newInstance(t *testing.T, broker string, n int) *instance {
	i := &instance{t: t, web: free.Address(t), dir: t.TempDir()}
	i.args = []string{"serve", "--brokers", broker, "--drift-topic", switchDrift, "--http", i.web, "--instance-id", strconv.Itoa(n), "--checkpoint-interval", "500ms"}
	return i
}

// deploy gives it a new policy file, for its next start.
func (i *instance) deploy(revision int, file string) {
	i.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "switch", file+".yaml"))
	i.policy = filepath.Join(i.dir, fmt.Sprintf("policy-%d.yaml", revision))
	if err == nil {
		err = os.WriteFile(i.policy, fmt.Appendf(nil, "revision: %d\n%s", revision, text), 0o644)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *instance) start() {
	i.t.Helper()
	i.process = begin(i.t, append(i.args, "--policy", i.policy)...)
	i.lives = append(i.lives, i.process)
}

func (i *instance) kill() {
	_ = i.cmd.Process.Kill()
	_ = i.cmd.Wait() // killed
}

// waitUntilFoldedTo waits until so many records of the topics with a prefix have been folded.
func waitUntilFoldedTo(t *testing.T, fleet []*instance, prefix string, least int64) {
	t.Helper()
	if err := until(func() error {
		folded, err := foldedBy(fleet, prefix)
		if err == nil && folded < least {
			err = fmt.Errorf("%s: %d of %d records are folded", prefix, folded, least)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// waitUntilFolded waits until each event has been folded, and every entry that the ledger has by then.
func waitUntilFolded(t *testing.T, broker string, fleet []*instance, events int64) {
	t.Helper()
	waitUntilFoldedTo(t, fleet, "monitoring.", events)
	c, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req := kmsg.NewPtrListOffsetsRequest()
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = "retrain.ledger"
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Timestamp = -1 // its end
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	res, err := req.RequestWith(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	waitUntilFoldedTo(t, fleet, "retrain.ledger", res.Topics[0].Partitions[0].Offset)
}

// foldedBy is how far the tasks of topics with a prefix have come, together.
func foldedBy(fleet []*instance, prefix string) (folded int64, err error) {
	for _, i := range fleet {
		var r readiness
		res, err := asking.Get("http://" + i.web + "/readyz")
		if err != nil {
			return 0, err
		}
		err = json.NewDecoder(res.Body).Decode(&r)
		_ = res.Body.Close()
		if err != nil {
			return 0, err
		}
		for _, task := range r.Tasks {
			if strings.HasPrefix(task.Topic, prefix) {
				folded += task.Position
			}
		}
	}
	return folded, nil
}

// switchLoad writes events of all kinds.
type switchLoad struct {
	sent   atomic.Int64
	cancel context.CancelFunc
	ended  chan struct{}
}

func startLoad(t *testing.T, broker string) *switchLoad {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	l := &switchLoad{ended: make(chan struct{})}
	var going context.Context
	going, l.cancel = context.WithCancel(t.Context())
	t.Cleanup(l.end)
	failed := func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	go func() {
		defer close(l.ended)
		defer c.Close()
		pace := time.NewTicker(6 * time.Millisecond)
		defer pace.Stop()
		for n := 0; going.Err() == nil; n++ {
			l.sent.Add(1)
			c.Produce(t.Context(), switchEvent(t, n), func(_ *kgo.Record, err error) { failed(err) })
			<-pace.C
		}
		failed(c.Flush(t.Context()))
	}()
	return l
}

func (l *switchLoad) end() {
	l.cancel()
	<-l.ended
}

// switchEvent is the n-th event: of 24 sources of each kind, which are good for a while and bad for a while.
func switchEvent(t *testing.T, n int) *kgo.Record {
	kind, source, check := n%3, n/3%24, n/3/24
	bad := (check+source)%10 > 5
	pick := func(good, drifted float64) float64 {
		if bad {
			return drifted
		}
		return good * float64(1+n%5)
	}
	rest := fmt.Sprintf(`"timestamp":%d,"event_id":"e%d"}`, time.Now().UnixMilli(), n)
	r := &kgo.Record{Partition: int32(source % switchPartitions)}
	switch kind {
	case 0:
		r.Topic, r.Value = "monitoring.drift", recordOf(t, "DriftEvent", fmt.Sprintf(`{"stream_id":"cam-%d","p_value":%g,`, source, pick(0.1, 0.0001))+rest)
	case 1:
		r.Topic, r.Value = "monitoring.concept_drift", recordOf(t, "DriftEvent", fmt.Sprintf(`{"model_id":"model-%d/v1","kl_divergence":%g,`, source, pick(0.01, 0.5))+rest)
	case 2:
		r.Topic, r.Value = "monitoring.performance", recordOf(t, "PerformanceEvent", fmt.Sprintf(`{"model_id":"model-%d/v%d","mAP_change":%g,`, source, 1+check/20, pick(0.001, -0.08))+rest)
	}
	return r
}
