package consumer_test

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/internal/sim"
)

const (
	alarms     = "app.alarms"
	alarmsMade = "app.checkpoint.alarms"
)

// alarm says when a moment of the broker's clock was reached: a record's value is how many milliseconds after its own time.
type alarm struct{ at, now int64 }

func (a *alarm) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	a.now = max(a.now, r.Time)
	if a.at != 0 && a.now >= a.at {
		out = append(out, record.Output{Topic: totals, Key: []byte("late"), Value: strconv.AppendInt(nil, a.now-a.at, 10)})
		a.at = 0
	}
	if n, err := strconv.ParseInt(string(r.Value), 10, 64); err == nil {
		a.at = r.Time + n
	}
	return out, nil
}

func (a *alarm) Pass(_ *record.Record, out []record.Output) ([]record.Output, error) { return out, nil }
func (a *alarm) Deadline() int64                                                     { return a.at }
func (a *alarm) Restore(_, value []byte) error {
	a.at = int64(binary.BigEndian.Uint64(value))
	return nil
}
func (a *alarm) Snapshot(_ bool, put func(key, value []byte)) {
	put([]byte("at"), binary.BigEndian.AppendUint64(nil, uint64(a.at)))
}

// A handler's deadline is met on an otherwise silent partition, also when the owner dies before it.
func TestTickMeetsADeadlineOnASilentPartition(t *testing.T) {
	for _, crash := range []bool{false, true} {
		sim.Bubble(t, sim.Config{Topics: append(topics(), sim.TopicConfig{Name: alarms, Partitions: 1, Configs: map[string]string{"message.timestamp.type": "LogAppendTime"}},
			sim.TopicConfig{Name: alarmsMade, Partitions: 1, Configs: compacted})}, func(w *sim.World) {
			var l logs
			run := counting(&l, func(c *consumer.Config) {
				c.Revisions, c.InstanceID = "", "a"
				c.Inputs = []consumer.Input{{Topic: alarms, Checkpoint: alarmsMade, Tick: []byte("tick"), EachCommit: true,
					New: func() record.Handler { return &alarm{} }}}
			})
			a := w.Start("a", run, nil)
			w.Append(&kgo.Record{Topic: alarms, Value: []byte("20000"), Timestamp: time.Unix(1, 0)})
			time.Sleep(10 * time.Second)
			if crash {
				a.Crash(false)
				time.Sleep(time.Second)
				w.Start("a", run, nil)
			}
			time.Sleep(10*time.Second + 300*time.Millisecond)
			var late []string
			for _, p := range w.Committed(totals) {
				for _, r := range p {
					late = append(late, string(r.Value))
				}
			}
			if len(late) != 1 {
				t.Fatalf("crash %v: said %v\n%s", crash, late, l.b.String())
			}
			if ms, err := strconv.Atoi(late[0]); err != nil || ms < 0 || ms > 250 {
				t.Errorf("crash %v: %s ms after the deadline, want at most 250", crash, late[0])
			}
			ticks := 0
			for _, r := range w.Committed(alarms)[0] {
				if string(r.Value) == "tick" {
					ticks++
				}
			}
			if want := map[bool]int{false: 2, true: 3}[crash]; ticks != want { // one on entering run, one at the deadline
				t.Errorf("crash %v: %d ticks, want %d", crash, ticks, want)
			}
		})
	}
}

// A tick that could not be appended is not told of any more when no timer is waiting for one.
func TestATickThatIsNotWantedAnyMoreIsNotWaitedFor(t *testing.T) {
	sim.Bubble(t, sim.Config{Topics: append(topics(), sim.TopicConfig{Name: alarms, Partitions: 1, Configs: map[string]string{"message.timestamp.type": "LogAppendTime"}},
		sim.TopicConfig{Name: alarmsMade, Partitions: 1, Configs: compacted})}, func(w *sim.World) {
		var c atomic.Pointer[consumer.Consumer]
		w.Start("a", seen(t.Output(), c.Store, func(c *consumer.Config) {
			c.Revisions, c.InstanceID = "", "a"
			c.Inputs = []consumer.Input{{Topic: alarms, Checkpoint: alarmsMade, Tick: []byte("tick"), EachCommit: true,
				New: func() record.Handler { return &alarm{} }}}
		}), nil)
		w.Append(&kgo.Record{Topic: alarms, Value: []byte("20000")})
		time.Sleep(10 * time.Second)
		refused := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: alarms, Err: kerr.TopicAuthorizationFailed, Count: -1})
		w.Until(20*time.Second, "the tick is refused", func() bool {
			st := c.Load().Status()
			return len(st.Tasks) == 1 && strings.Contains(st.Tasks[0].Why, "no timer fires")
		})
		refused.Remove()
		w.Append(&kgo.Record{Topic: alarms, Value: []byte("3600000")}) // before the next try: its own time is past the first deadline
		time.Sleep(10 * time.Second)
		if st := c.Load().Status(); !st.Ready() {
			t.Errorf("it is not ready: %+v", st)
		}
	})
}
