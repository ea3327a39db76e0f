package wire

import (
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The hashes that Kafka's own test expects of Java's client (UtilsTest.testMurmur2).
func TestMurmur2IsJavas(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("%q: %d, not %d", key, got, want)
		}
	}
}

func TestKeysGoWhereOtherClientsPutThem(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	for range 1000 {
		key := make([]byte, rng.IntN(40))
		for i := range key {
			key[i] = byte(rng.Uint32())
		}
		n := 1 + rng.IntN(100)
		if got, want := PartitionFor(key, int32(n)), theirs.Partition(&kgo.Record{Key: key}, n); int(got) != want {
			t.Fatalf("seed %d: key %x goes to %d of %d, not %d", seed, key, got, n, want)
		}
	}
	if PartitionFor(nil, 7) != 0 || PartitionFor([]byte("x"), 0) != 0 {
		t.Error("a null key, or one for a topic without partitions, does not go to partition 0")
	}
}
