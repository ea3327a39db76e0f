package sim_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/examples/count/counter"
	"github.com/visutility/retrainer/internal/sim"
)

// The kernel with the counting handler: what is published is folded again here from the input, which shares no code with it.
const (
	app        = "app"
	input      = "in"
	checkpoint = "app.checkpoint.in"
	totals     = "app.totals"
	revisions  = "app.revisions"
	deadTopic  = "app.dlq"
)

func kernelTopics(brokers int) sim.Config {
	compacted := map[string]string{"cleanup.policy": "compact"}
	return sim.Config{Brokers: brokers, Topics: []sim.TopicConfig{{Name: input, Partitions: 1}, {Name: checkpoint, Partitions: 1, Configs: compacted},
		{Name: totals, Partitions: 1}, {Name: revisions, Partitions: 1, Configs: compacted}, {Name: deadTopic, Partitions: 1}}}
}

// said is what the instances of a bubble log.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// counting is an instance; id is its group.instance.id, "" for a dynamic member.
func counting(id string, log *said) sim.Run {
	return func(ctx context.Context, dial sim.Dial) error {
		c, err := consumer.New(consumer.Config{
			App: app, Brokers: []string{sim.Seed}, Dial: dial, InstanceID: id, Revisions: revisions, DeadLetters: deadTopic,
			SessionTimeout: 6 * time.Second, CheckpointInterval: 300 * time.Millisecond, Log: zerolog.New(log),
			Inputs: []consumer.Input{{Topic: input, Checkpoint: checkpoint, Versioned: true,
				New: func() record.Handler { return counter.New(totals) }}},
		})
		if err != nil {
			return err
		}
		return c.Run(ctx)
	}
}

func revise(w *sim.World, number, every int) {
	w.Append(&kgo.Record{Topic: revisions, Key: strconv.AppendInt(nil, int64(number), 10), Value: strconv.AppendInt(nil, int64(every), 10)})
}

// event is a record of one of two keys; each fifth has no value and becomes a dead letter.
func event(i int) *kgo.Record {
	r := &kgo.Record{Topic: input, Key: []byte{byte('a' + i%2)}, Value: []byte("x")}
	if i%5 == 4 {
		r.Value = nil
	}
	return r
}

// feed appends n events, the first of which is the from-th.
func feed(w *sim.World, from, n int, apart time.Duration) {
	w.Feed(n, apart, func(i int) *kgo.Record { return event(from + i) })()
}

// fold is what must be published of the keys of an input, when revision 1 says each count, and revision 2, taken up after
// the first cut records, each second one.
func fold(keys []string, cut int) (out map[string][]string) {
	n, every := map[string]int{}, 1
	out = map[string][]string{}
	for i := 0; i <= len(keys); i++ {
		if i == cut {
			for k := range n {
				out[k] = append(out[k], fmt.Sprintf("%s %d until revision 2", k, n[k]))
			}
			every = 2
		}
		if i == len(keys) {
			break
		}
		k := keys[i]
		if n[k]++; n[k]%every == 0 {
			out[k] = append(out[k], fmt.Sprintf("%s %d", k, n[k]))
		}
	}
	return out
}

// onceEach compares what was published with a fold of the input. Where revision 2 was taken up is read off the output: the
// counts until then say how many records came before.
func onceEach(w *sim.World) error {
	got, cut := map[string][]string{}, -1
	for _, r := range w.Committed(totals)[0] {
		k, v := string(r.Key), string(r.Value)
		got[k] = append(got[k], v)
		if strings.HasSuffix(v, "until revision 2") {
			n, _ := strconv.Atoi(strings.Fields(v)[1])
			cut = max(cut, 0) + n
		}
	}
	var keys, dead []string
	for _, r := range w.Committed(input)[0] {
		if len(r.Value) == 0 {
			dead = append(dead, string(r.Key))
		} else {
			keys = append(keys, string(r.Key))
		}
	}
	// Without a count at the switch revision 2 was never in force, or it was from the first record on.
	want := fold(keys, cut)
	if late := fold(keys, 0); cut < 0 && fmt.Sprint(got) == fmt.Sprint(late) {
		want = late
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("published\n%v\nwant\n%v", got, want)
	}
	var letters []string
	for _, r := range w.Committed(deadTopic)[0] {
		letters = append(letters, string(r.Key))
	}
	if !slices.Equal(letters, dead) {
		return fmt.Errorf("dead letters of %v, want %v", letters, dead)
	}
	return nil
}

// caughtUp waits until the committed offset is the input's end, then until nobody works any more.
func caughtUp(w *sim.World) {
	w.T.Helper()
	w.Until(2*time.Minute, "the whole input committed", func() bool {
		c, ok := w.Offsets(app)[input][0]
		return ok && c.Offset == w.Cluster.PartitionInfo(input, 0).HighWatermark
	})
	w.Still(time.Second, 2*time.Minute)
}

// outcomeOf ends a life: the outcome, and on the wire one step at a time, each commit under the live generation.
func outcomeOf(w *sim.World, log *said) (sim.Exchanges, error) {
	err, xs := onceEach(w), w.Trace.All()
	for _, rule := range []func() error{xs.Serial, xs.Fenced} {
		if err == nil {
			err = rule()
		}
	}
	if err != nil {
		w.T.Log(log)
	}
	return xs, err
}

// staticLife is a static member with outputs, a dead letter, a checkpoint and a switch of revision. It is started again
// 100 ms after a crash.
func staticLife(t *testing.T, faults sim.Faults) (xs sim.Exchanges, err error) {
	sim.Bubble(t, kernelTopics(1), func(w *sim.World) {
		var log said
		revise(w, 1, 1)
		w.Keep("a", counting("a", &log), faults, 100*time.Millisecond)
		feed(w, 0, 5, 150*time.Millisecond)
		revise(w, 2, 2)
		feed(w, 5, 5, 150*time.Millisecond)
		caughtUp(w)
		xs, err = outcomeOf(w, &log)
	})
	return xs, err
}

// transactional picks the requests that can do harm by coming late.
var transactional = sim.Key(append(sim.TransactionKeys(), kmsg.JoinGroup, kmsg.SyncGroup, kmsg.LeaveGroup)...)

func TestARequestOfADeadInstanceOvertakingItsSuccessorDoesNoHarm(t *testing.T) {
	sim.Wherever(t, "a.1", transactional, sim.Overtaking(sim.Late, "a.2", kmsg.JoinGroup, kmsg.InitProducerID, kmsg.OffsetFetch,
		kmsg.ListOffsets, kmsg.AddPartitionsToTxn, kmsg.EndTxn), staticLife)
}

func TestAStrayRequestOvertakingItsOwnInstanceDoesNoHarm(t *testing.T) {
	sim.Wherever(t, "a.1", transactional, sim.Overtaking(sim.Stray, "a.1", kmsg.InitProducerID, kmsg.Produce, kmsg.EndTxn), staticLife)
}
