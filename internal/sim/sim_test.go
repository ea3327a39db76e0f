package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var toyTopics = Config{Topics: []TopicConfig{{Name: "in", Partitions: 1}, {Name: "out", Partitions: 1}}}

const toyRecords = 4

// toyLife feeds some records, lets the toy die as the faults say, starts a successor after each death, and compares.
func toyLife(b bug) Life {
	return func(t *testing.T, faults Faults) (xs Exchanges, err error) {
		Bubble(t, toyTopics, func(w *World) {
			fed := w.Feed(toyRecords, 100*time.Millisecond, func(i int) *kgo.Record { return &kgo.Record{Topic: "in", Value: fmt.Append(nil, i)} })
			w.Keep("toy", b.run, faults, 100*time.Millisecond)
			fed()
			w.Still(12*time.Second, 2*time.Minute)
			err = eachOnce(w.Committed("out")[0], toyRecords)
			xs = w.Trace.All()
		})
		return xs, err
	}
}

var toyFaults = slices.Concat(Crashes(3*time.Second), Overtaking(Late, "toy.2", TransactionKeys()...),
	Breaks(3*time.Second), Overtaking(Stray, "toy.1", TransactionKeys()...))

func anything(*Exchange) bool { return true }

func eachOnce(got []*kgo.Record, n int) error {
	for i, r := range got {
		if string(r.Value) != fmt.Sprint(i) {
			return fmt.Errorf("output %d of %d is %s at offset %d", i, len(got), r.Value, r.Offset)
		}
	}
	if len(got) != n {
		return fmt.Errorf("%d outputs, want %d", len(got), n)
	}
	return nil
}

func TestNoCrashOrBrokenConnectionLosesOrDoublesARecord(t *testing.T) {
	Everywhere(t, "toy.1", toyFaults, toyLife(none))
}

func TestEnumerationFindsPlantedBugs(t *testing.T) {
	for name, b := range map[string]bug{"resend under a new sequence": resend, "offset after the transaction": offsetAfter,
		"offset before the fence": offsetBefore} {
		t.Run(name, func(t *testing.T) {
			hit, found := Enumerate(t, "toy.1", anything, toyFaults, toyLife(b), 1)
			if len(found) == 0 {
				t.Fatalf("nothing found in %v", hit)
			}
			t.Log(found[0])
		})
	}
}
