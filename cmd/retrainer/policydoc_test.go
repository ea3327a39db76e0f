package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a block of code of a document.
type block struct {
	language, text string
}

func blocks(t *testing.T, name string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2]})
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
			if err := f.print(&out, p, false); err != nil {
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
	keys := map[string]bool{}
	for i, b := range all {
		if b.language != "yaml" {
			continue
		}
		policies++
		said, normal := checked(t, b.text)
		if i+1 < len(all) && all[i+1].language == "text" {
			outputs++
			if said != all[i+1].text {
				t.Errorf("%s\nis said to be\n%s\nnot\n%s", b.text, said, all[i+1].text)
			}
			continue
		}
		if normal == nil {
			t.Errorf("%s\n%s", b.text, said)
			continue
		}
		keysOf(b.text, keys)
		if strings.HasPrefix(b.text, "# every default\n") {
			if _, empty := checked(t, "{}"); !bytes.Equal(normal, empty) {
				t.Errorf("every default is\n%s\nnot\n%s", empty, normal)
			}
		}
		if strings.HasPrefix(b.text, "# same rule\n") {
			f, _ := parseYAML("", []byte(b.text))
			p, _ := f.policy("")
			same = append(same, p.RuleIDs()[0].ID)
		}
	}
	if policies < 8 || outputs < 3 || len(same) != 2 || same[0] != same[1] {
		t.Errorf("%d policies, %d outputs, the same rule is %v", policies, outputs, same)
	}
	for _, k := range strings.Fields("revision bind stream models bind_default observe on match model rules name action threshold sustained cusum " +
		"of method min_sample_size below above clear min_checks k n scale worse warmup delta votes arl cooldown deploy_within train modality " +
		"start_by max_runtime dataset tuner trials objective metric goal space double int categorical discrete log defaults max_event_age resend_delay source_ttl") {
		if !keys[k] {
			t.Errorf("no example has the key %s", k)
		}
	}
}

// keysOf notes the keys of a policy and all below.
func keysOf(text string, keys map[string]bool) {
	f, _ := parseYAML("", []byte(text))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				keys[k] = true
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(f.value(f.root, nil))
}

// What the README shows of a policy is one.
func TestThePoliciesOfTheReadmeAreRight(t *testing.T) {
	all := blocks(t, "README.md")
	if !slices.ContainsFunc(all, func(b block) bool { return b.language == "yaml" }) {
		t.Error("the README has no policy")
	}
	for _, b := range all {
		if said, normal := checked(t, b.text); b.language == "yaml" && !json.Valid(normal) {
			t.Errorf("%s\n%s", b.text, said)
		}
	}
}
