package retrain

import (
	"bytes"
	"testing"
)

// FuzzPolicy holds that no text makes the reading panic, and that whatever it takes is whole: its normal form is read back as
// the same, its sentences and trials can be made, and trials take no more than was checked.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(builtInPolicy(f)))
	f.Add([]byte(manyMistakes))
	for _, text := range policyTexts {
		f.Add([]byte(text))
	}
	for _, x := range policyErrors {
		if len(x.policy) < 1000 {
			f.Add([]byte(x.policy))
		}
	}
	f.Add([]byte(`{"defaults":{"train":{"tuner":"random","space":{"a":{"double":[1e-300,1e300],"log":true},"b":{"int":[-9007199254740992,9007199254740992]},"c":{"categorical":[[1,{"x":null}],true]}}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text, "")
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a word")
			}
			return
		}
		again, err := ReadPolicy(p.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), p.Canonical()) || len(p.Canonical()) > maxPolicy {
			t.Fatalf("%v: %s", err, p.Canonical())
		}
		for _, line := range p.Sentences() {
			if line == "" {
				t.Fatal("a sentence without a word")
			}
		}
		train := p.control("vision/a").Train
		if n := taken(train.Space, train.trials("id", nil)); n > train.size() {
			t.Fatalf("%d bytes, checked for %d", n, train.size())
		}
	})
}

func builtInPolicy(t testing.TB) string {
	p, err := BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	return string(p.Canonical())
}
