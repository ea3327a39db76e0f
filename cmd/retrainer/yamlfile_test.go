package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// asRead is a file as JSON, or its mistakes without the head and the file's name.
func asRead(text string) string {
	f, err := parseYAML("f", []byte(text))
	var plain []byte
	if err == nil {
		if plain, err = f.json(); err == nil {
			err = f.mistakes.err()
		}
	}
	if err != nil {
		_, lines, _ := strings.Cut(err.Error(), "\n")
		return strings.ReplaceAll(lines, "f:", "")
	}
	return string(plain)
}

func TestYAMLIsReadAsItsVersion1_2Says(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"", `{}`}, {"# nothing\n", `{}`}, {"---\n", `{}`}, {"~", `{}`}, {"--- # c\na: 1\n...\n", `{"a":1}`}, {"\ufeffa: 1", `{"a":1}`},
		{"a: 1\r\nb: x\r\n", `{"a":1,"b":"x"}`}, {"a:\n  b: 1\n  c:\n  - x\n  - d: 2", `{"a":{"b":1,"c":["x",{"d":2}]}}`},
		{"a: {b: 1, c: [x, {d: 2}], \"e\": 3}", `{"a":{"b":1,"c":["x",{"d":2}],"e":3}}`}, {`{"a":1,"b":[true,null,"x\u00e9\n"]}`, `{"a":1,"b":[true,null,"xé\n"]}`},
		{"a: 1e-5\nb: 1.68e6\nc: 1E3\nd: .5\ne: 1.\nf: -0.5e+2\ng: +3\nh: -0", `{"a":1e-05,"b":1.68e+06,"c":1000,"d":0.5,"e":1,"f":-50,"g":3,"h":-0}`},
		{"a: 0x1F\nb: 0o17\nc: 0b11\nd: 1_000\ne: 1:30\nf: 2026-01-01\ng: 0.1e-400", `{"a":31,"b":15,"c":"0b11","d":"1_000","e":"1:30","f":"2026-01-01","g":0}`},
		{"a: yes\nb: No\nc: on\nd: True\ne: FALSE\nf: NULL\ng:\nh: ''", `{"a":"yes","b":"No","c":"on","d":true,"e":false,"f":null,"g":null,"h":""}`},
		{"a: '1'\nb: \"true\"\nc: '~'\nd: '1e-5'", `{"a":"1","b":"true","c":"~","d":"1e-5"}`}, {"on: x\nyes: y", `{"on":"x","yes":"y"}`},
		{"a: 99999999999999999999", `{"a":99999999999999999999}`}, {"a: |\n  x\n  y\nb: >-\n  z\n  w\nc: |", `{"a":"x\ny\n","b":"z w","c":""}`},
		{"a: x # c\nb: x#y\nc: \"#\"", `{"a":"x","b":"x#y","c":"#"}`}, {"a: x\n  y", `{"a":"x y"}`}, {"'a b': 'it''s'", `{"a b":"it's"}`},
		{"a: a*\nb: \"*\"\nc: ?x", `{"a":"a*","b":"*","c":"?x"}`}, {"a:\n- 1\n-\n- []", `{"a":[1,null,[]]}`}, {"a: [\n\t1]", `{"a":[1]}`},
	} {
		if got := asRead(x.text); got != x.want {
			t.Errorf("%q:\n%s\nexpected\n%s", x.text, got, x.want)
		}
	}
}

func TestHostileYAMLIsAMistakeWithItsPlace(t *testing.T) {
	const alias, anchor = "is an alias to YAML, which is not taken here; a pattern that begins with * stands in quotes, like", "is an anchor to YAML, which is not taken here: write each value where it belongs"
	for _, x := range []struct{ name, text, want string }{
		{"aliases", "a: &x [1]\nb: *x\nc: {m: *}\nd: *-cam", `1:4: &x ` + anchor + "\n2:4: *x " + alias + ` "*x"` + "\n3:8: * " + alias + ` "*"` + "\n4:4: *-cam " + alias + ` "*-cam"`},
		{"a bomb of aliases", "a: &a [x, x]\nb: &b [*a, *a]", "1:4: &a " + anchor + "\n2:4: &b " + anchor + "\n2:8: *a " + alias + " \"*a\"\n2:12: *a " + alias + ` "*a"`},
		{"a merge key", "a:\n  <<: {b: 1}", "2:3: << is a merge key to YAML, which is not taken here: write the keys out"},
		{"tags", "a: !!str 1\nb: !x", "1:4: !!str is a tag to YAML, which is not taken here: write the value alone, a text in quotes\n2:4: !x is a tag to YAML, which is not taken here: write the value alone, a text in quotes"},
		{"a directive", "%YAML 1.1\n---\na: 1", "1:1: % begins a directive, which is not taken here\n2:1: a second document begins here; one is needed"},
		{"a complex key", "? a\n: 1", "1:1: ? begins a key of several parts, which is not taken here: write key: value"},
		{"two documents", "a: 1\n---\nb: 2", "2:1: a second document begins here; one is needed"},
		{"two documents with heads", "---\na: 1\n--- \nb: 2", "3:1: a second document begins here; one is needed"},
		{"twice", "a: 1\nb: {c: 1, c: 2}\na: 3\n'a': 4", "2:11: the key c stands there twice, first in line 2\n3:1: the key a stands there twice, first in line 1\n4:1: the key a stands there twice, first in line 1"},
		{"keys that are no text", "1: x\ntrue: y\n~: z\n1.5: q\n01: r", "1:1: the key 1 is not a text to YAML; in quotes it is\n2:1: the key true is not a text to YAML; in quotes it is\n3:1: the key ~ is not a text to YAML; in quotes it is\n4:1: the key 1.5 is not a text to YAML; in quotes it is\n5:1: the key 01 is not a text to YAML; in quotes it is"},
		{"no numbers", "a: .nan\nb: [-.INF, 1e400]\nc: 0xffffffffffffffffff\nd: 017", "1:1: .nan is not a finite number\n2:5: -.INF is not a finite number\n2:12: 1e400 is not a finite number\n3:1: 0xffffffffffffffffff is not a finite number\n4:1: 017 is 17 to YAML 1.2 and octal to YAML 1.1: leave the zeros at its front out"},
		{"a list", "- a", "1:1: a mapping of keys to values is needed"},
		{"a text", "a", "1:1: a mapping of keys to values is needed"},
		{"tabs", "a:\n\tb: 1", "2:1: not YAML: the line begins with a tab; YAML takes spaces"},
		{"a tab between", "a:\n  b: 1\n \tc: 2", "3:2: not YAML: the line begins with a tab; YAML takes spaces"},
		{"many tabs", "a: [" + strings.Repeat("\"\t\"", 1001) + "]", "1:3006: more than 1000 tabs: YAML is indented by spaces"},
		{"an element within a list", "a: [- b]", "1:5: not YAML: - begins an element on a line of its own, not within [ ] or { }"},
		{"an open list", "a: [1,\n 2", "1:4: not YAML: sequence end token ']' not found"},
		{"an open quote", "a: \"x", "1:4: not YAML: could not find end character of double-quoted text"},
		{"a stray quote, left out by the lexer", "\"v\tv\\u00e9\"\"", "1:12: not YAML: '\"' cannot stand here"},
		{"a reserved character", "a: @x", "1:4: not YAML: '@' is a reserved character"},
		{"NUL", "a: b\nc: d\x00", "2:5: the character U+0000 cannot stand in a YAML file"},
		{"a control character", "a: \x1b[31m", "1:4: the character U+001B cannot stand in a YAML file"},
		{"a byte order mark inside", "a: \ufeff1", "1:4: the character U+FEFF cannot stand in a YAML file"},
		{"Latin-1", "a: caf\xe9", "1:7: the byte 0xe9 is not UTF-8: save the file as UTF-8"},
		{"UTF-16", "\xff\xfea\x00", "1:1: the byte 0xff is not UTF-8: save the file as UTF-8"},
		{"a long key", strings.Repeat("k", 129) + ": 1", "1:1: a key of 129 bytes; at most 128 are possible"},
		{"a large file", "a: " + strings.Repeat("x", maxYAML), " more than 262144 bytes, which nobody writes by hand: leave out what the defaults say already, and use patterns"},
		{"many signs", strings.Repeat("- a\n", 20_001), "20001:1: more than 40000 keys, values and signs up to here: use patterns instead of a line for each"},
		{"many keys", func() string {
			var b strings.Builder
			for i := range 1001 {
				fmt.Fprintf(&b, "k%d: 1\n", i)
			}
			return b.String()
		}(), "1001:1: more than 1000 keys in one mapping"},
		{"20,000 lists in lists", "a: " + strings.Repeat("[", 20_000), "1:23: nested deeper than 20 levels"},
		{"20,000 lists in lists, closed", "a: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), "1:23: nested deeper than 20 levels"},
		{"mappings in mappings", strings.Repeat("{a: ", 9_000), "1:81: nested deeper than 20 levels"},
		{"dashes", strings.Repeat("- ", 20_000) + "a", "1:41: nested deeper than 20 levels"},
		{"steps", func() string {
			var b strings.Builder
			for i := range 200 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(), "21:21: nested deeper than 20 levels"},
	} {
		if got := asRead(x.text); got != x.want {
			t.Errorf("%s:\n%s\nexpected\n%s", x.name, got, x.want)
		}
	}
}

func TestOfVeryManyMistakesTheFirstAreShown(t *testing.T) {
	lines := strings.Split(asRead("a: ["+strings.Repeat("*x, ", 5_000)+"1]"), "\n")
	if len(lines) != mostMistakes+1 || lines[mostMistakes] != " 4900 more are not shown; correct these first" {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}

// What the limits let through must not take long: each of these is near one of them. (Without the limits the same shapes, ten
// times as large, take minutes.)
func TestFilesNearTheLimitsAreRead(t *testing.T) {
	numbered := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"mappings":      numbered(13, "m%d:\n"+strings.ReplaceAll(numbered(999, " k%d: 1\n"), "%", "%%")),
		"elements":      "a:\n" + strings.Repeat("-\n", 39_000),
		"tabs":          "a: [" + strings.Repeat("\"\t\",", 999) + strings.Repeat("\"x\",", 18_000) + "1]",
		"sets":          "a: {" + numbered(19_000, "k%d, ") + "z}",
		"deep and long": "a:\n " + strings.Repeat("k", 128) + ":\n" + strings.Repeat("  - "+strings.Repeat("- ", 15)+"x\n", 2_300),
		"a long text":   "a: \"" + strings.Repeat("\\u0041", 40_000) + "\"",
		"a long number": "a: " + strings.Repeat("9", 200_000),
		"a long line":   "a: [" + strings.Repeat("b:", 100_000) + "b]",
		"comments":      strings.Repeat("# x\n", 39_000) + "a: 1",
	} {
		if got := asRead(text); !strings.HasPrefix(got, "{") {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

// FuzzYAML holds that nothing makes the reading panic, that mistakes stand within the file, and that what was read, written as
// JSON (which is YAML), is read as the same.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"revision: 7\nbind:\n- {stream: \"cam-*\", models: [vision/detector, \"vision/{stream}\"]}\n",
		"observe:\n- on: performance\n  rules:\n  - threshold: {of: mAP_change, below: -0.05}\n    action: soft\n",
		"a: &x 1\nb: *x\n<<: {c: !!str d}\n", "? a\n: b\n", "%YAML 1.2\n---\na: .nan\n...\n", "a: |\n  x\n\tb: >-\n  y\n", "\"a\": 1\n\"\"\"", "a: 017\r\nb: [1e-5, .inf]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseYAML("f", text)
		if file == nil {
			if err == nil || !bytes.HasPrefix([]byte(err.Error()), []byte("f has ")) {
				t.Fatalf("%v", err)
			}
			return
		}
		plain, err := file.json()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.policy("")
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, m := range file.mistakes.all {
			if m.line > lines || m.text == "" {
				t.Fatalf("%d lines, but a mistake in line %d: %s", lines, m.line, m.text)
			}
		}
		if len(file.mistakes.all) > 0 || len(plain) > maxYAML/2 {
			return
		}
		if again := asRead(string(plain)); again != string(plain) && !strings.Contains(again, " are possible") && !strings.Contains(again, "more than ") {
			t.Fatalf("%s\nis read as\n%s", plain, again)
		}
	})
}

func TestMistakesAreInTheOrderOfTheFile(t *testing.T) {
	f, err := parseYAML("f", []byte("source_ttl: x\nrevisio: 3\nbind: [{stream: 1, modls: []}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.policy("")
	want := []string{
		"f has 4 mistakes:",
		`f:1:1: source_ttl: "x" is not a duration; write one like 30m, 1h30m or 7d`,
		"f:2:1: revisio: unknown key; did you mean revision? (known here: revision, bind, bind_default, observe, models, defaults, max_event_age, resend_delay, source_ttl)",
		"f:3:9: bind[0].stream: a text is needed, not 1",
		"f:3:20: bind[0].modls: unknown key; did you mean models? (known here: stream, models)",
	}
	if got := strings.Split(fmt.Sprint(err), "\n"); !slices.Equal(got, want) {
		t.Errorf("%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
