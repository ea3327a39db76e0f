package retrain

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// taken is what space and trials have in Avro, with the 5 bytes that a length takes at most before every text.
func taken(space []Parameter, trials []Trial) (n int) {
	for _, p := range space {
		n += 5 + len(p.Name) + 1 + 9 + 9 + 1
		for _, v := range p.Values {
			n += 5 + len(v)
		}
	}
	for _, trial := range trials {
		n += 5
		for name, text := range trial.Values {
			n += 5 + len(name) + 5 + len(text)
		}
	}
	return n
}

func TestTrialsTakeNoMoreThanThePolicyWasCheckedFor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// Of few digits: rounding to 9 would leave the interval, and what lies outside is not taken over.
		high := float64(rapid.IntRange(1, 9999).Draw(rt, "digits")) * rapid.SampledFrom([]float64{1, 1e17, 1e300}).Draw(rt, "high")
		low := rapid.SampledFrom([]float64{0, -1e-300, -1e-7, -high}).Draw(rt, "low")
		ints := rapid.Int64Range(-1<<53, 1<<53).Draw(rt, "ints")
		params := space(t, fmt.Sprintf(`{"d":{"double":[%g,%g]},"tiny":{"double":[1e-300,1e-299],"log":true},"i":{"int":[%d,%d]},"c":{"categorical":["%s","y"]},"n":{"discrete":[%g]}}`,
			low, high, min(ints, 0), max(ints, 0), strings.Repeat("x", rapid.IntRange(0, 300).Draw(rt, "text")), high))
		train := &Train{Tuner: rapid.SampledFrom(TunerNames()).Draw(rt, "tuner"), Trials: rapid.IntRange(1, 300).Draw(rt, "trials"), Space: params}
		best := train.trials("another", nil)[0].Values
		best["tiny"] = "1." + strings.Repeat("0", maxBestValue-len("1.e-300")) + "e-300"
		trials := train.trials("id", best)
		if trials[0].Values["tiny"] != best["tiny"] {
			rt.Fatalf("%v was not taken over", best)
		}
		if n := taken(params, trials); n > train.size() {
			rt.Fatalf("%d bytes, checked for %d", n, train.size())
		}
		best["tiny"] = "1." + strings.Repeat("0", maxBestValue) + "e-300"
		if train.trials("id", best)[0].Values["tiny"] == best["tiny"] {
			rt.Fatalf("a number of %d bytes was taken over", len(best["tiny"]))
		}
	})
}

func TestWhatATrainerSaysIsCut(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	p := &Progress{CommandID: "c", Kind: Failed, Worker: &long, ErrorCode: &long, ErrorMessage: &long}
	if bad := p.Check(); bad != nil {
		t.Fatal(bad)
	}
	if len(*p.Worker) != maxID+3 || len(*p.ErrorCode) != maxID+3 || len(*p.ErrorMessage) != maxErrorText+3 || !strings.HasSuffix(*p.Worker, "é...") {
		t.Errorf("%d, %d, %d bytes", len(*p.Worker), len(*p.ErrorCode), len(*p.ErrorMessage))
	}
}

// Quoted, a comment without readable characters takes ten times its bytes.
func TestAnExplanationIsCut(t *testing.T) {
	c := begun(t, `{}`)
	r := &Request{RequestID: "r", Verb: Trigger, Model: "m", Action: new(FullRetrain), Create: true, Author: "ada", Comment: strings.Repeat("\U000e0001", 10_000)}
	if bad := r.Check(); bad != nil {
		t.Fatal(bad)
	}
	for _, out := range mustStep(t, c, entryAt{t0 + 1, r}) {
		if d, ok := out.(*Decision); ok && (len(d.Explanation) != maxExplanation+3 || !strings.HasPrefix(d.Explanation, "\"ada\" asked for a full retrain of m (")) {
			t.Errorf("%d bytes: %.100s", len(d.Explanation), d.Explanation)
		}
		if k, ok := out.(*Command); ok && len(k.Explanation) != maxExplanation+3 {
			t.Errorf("%d bytes in the command", len(k.Explanation))
		}
	}
}
