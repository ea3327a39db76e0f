package nearest

import (
	"slices"
	"testing"
)

func TestTheNearestWordIsThatWithTheLeastEdits(t *testing.T) {
	for word, want := range map[string]string{
		"cooldwn": "cooldown", "trian": "train", "deploy_withn": "deploy_within", "cooldown": "cooldown", "xyz": "", "": "",
	} {
		if got := Word(word, []string{"cooldown", "deploy_within", "train"}); got != want {
			t.Errorf("%q: %q, expected %q", word, got, want)
		}
	}
	if got := Word("ab", []string{"ac", "ad"}); got != "ac" {
		t.Errorf("of two as near: %q, expected the first", got)
	}
}

func TestTheNearestWordsComeInOrder(t *testing.T) {
	known := []string{"detector", "train", "detector2", "detectors"}
	for most, want := range map[int][]string{0: nil, 1: {"detector"}, 2: {"detector", "detector2"}, 9: {"detector", "detector2", "detectors"}} {
		if got := Words("detectr", known, most); !slices.Equal(got, want) {
			t.Errorf("at most %d: %q, expected %q", most, got, want)
		}
	}
	if known[0] != "detector" || known[3] != "detectors" {
		t.Errorf("the known words were changed: %q", known)
	}
}

func TestEditsAreThoseOfLevenshteinAndASwapIsOne(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"kitten", "sitting", 3}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"ned", "end", 1}, {"abcdef", "badcfe", 3}, {"ca", "abc", 3}, {"aab", "aba", 1}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, expected %d", c.a, c.b, got, c.want)
		}
	}
}
