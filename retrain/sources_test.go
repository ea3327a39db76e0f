package retrain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// live is a partition with its checkpoint.
type live struct {
	*Sources
	topic      On
	policy     *Policy
	checkpoint map[string][]byte
}

func newLive(t testing.TB, topic On, p *Policy) *live {
	l := &live{NewSources(topic), topic, p, map[string][]byte{}}
	if err := l.Use(p); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *live) take(h happening) []*Alert {
	if h.policy != nil {
		if h.policy.Revision > l.policy.Revision {
			l.policy = h.policy
		}
		return l.Switch(h.policy, nil)
	}
	out := l.Pass(h.origin.Time, nil)
	if h.event != nil {
		out, _ = l.Fold(&h.origin, h.event, out)
	}
	return out
}

func (l *live) save(all bool) {
	if all {
		clear(l.checkpoint)
	}
	l.Snapshot(all, func(key, value []byte) { put(l.checkpoint, key, value) })
}

func put(m map[string][]byte, key, value []byte) {
	if value == nil {
		delete(m, string(key))
		return
	}
	m[string(key)] = slices.Clone(value)
}

// restart is the partition made anew from the checkpoint, with the policy set before or after.
func (l *live) restart(t testing.TB, policyFirst bool) *live {
	t.Helper()
	n := &live{NewSources(l.topic), l.topic, l.policy, maps.Clone(l.checkpoint)}
	restore := func() {
		for _, key := range slices.Sorted(maps.Keys(l.checkpoint)) {
			if err := n.Restore([]byte(key), slices.Clone(l.checkpoint[key])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !policyFirst {
		restore()
	}
	if err := n.Use(l.policy); err != nil {
		t.Fatal(err)
	}
	if policyFirst {
		restore()
	}
	return n
}

func TestRestoringAPartitionAnywhereChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		first := revision(t, rapid.IntRange(0, len(policyTexts)-1).Draw(rt, "first"), 1)
		steady, other := newLive(t, topic, first), newLive(t, topic, first)
		for i, h := range drawHappenings(rt, t, topic, 1, 60) {
			want, got := steady.take(h), other.take(h)
			if !reflect.DeepEqual(want, got) {
				rt.Fatalf("record %d: %s\nundisturbed\n%s", i, shown(got), shown(want))
			}
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				other.save(h.policy != nil)
				other = other.restart(t, rapid.Bool().Draw(rt, "policy first"))
			case 1:
				other.save(h.policy != nil)
			default:
				if h.policy != nil {
					other.save(true)
				}
			}
		}
		steady.save(true)
		other.save(true)
		if !reflect.DeepEqual(steady.checkpoint, other.checkpoint) {
			rt.Fatalf("the states differ: %q\nand %q", other.checkpoint, steady.checkpoint)
		}
	})
}

func TestReplayingFromAnOlderCheckpointGivesTheSameState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		l := newLive(t, topic, revision(t, 0, 1))
		since := []happening{}
		for _, h := range drawHappenings(rt, t, topic, 1, 60) {
			if h.policy != nil {
				continue
			}
			l.take(h)
			if since = append(since, h); rapid.IntRange(0, 7).Draw(rt, "save") == 0 {
				l.save(false)
				since = nil
			}
		}
		again := l.restart(t, true)
		for _, h := range since {
			again.take(h)
		}
		l.save(true)
		again.save(true)
		if !reflect.DeepEqual(l.checkpoint, again.checkpoint) {
			rt.Fatalf("%q\nexpected\n%q", again.checkpoint, l.checkpoint)
		}
	})
}

func TestARedeliveryOfTheNewestSaysNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		l := newLive(t, topic, revision(t, 0, 1))
		for i, h := range drawHappenings(rt, t, topic, 1, 40) {
			if h.event == nil || h.policy != nil || h.event.Timestamp > h.origin.Time {
				continue // a clock ahead has another time when it comes again: the record's
			}
			l.take(h)
			h.origin.Offset += 1_000_000
			if out := l.take(h); len(out) > 0 {
				rt.Fatalf("record %d again: %s", i, shown(out))
			}
		}
	})
}

func TestSourcesAreIndependent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom([]On{OnDrift, OnPerformance}).Draw(rt, "topic")
		list := drawHappenings(rt, t, topic, 1, 60)
		together := newLive(t, topic, revision(t, 1, 1))
		bySource := map[string][]*Alert{}
		for _, h := range list {
			for _, a := range together.take(h) {
				key := orEmpty(a.Stream) + "|" + orEmpty(a.Model)
				bySource[key] = append(bySource[key], a)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(bySource)) {
			alone := newLive(t, topic, revision(t, 1, 1))
			var out []*Alert
			for _, h := range list {
				if h.event != nil {
					name, _ := SplitModel(h.event.ModelID)
					if string(h.event.Stream)+"|"+string(name) != key {
						h.event = nil // only its time
					}
				}
				out = append(out, alone.take(h)...)
			}
			if !reflect.DeepEqual(out, bySource[key]) {
				rt.Fatalf("source %q alone: %s\namong others: %s", key, shown(out), shown(bySource[key]))
			}
		}
	})
}

func TestAClockAheadSilencesNobody(t *testing.T) {
	l := newLive(t, OnPerformance, revision(t, 0, 1))
	e := func(offset, at, stamp int64, change float64) []*Alert {
		return l.take(happening{origin: Origin{"monitoring.performance", 0, offset, at},
			event: &Event{ModelID: []byte("m"), MAPChange: Number{change, true}, Timestamp: stamp}})
	}
	const in2099 = 4_070_908_800_000
	first := e(0, t0, in2099, -0.12)
	if len(first) != 1 || first[0].EventTime != t0 {
		t.Fatalf("the event of 2099: %s", shown(first))
	}
	if out := e(1, t0+second, t0+second, 0); len(out) != 1 || out[0].State != Resolved {
		t.Errorf("the next event on time: %s", shown(out))
	}
	if out := e(2, t0+2*second, t0+2*second, -0.2); len(out) != 1 || out[0].State != Firing {
		t.Errorf("the next breach: %s", shown(out))
	}
}

func TestTheClockOfRecordsGoingBackForgetsNoSource(t *testing.T) {
	l := newLive(t, OnPerformance, revision(t, 1, 1)) // source_ttl 1 h
	e := func(at int64) []*Alert {
		return l.take(happening{origin: Origin{"p", 0, at, at}, event: &Event{ModelID: []byte("b"), MAPChange: Number{-0.1, true}, Timestamp: at}})
	}
	if out := e(t0); len(out) != 1 {
		t.Fatalf("%s", shown(out))
	}
	for _, at := range []int64{t0 - 10*hour, t0 - 5*hour, t0 + hour} {
		if out := l.take(happening{origin: Origin{Time: at}}); len(out) > 0 {
			t.Errorf("at %+d: %s", at-t0, shown(out))
		}
	}
	if out := l.take(happening{origin: Origin{Time: t0 + hour + 1}}); len(out) != 1 || *out[0].ResolvedBy != SourceGone {
		t.Errorf("an hour and 1 ms later: %s", shown(out))
	}
}

func TestASwitchOfTheSameOrALowerRevisionChangesNothing(t *testing.T) {
	l := newLive(t, OnPerformance, revision(t, 0, 5))
	l.take(happening{origin: Origin{"p", 0, 0, t0}, event: &Event{ModelID: []byte("b"), MAPChange: Number{-0.1, true}, Timestamp: t0}})
	for _, number := range []int32{4, 5} {
		if out := l.Switch(revision(t, 2, number), nil); len(out) > 0 || l.policy.Revision != 5 {
			t.Errorf("revision %d: %s, now %d", number, shown(out), l.policy.Revision)
		}
	}
	if out := l.Switch(revision(t, 2, 6), nil); len(out) != 1 || *out[0].ResolvedBy != RuleRemoved || out[0].PolicyRevision != 6 {
		t.Errorf("revision 6: %s", shown(out))
	}
}

func TestManySourcesAreFoundAndForgotten(t *testing.T) {
	l := newLive(t, OnPerformance, revision(t, 2, 1)) // source_ttl 20 min, no rules
	for i := range 5000 {
		at := t0 + int64(i)*second
		l.take(happening{origin: Origin{"p", 0, int64(i), at},
			event: &Event{ModelID: fmt.Appendf(nil, "m-%d", i%2500), MAPChange: Number{0, true}, Timestamp: at}})
		if want := min(i+1, 20*60+1); l.Count() != want {
			t.Fatalf("after %d events: %d sources, expected %d", i+1, l.Count(), want)
		}
	}
	if l.versions.texts == nil || len(l.versions.numbers) != 0 {
		t.Errorf("%d names of versions are left", len(l.versions.numbers))
	}
}

func TestADamagedCheckpointIsAnErrorAndNoPanic(t *testing.T) {
	l := newLive(t, OnPerformance, revision(t, 0, 1))
	l.take(happening{origin: Origin{"p", 0, 0, t0}, event: &Event{ModelID: []byte("b/v1"), MAPChange: Number{-0.1, true}, Timestamp: t0}})
	l.save(true)
	for _, key := range slices.Sorted(maps.Keys(l.checkpoint)) {
		value := l.checkpoint[key]
		for cut := range value {
			n := NewSources(OnPerformance)
			if err := n.Use(revision(t, 0, 1)); err != nil {
				t.Fatal(err)
			}
			if err := n.Restore([]byte(key), slices.Clone(value[:cut])); err == nil {
				t.Errorf("%q cut to %d bytes is taken", key, cut)
			}
		}
		n := NewSources(OnPerformance)
		if err := n.Use(revision(t, 0, 1)); err != nil {
			t.Fatal(err)
		}
		if err := n.Restore([]byte(key), append([]byte{format + 1}, value[1:]...)); err == nil {
			t.Errorf("%q of a later format is taken", key)
		}
	}
	if err := NewSources(OnDrift).Restore([]byte("model/a"), nil); err == nil {
		t.Error("a key of another checkpoint is taken")
	}
}

func TestMoreVersionsThanASourceCanHaveAreDamage(t *testing.T) {
	l := newLive(t, OnPerformance, revision(t, 0, 1))
	for i, id := range []string{"b/v1", "b/v2"} {
		at := t0 + int64(i)
		l.take(happening{origin: Origin{"p", 0, int64(i), at}, event: &Event{ModelID: []byte(id), MAPChange: Number{-0.1, true}, Timestamp: at}})
	}
	l.save(true)
	for key, value := range l.checkpoint {
		if !strings.HasPrefix(key, sourcePrefix) {
			continue
		}
		_, heard := binary.Varint(value[1:])
		if value[1+heard] != 2 {
			t.Fatalf("%q has %d versions, 2 were heard", key, value[1+heard])
		}
		value[1+heard] = 3
		n := NewSources(OnPerformance)
		if err := n.Use(revision(t, 0, 1)); err != nil {
			t.Fatal(err)
		}
		if err := n.Restore([]byte(key), value); !errors.Is(err, errState) {
			t.Errorf("three versions: %v", err)
		}
	}
}

// BenchmarkRestore restores the sources of a checkpoint.
func BenchmarkRestore(b *testing.B) {
	const sources = 1_000_000
	p := revision(b, 3, 1)
	l := newLive(b, OnDrift, p)
	for i := range sources {
		l.take(happening{origin: Origin{"d", 0, int64(i), t0}, event: &Event{Stream: fmt.Appendf(nil, "camera-%07d", i), PValue: Number{0.5, true}, Timestamp: t0}})
	}
	var keys, values [][]byte
	l.Snapshot(true, func(key, value []byte) {
		keys, values = append(keys, slices.Clone(key)), append(values, slices.Clone(value))
	})
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s := NewSources(OnDrift)
		if err := s.Use(p); err != nil {
			b.Fatal(err)
		}
		for i := range keys {
			if err := s.Restore(keys[i], values[i]); err != nil {
				b.Fatal(err)
			}
		}
		s.Pass(t0, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sources, "ns/source")
}
