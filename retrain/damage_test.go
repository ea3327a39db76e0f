package retrain

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// damage does something to a checkpoint that a disk, a wrong compaction or a person may do: a byte is another, bytes are gone
// or too many, a key is lost, or has the value of another key or of an older checkpoint.
func damage(rt *rapid.T, checkpoint, older map[string][]byte) {
	for range rapid.IntRange(1, 3).Draw(rt, "damages") {
		keys := slices.Sorted(maps.Keys(checkpoint))
		if len(keys) == 0 {
			return
		}
		key := rapid.SampledFrom(keys).Draw(rt, "key")
		value := slices.Clone(checkpoint[key])
		switch at := rapid.IntRange(0, len(value)-1).Draw(rt, "at"); rapid.IntRange(0, 7).Draw(rt, "damage") {
		case 0:
			delete(checkpoint, key)
			continue
		case 1:
			value = value[:at]
		case 2:
			value = slices.Insert(value, at, rapid.Byte().Draw(rt, "byte"))
		case 3:
			value = slices.Delete(value, at, at+1)
		case 4:
			value = checkpoint[rapid.SampledFrom(keys).Draw(rt, "other")]
		case 5:
			if value = older[key]; value == nil {
				delete(checkpoint, key)
				continue
			}
		default:
			value[at] = rapid.Byte().Draw(rt, "byte")
		}
		if len(value) > 0 { // an empty value is none
			checkpoint[key] = value
		}
	}
}

func TestADamagedLedgerNeverPanics(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, l, older := NewController(), &ledger{rt: rt, t: t, now: t0}, map[string][]byte{}
		steps := func(least, most int) error {
			for range rapid.IntRange(least, most).Draw(rt, "entries") {
				e := l.next(c.Deadline())
				out, err := c.Step(e.at, e.entry, nil)
				if err != nil {
					return err
				}
				for _, o := range out {
					if cmd, ok := o.(*Command); ok {
						l.commands = append(l.commands, cmd.CommandID)
					}
				}
			}
			return nil
		}
		if err := steps(1, 20); err != nil {
			t.Fatal(err)
		}
		saved(c, older)
		checkpoint := maps.Clone(older)
		if err := steps(1, 20); err != nil {
			t.Fatal(err)
		}
		saved(c, checkpoint)
		damage(rt, checkpoint, older)
		c = NewController()
		for _, key := range slices.Sorted(maps.Keys(checkpoint)) {
			if err := c.Restore([]byte(key), checkpoint[key]); err != nil {
				return
			}
		}
		if steps(0, 20) == nil {
			c.Snapshot(true, func(key, value []byte) {})
		}
	})
}

func TestADamagedPartitionNeverPanics(t *testing.T) {
	for _, topic := range []On{OnDrift, OnPerformance} {
		rapid.Check(t, func(rt *rapid.T) {
			l := newLive(t, topic, revision(t, 0, 1))
			happenings := drawHappenings(rt, t, topic, 2, 60)
			for _, h := range happenings[:len(happenings)/2] {
				l.take(h)
			}
			l.save(true)
			damage(rt, l.checkpoint, nil)
			n := &live{NewSources(topic), topic, l.policy, nil}
			for _, key := range slices.Sorted(maps.Keys(l.checkpoint)) {
				if err := n.Restore([]byte(key), l.checkpoint[key]); err != nil {
					return
				}
			}
			if err := n.Use(l.policy); err != nil {
				return
			}
			n.View(func(*SourceView) {})
			for _, h := range happenings[len(happenings)/2:] {
				n.take(h)
			}
			n.Snapshot(true, func(key, value []byte) {})
		})
	}
}
