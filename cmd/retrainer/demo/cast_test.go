package demo

import (
	"reflect"
	"testing"
)

func TestEverySeedGivesTheStory(t *testing.T) {
	for seed := range uint64(300) {
		c := newCast(seed)
		for _, x := range []struct {
			m      model
			values []float64
			alarm  bool
		}{{c.hard, c.hardly, true}, {c.slow, c.slowly, true}, {c.passing, c.passes, false}} {
			whole := append(append([]float64{}, c.healthy[x.m.name]...), x.values...)
			at := c.alarms(whole)
			if x.alarm && (len(at) != 1 || at[0] != len(whole)-1) || !x.alarm && len(at) != 0 {
				t.Fatalf("seed %d: alarms of %s at %v of %d checks", seed, x.m.name, at, len(whole))
			}
		}
		if len(c.slowly) <= len(c.hardly) {
			t.Errorf("seed %d: the slow drift took %d checks, the hard one %d", seed, len(c.slowly), len(c.hardly))
		}
		for name, by := range c.falls {
			if by >= -0.05 {
				t.Errorf("seed %d: %s falls by %v, which is within the limit", seed, name, by)
			}
		}
	}
}

func TestASeedIsACast(t *testing.T) {
	same := func(a, b uint64) bool {
		x, y := newCast(a), newCast(b)
		x.random, y.random = nil, nil
		return reflect.DeepEqual(x, y)
	}
	if !same(4, 4) || same(4, 5) {
		t.Error("a cast is not what its seed says")
	}
}
