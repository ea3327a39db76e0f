package nearest

import "testing"

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

func TestEditsAreThoseOfLevenshtein(t *testing.T) {
	if edits("kitten", "sitting") != 3 || edits("", "abc") != 3 || edits("abc", "abc") != 0 {
		t.Error(edits("kitten", "sitting"), edits("", "abc"), edits("abc", "abc"))
	}
}
