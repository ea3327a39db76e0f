package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestEachQuirkAnswersItsCodeOnceAndThenGetsThrough(t *testing.T) {
	toys := []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit,
		kmsg.EndTxn, kmsg.OffsetFetch, kmsg.Fetch}
	for _, q := range Quirks() {
		for _, key := range q.Keys {
			if !slices.Contains(toys, key) {
				continue
			}
			t.Run(q.Name+" on "+key.Name(), func(t *testing.T) {
				Bubble(t, toyTopics, func(w *World) {
					for i := range 3 {
						w.Append(&kgo.Record{Topic: "in", Value: fmt.Append(nil, i)})
					}
					w.Append(&kgo.Record{Topic: "out", Value: []byte("before")})
					w.ResetOffset("g", "in", 0, 0) // the group exists: of another kfake knows no offsets
					h := w.Install(q, key, 1, func(r kmsg.Request) bool { return !(key == kmsg.Produce && (&Exchange{Request: r}).TxnID() == "") })
					w.Keep("toy", none.run, nil, time.Second)
					w.Still(12*time.Second, time.Minute)
					if h.Hits() != 1 {
						t.Fatalf("%d answers, want 1", h.Hits())
					}
					xs := w.Trace.All().Where(All(Key(key), Code(q.Err.Code)))
					if len(xs) != 1 {
						t.Errorf("exchanges with code %d:\n%v", q.Err.Code, xs)
					}
					if err := eachOnce(w.Committed("out")[0][1:], 3); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

func TestAppliedQuirksDoTheWork(t *testing.T) {
	for _, q := range Quirks() {
		if q.Keys[0] != kmsg.Produce {
			continue
		}
		copied(t, 0, func(w *World, hand *toy) {
			w.Install(q, kmsg.Produce, 1, nil)
			if err := hand.publish("x"); !errors.Is(err, q.Err) {
				t.Fatalf("%s: %v", q.Name, err)
			}
			equal(t, q.Name+": batches", len(w.Batches("out", 0)), map[bool]int{false: 0, true: 1}[q.Applied])
		})
	}
}

func TestConcurrentAnswers51AfterEveryEndTxn(t *testing.T) {
	Bubble(t, toyTopics, func(w *World) {
		h := w.Concurrent(2)
		w.Feed(4, 100*time.Millisecond, func(i int) *kgo.Record { return &kgo.Record{Topic: "in", Value: fmt.Append(nil, i)} })()
		w.Start("toy", none.run, nil)
		w.Still(12*time.Second, time.Minute)
		equal(t, "answers 51", h.Hits(), 2*3)
		if err := eachOnce(w.Committed("out")[0], 4); err != nil {
			t.Error(err)
		}
	})
}

func TestLogAppendTimeIsTheBrokersAlsoInATransaction(t *testing.T) {
	cfg := Config{Topics: []TopicConfig{{Name: "in", Partitions: 1},
		{Name: "out", Partitions: 1, Configs: map[string]string{"message.timestamp.type": "LogAppendTime"}}}}
	Bubble(t, cfg, func(w *World) {
		old := time.UnixMilli(1000)
		w.Append(&kgo.Record{Topic: "in", Value: []byte("0"), Timestamp: old})
		w.Start("toy", none.run, nil)
		w.Still(12*time.Second, time.Minute)
		w.Append(&kgo.Record{Topic: "out", Value: []byte("1"), Timestamp: old})
		equal(t, "time in a topic of CreateTime", w.Committed("in")[0][0].Timestamp.UnixMilli(), 1000)
		got := w.Committed("out")[0]
		if len(got) != 2 {
			t.Fatalf("%d records, want 2", len(got))
		}
		equal(t, "time of the second", got[1].Timestamp.UnixMilli(), time.Now().UnixMilli())
		for _, r := range got {
			if r.Attrs.TimestampType() != 1 || r.Timestamp.Year() < 2000 {
				t.Errorf("%s: type %d, time %v", r.Value, r.Attrs.TimestampType(), r.Timestamp)
			}
		}
	})
}

// ask is one Metadata request over a host; its answer is due in limit.
func ask(h *Host, limit time.Duration) error {
	ctx, stop := context.WithTimeout(bg, limit)
	defer stop()
	c, err := h.Dial(ctx, "tcp", Seed)
	if err != nil {
		return err
	}
	defer c.Close()
	return askOver(c, limit)
}

func askOver(c net.Conn, limit time.Duration) error {
	r := kmsg.NewPtrMetadataRequest()
	r.SetVersion(5)
	c.SetDeadline(time.Now().Add(limit))
	if _, err := c.Write(kmsg.NewRequestFormatter().AppendRequest(nil, r, 1)); err != nil {
		return err
	}
	_, err := readFrame(c)
	return err
}

// idle is an instance that does nothing by itself: tests use its host.
func idle(ctx context.Context, _ Dial) error { <-ctx.Done(); return nil }

func TestAPausedHostHoldsAllBytesUntilItGoesOn(t *testing.T) {
	Bubble(t, toyTopics, func(w *World) {
		i := w.Start("x", idle, nil)
		i.Pause()
		time.AfterFunc(3*time.Second, i.Resume)
		began := w.Now()
		if err := ask(i.Host, 10*time.Second); err != nil {
			t.Error(err)
		}
		equal(t, "took", w.Now()-began, 3*time.Second)
	})
}

func TestAStoppedHostsRequestLeavesWhenItGoesOnEvenTooLate(t *testing.T) {
	Bubble(t, toyTopics, func(w *World) {
		i := w.Start("x", idle, At("x.1", 1, Fault{Act: StopBefore, Delay: 20 * time.Second}))
		err := ask(i.Host, 10*time.Second)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the answer came after the deadline: %v", err)
		}
		time.Sleep(time.Second)
		x := w.Trace.All()[0]
		equal(t, "sent, reached the broker, lost", []any{x.Sent.At, x.Landed.At, x.Lost != nil}, []any{time.Duration(0), 20 * time.Second, true})
	})
}

func TestAHostStoppedWithAnAnswerAtItsDoorGetsItWhenItGoesOn(t *testing.T) {
	for _, v := range []Fault{{Act: StopAfter, Delay: 3 * time.Second}, {Act: StopAfter, Until: On("y.1")}} {
		Bubble(t, toyTopics, func(w *World) {
			x, y := w.Start("x", idle, At("x.1", 1, v)), w.Start("y", idle, nil)
			time.AfterFunc(3*time.Second, func() { _ = ask(y.Host, time.Second) })
			if err := ask(x.Host, 10*time.Second); err != nil {
				t.Error(err)
			}
			equal(t, "took", w.Now(), 3*time.Second)
		})
	}
}

func TestASlowRequestArrivesAfterItsDeadlineAndASlowAnswerNever(t *testing.T) {
	for _, v := range []Fault{{Delay: 5 * time.Second}, {Answer: 5 * time.Second}} {
		Bubble(t, toyTopics, func(w *World) {
			i := w.Start("x", idle, At("x.1", 1, v))
			if err := ask(i.Host, 2*time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%+v: %v", v, err)
			}
			time.Sleep(10 * time.Second)
			x := w.Trace.All()[0]
			equal(t, "failed after, answered", []any{x.Failed.At, x.Answered(), x.Landed.Order != 0}, []any{2 * time.Second, false, true})
		})
	}
}

func TestAHostWithoutAWayIsCutOffBothWays(t *testing.T) {
	Bubble(t, toyTopics, func(w *World) {
		i := w.Start("x", idle, nil)
		c, err := i.Host.Dial(bg, "tcp", Seed)
		if err != nil {
			t.Fatal(err)
		}
		i.SetRoute(func(string) (time.Duration, bool) { return 0, false })
		if err := ask(i.Host, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialling: %v", err)
		}
		if err := askOver(c, time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("on an open connection: %v", err)
		}
		i.SetRoute(func(string) (time.Duration, bool) { return 700 * time.Millisecond, true })
		began := w.Now()
		if err := ask(i.Host, 2*time.Second); err != nil {
			t.Error(err)
		}
		equal(t, "with latency a dial and a request take", w.Now()-began, 1400*time.Millisecond)
	})
}

func TestASilentCrashIsNotToldToTheBrokers(t *testing.T) {
	for _, silent := range []bool{false, true} {
		Bubble(t, toyTopics, func(w *World) {
			gone := make(chan struct{})
			w.net.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := w.vn.DialContext(ctx, network, address)
				return &told{Conn: c, closed: gone}, err
			}
			i := w.Start("x", idle, nil)
			if _, err := i.Host.Dial(bg, "tcp", Seed); err != nil {
				t.Fatal(err)
			}
			i.Crash(silent)
			heard := false
			select {
			case <-gone:
				heard = true
			default:
			}
			equal(t, fmt.Sprintf("silent %v: the broker hears of it", silent), heard, !silent)
			if err := ask(i.Host, time.Second); !errors.Is(err, ErrCrashed) {
				t.Errorf("a dead host dialled: %v", err)
			}
			<-i.Ended()
		})
	}
}

type told struct {
	net.Conn
	closed chan struct{}
}

func (c *told) Close() error { close(c.closed); return c.Conn.Close() }

func TestUnreadableBytesAreCarriedAndHaveNoRequest(t *testing.T) {
	for _, frame := range [][]byte{{0, 99, 0, 0, 0, 0, 0, 1}, {0, 3, 0, 99, 0, 0, 0, 1}, {0, 3, 0, 5}, {0, 26, 0, 3, 0, 0, 0, 1, 0, 9}} {
		raw := binary.BigEndian.AppendUint32(nil, uint32(len(frame)))
		if r := readRequest(append(raw, frame...)); r != nil {
			t.Errorf("% x read as %T", frame, r)
		}
	}
	if r := readResponse(kmsg.EndTxn, 3, []byte{0, 0, 0, 5, 0, 0, 0, 1, 7}); r != nil {
		t.Errorf("read as %T", r)
	}
}
