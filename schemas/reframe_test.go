package schemas

import (
	"bytes"
	"testing"
)

func TestAReframedValueIsTheSameRecord(t *testing.T) {
	s, _ := ByName("Tick")
	value := append(AppendHeader(nil, s.Fingerprint()), 7, 8, 9)
	framed := reframe(bytes.Clone(value), 258)
	if want := []byte{0, 0, 0, 1, 2, 7, 8, 9}; !bytes.Equal(framed, want) {
		t.Errorf("reframed it is % X", framed)
	}
	for name, v := range map[string][]byte{"single-object": value, "Confluent's": framed} {
		if got := Unframe(v, s); !bytes.Equal(got, value) {
			t.Errorf("%s: unframed it is % X", name, got)
		}
	}
}
