package consumer_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
	"github.com/visutility/retrainer/internal/sim"
)

// The kernel's proofs run the counting handler of examples/count over a topic of two partitions, with everything that a task
// can meet: outputs, checkpoints, dead letters, a switch of revision. What came out is judged by folding the input again
// here, with five lines of arithmetic.
const (
	app        = "app"
	input      = "in"
	checkpoint = "app.checkpoint.in"
	totals     = "app.totals"
	revisions  = "app.every"
	deadTopic  = "app.dlq"
	partitions = 2
)

var compacted = map[string]string{"cleanup.policy": "compact"}

func topics() []sim.TopicConfig {
	return []sim.TopicConfig{{Name: input, Partitions: partitions}, {Name: checkpoint, Partitions: partitions, Configs: compacted},
		{Name: totals, Partitions: 2}, {Name: revisions, Partitions: 1, Configs: compacted}, {Name: deadTopic, Partitions: 1}}
}

// logs collects what instances say, for tests that ask for a sentence.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// counting is an instance that counts. configure changes its Config.
func counting(to io.Writer, configure ...func(*consumer.Config)) sim.Run {
	return seen(to, func(*consumer.Consumer) {}, configure...)
}

// seen is counting, and shows who does it.
func seen(to io.Writer, show func(*consumer.Consumer), configure ...func(*consumer.Config)) sim.Run {
	return func(ctx context.Context, dial sim.Dial) error {
		cfg := consumer.Config{
			App: app, Brokers: []string{sim.Seed}, Dial: dial, Revisions: revisions, DeadLetters: deadTopic,
			SessionTimeout: 6 * time.Second, CheckpointInterval: 2 * time.Second, Log: zerolog.New(to),
			Inputs: []consumer.Input{{Topic: input, Checkpoint: checkpoint, Versioned: true,
				New: func() record.Handler { return counter.New(totals) }, Outputs: []string{totals}}},
		}
		for _, f := range configure {
			f(&cfg)
		}
		c, err := consumer.New(cfg)
		if err != nil {
			return err
		}
		show(c)
		return c.Run(ctx)
	}
}

func static(id string) func(*consumer.Config) {
	return func(c *consumer.Config) { c.InstanceID = id }
}

// revise puts a revision: totals are said at each multiple of every.
func revise(w *sim.World, number, every int) {
	w.Append(&kgo.Record{Topic: revisions, Key: []byte(strconv.Itoa(number)), Value: []byte(strconv.Itoa(every))})
}

// event is the i-th record of the input: partitions in turn, three keys in each, every seventh without a value.
func event(i int) *kgo.Record {
	p := i % partitions
	r := &kgo.Record{Topic: input, Partition: int32(p), Key: fmt.Appendf(nil, "p%d-%d", p, i/partitions%3), Value: []byte("x")}
	if i%7 == 6 {
		r.Value = nil
	}
	return r
}

// judge compares all that was published with a fold of the input as it stands: every total once and in order, one switch a
// partition and revision, every record without a value a dead letter once.
func judge(w *sim.World, everyOf map[int]int) error {
	said := map[string][]string{}
	for _, p := range w.Committed(totals) {
		for _, r := range p {
			said[string(r.Key)] = append(said[string(r.Key)], string(r.Value))
		}
	}
	var deadWant, deadGot []string
	for p, records := range w.Committed(input) {
		var keys []string
		for _, r := range records {
			if len(r.Value) == 0 {
				deadWant = append(deadWant, fmt.Sprintf("%s/%d/%d", input, p, r.Offset))
			} else {
				keys = append(keys, string(r.Key))
			}
		}
		if err := judgePartition(keys, said, everyOf); err != nil {
			return fmt.Errorf("partition %d: %w", p, err)
		}
	}
	for k, v := range said {
		return fmt.Errorf("%s was said of a key that the input does not have: %v", k, v)
	}
	for _, p := range w.Committed(deadTopic) {
		for _, r := range p {
			h := map[string]string{}
			for _, x := range r.Headers {
				h[x.Key] = string(x.Value)
			}
			deadGot = append(deadGot, fmt.Sprintf("%s/%s/%s", h["__streams.errors.topic"], h["__streams.errors.partition"], h["__streams.errors.offset"]))
		}
	}
	slices.Sort(deadWant)
	slices.Sort(deadGot)
	if !slices.Equal(deadWant, deadGot) {
		return fmt.Errorf("dead letters %v, want %v", deadGot, deadWant)
	}
	return nil
}

// judgePartition folds one partition's keys. Where a revision was switched is read off what was said at the switch, and must
// be one place for all keys.
func judgePartition(keys []string, said map[string][]string, everyOf map[int]int) error {
	n, at := map[string]int{}, switches(keys, said)
	every, revision := everyOf[1], 1
	expect := func(k, text string) error {
		if len(said[k]) == 0 || said[k][0] != text {
			return fmt.Errorf("of %s comes %q, want %q", k, said[k], text)
		}
		said[k] = said[k][1:]
		return nil
	}
	switchTo := func(r int) error {
		for _, k := range slices.Sorted(maps.Keys(n)) {
			if err := expect(k, fmt.Sprintf("%s %d until revision %d", k, n[k], r)); err != nil {
				return err
			}
		}
		every, revision = everyOf[r], r
		return nil
	}
	for i := 0; i <= len(keys); i++ {
		for next := revision + 1; everyOf[next] > 0 && switched(n, at[next]); next++ {
			if err := switchTo(next); err != nil {
				return err
			}
		}
		if i == len(keys) {
			break
		}
		if n[keys[i]]++; n[keys[i]]%every == 0 {
			if err := expect(keys[i], fmt.Sprintf("%s %d", keys[i], n[keys[i]])); err != nil {
				return err
			}
		}
	}
	for k := range n {
		if len(said[k]) > 0 {
			return fmt.Errorf("of %s was said besides: %q", k, said[k])
		}
		delete(said, k)
	}
	return nil
}

// switched says whether the counts are just those that were said at the switch to a revision.
func switched(n map[string]int, at map[string]int) bool { return len(at) > 0 && maps.Equal(n, at) }

// switches are the counts of one partition's keys that were said at each switch.
func switches(keys []string, said map[string][]string) map[int]map[string]int {
	at := map[int]map[string]int{}
	for _, k := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		for _, text := range said[k] {
			var key string
			var n, revision int
			if _, err := fmt.Sscanf(text, "%s %d until revision %d", &key, &n, &revision); err == nil {
				if at[revision] == nil {
					at[revision] = map[string]int{}
				}
				at[revision][k] = n
			}
		}
	}
	return at
}

// begun waits until every partition has counted each of its keys, so that a switch is heard.
func begun(w *sim.World, limit time.Duration) {
	w.T.Helper()
	w.Until(limit, "a few records counted on every partition", func() bool {
		at := w.Offsets(app)[input]
		return len(at) == partitions && at[0].Offset >= 6 && at[1].Offset >= 6
	})
}

// settled waits until the group has committed all of the input, and then until nobody works any more.
func settled(w *sim.World, limit time.Duration) {
	w.T.Helper()
	w.Until(limit, "all of the input committed", func() bool {
		at := w.Offsets(app)[input]
		for p := range int32(partitions) {
			if c, ok := at[p]; !ok || c.Offset < w.Cluster.PartitionInfo(input, p).HighWatermark {
				return false
			}
		}
		return true
	})
	w.Still(time.Second, limit)
}

func TestKernelCountsEachRecordOnce(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: topics()}, func(w *sim.World) {
		var l logs
		w.Start("a", counting(&l), nil)
		revise(w, 1, 2)
		w.Feed(40, 100*time.Millisecond, event)()
		revise(w, 2, 3)
		w.Feed(40, 100*time.Millisecond, event)()
		settled(w, time.Minute)
		if err := judge(w, map[int]int{1: 2, 2: 3}); err != nil {
			t.Error(err)
		}
		xs := w.Trace.All()
		for _, err := range []error{xs.Serial(), xs.FencesFirst(), xs.JoinsIdle()} {
			if err != nil {
				t.Error(err)
			}
		}
		if n := l.count(`"level":"error"`); n > 0 {
			t.Errorf("an undisturbed run logged %d errors:\n%s", n, l.b.String())
		}
	})
}
