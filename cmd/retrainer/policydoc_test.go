package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/visutility/retrainer/internal/docs"
	"github.com/visutility/retrainer/retrain"
)

func blocks(t *testing.T, document string) []docs.Block {
	t.Helper()
	all, err := docs.Read(document)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checked is what `policy check policy.yaml` says of a text, without the hash.
func checked(t *testing.T, text string) (said string, normal []byte) {
	t.Helper()
	f, err := parseYAML("policy.yaml", []byte(text))
	if err == nil {
		p, wrong := f.policy("")
		if wrong == nil {
			var out bytes.Buffer
			if err := f.print(&out, p); err != nil {
				t.Fatal(err)
			}
			return regexp.MustCompile(`, SHA-256 \w+ with .*`).ReplaceAllString(out.String(), ""), p.Canonical()
		}
		err = wrong
	}
	return err.Error() + "\n", nil
}

func TestThePolicysDocumentIsTrue(t *testing.T) {
	all := blocks(t, "docs/policy.md")
	policies, outputs, same := 0, 0, []string(nil)
	shown, grammar := map[string]bool{}, map[string][]string{}
	for i, b := range all {
		if b.Language != "yaml" {
			continue
		}
		policies++
		said, normal := checked(t, b.Text)
		if normal != nil {
			keysOf(t, b.Text, shown, grammar)
		}
		if i+1 < len(all) && all[i+1].Language == "text" {
			outputs++
			if said != all[i+1].Text {
				t.Errorf("%s\nis said to be\n%s\nnot\n%s", b.Text, said, all[i+1].Text)
			}
			continue
		}
		if normal == nil {
			t.Errorf("%s\n%s", b.Text, said)
			continue
		}
		if strings.HasPrefix(b.Text, "# every default\n") {
			if _, empty := checked(t, "{}"); !bytes.Equal(normal, empty) {
				t.Errorf("every default is\n%s\nnot\n%s", empty, normal)
			}
		}
		if strings.HasPrefix(b.Text, "# same rule\n") {
			f, _ := parseYAML("", []byte(b.Text))
			p, _ := f.policy("")
			same = append(same, p.RuleIDs()[0].ID)
		}
	}
	if policies < 8 || outputs < 3 || len(same) != 2 || same[0] != same[1] {
		t.Errorf("%d policies, %d outputs, the same rule is %v", policies, outputs, same)
	}
	if len(grammar) < 12 {
		t.Errorf("the grammar has keys in %d places only", len(grammar))
	}
	for place, known := range grammar {
		for _, k := range known {
			if !shown[strings.Replace(place, ".models[]", ".defaults", 1)+"."+k] {
				t.Errorf("no example has the key %s%s", strings.TrimPrefix(place+".", "."), k)
			}
		}
	}
}

// nobodysKey is no key of the grammar.
const nobodysKey = "nobodys_key"

// keysOf notes the keys that a policy has, by their places, and asks the grammar in each place for all that it knows there: by a key that it
// does not know.
// What defaults may hold a model may hold as well: that is one place.
func keysOf(t *testing.T, text string, shown map[string]bool, grammar map[string][]string) {
	f, err := parseYAML("", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	policy := f.value(f.root, nil)
	var walk func(v any, place string)
	walk = func(v any, place string) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				shown[strings.Replace(place, ".models[]", ".defaults", 1)+"."+k] = true
				next := place + "." + k
				if strings.HasSuffix(place, ".space") {
					next = place + ".NAME"
				}
				walk(x, next)
			}
			if !strings.HasSuffix(place, ".space") { // its keys are names of parameters
				v[nobodysKey] = 1
			}
		case []any:
			for _, x := range v {
				walk(x, place+"[]")
			}
		}
	}
	walk(policy, "")
	var wrong retrain.PolicyErrors
	_, err = retrain.ParsePolicy(must(json.Marshal(policy)), "")
	if !errors.As(err, &wrong) {
		t.Fatalf("a key that is none is taken: %v", err)
	}
	for _, e := range wrong {
		if n := len(e.Path); n > 0 && e.Path[n-1] == nobodysKey {
			grammar[grammarPlace(e.Path[:n-1])] = e.Known
		}
	}
}

// grammarPlace is a path without the numbers of lists and the names of parameters.
func grammarPlace(path retrain.Path) (place string) {
	for i, step := range path {
		key, ok := step.(string)
		switch {
		case !ok:
			place += "[]"
		case i > 0 && path[i-1] == "space":
			place += ".NAME"
		default:
			place += "." + key
		}
	}
	return place
}

// What other documents show of a policy is one.
func TestThePoliciesOfAllDocumentsAreRight(t *testing.T) {
	n := 0
	for _, document := range must(docs.Documents()) {
		if document == "docs/policy.md" { // which shows mistakes too
			continue
		}
		for _, b := range blocks(t, document) {
			if b.Language != "yaml" || b.File == "retrainer.yaml" || strings.HasPrefix(b.Text, "groups:") { // Prometheus'
				continue
			}
			n++
			if said, normal := checked(t, b.Text); !json.Valid(normal) {
				t.Errorf("%s\n%s\n%s", b, b.Text, said)
			}
		}
	}
	if n < 3 {
		t.Errorf("only %d policies are seen", n)
	}
}
