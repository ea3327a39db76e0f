package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const document = "../docs/exactly-once.md"

var (
	stepHeading = regexp.MustCompile(`^### (\d)(?: and (\d))?: (.+)$`)
	namedBite   = regexp.MustCompile("`bites/([^`]+)`(?:: `(Test\\w+)`)?")
	stepOfRule  = regexp.MustCompile(`^A task, (\d) (\w+):`)
)

// claims are what docs/exactly-once.md says that is not so: of bites that break no rule of the step under which they stand, of tests that
// are not theirs, of steps without a bite.
func claims(text string, bites map[string]bite) (found []string) {
	var steps, bitten []string // under the heading that was read last
	check := func() {
		if steps != nil && bitten == nil {
			found = append(found, fmt.Sprintf("no bite is named that breaks step %s", steps[0]))
		}
		steps, bitten = nil, nil
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") {
			check()
		}
		if m := stepHeading.FindStringSubmatch(line); m != nil {
			for _, s := range m[1:3] {
				if s != "" {
					steps = append(steps, s)
				}
			}
		}
		for _, m := range namedBite.FindAllStringSubmatch(line, -1) {
			b, ok := bites[m[1]]
			step := stepOfRule.FindStringSubmatch(b.rule)
			switch {
			case !ok:
				found = append(found, fmt.Sprintf("there is no bites/%s", m[1]))
			case steps != nil && step != nil && !strings.Contains(strings.Join(steps, " "), step[1]):
				found = append(found, fmt.Sprintf("bites/%s breaks step %s, and stands under step %s", m[1], step[1], steps[0]))
			case m[2] == "":
				found = append(found, fmt.Sprintf("behind bites/%s stands no test", m[1]))
			case !regexp.MustCompile(b.run).MatchString(m[2]):
				found = append(found, fmt.Sprintf("bites/%s is found by %s, not by %s", m[1], b.run, m[2]))
			case step != nil:
				bitten = append(bitten, step[1])
			}
		}
	}
	check()
	return found
}

// Each step of a task stands in the document, with bites that break it and the tests that find them.
func TestExactlyOnceNamesWhatBreaksEachStep(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readBites(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]bite{}
	for _, b := range all {
		byName[b.name] = b
		if strings.HasPrefix(b.rule, "A task, ") && !strings.Contains(string(text), "`bites/"+b.name+"`") {
			t.Errorf("the document does not name bites/%s, which breaks %q", b.name, b.rule)
		}
	}
	for _, c := range claims(string(text), byName) {
		t.Error(c)
	}
	headings := stepsOf(string(text))
	for n := 1; n <= 9; n++ {
		if !strings.Contains(headings, fmt.Sprint(n)) {
			t.Errorf("step %d has no heading", n)
		}
	}
	if words := len(strings.Fields(string(text))); words > 2400 {
		t.Errorf("%d words: more than ten minutes", words)
	}
}

// stepsOf are the numbers in headings of steps.
func stepsOf(text string) (all string) {
	for _, line := range strings.Split(text, "\n") {
		if m := stepHeading.FindStringSubmatch(line); m != nil {
			all += m[1] + m[2]
		}
	}
	return all
}

func TestWrongClaimsAreFound(t *testing.T) {
	bites := map[string]bite{
		"01-a": {rule: "A task, 5 replay: x", run: "^TestA$"},
		"02-b": {rule: "Another: x", run: "^TestB$"},
	}
	for _, c := range []struct{ name, text, want string }{
		{"as it is", "### 5: replay\n`bites/01-a`: `TestA`. `bites/02-b`: `TestB`.\n## More\n", ""},
		{"two steps in one", "### 1 and 5: x\n`bites/01-a`: `TestA`.\n", ""},
		{"no such bite", "`bites/03-c`: `TestC`", "there is no bites/03-c"},
		{"the wrong step", "### 6: run\n`bites/01-a`: `TestA`\n`bites/02-b`: `TestB`", "breaks step 5, and stands under step 6"},
		{"the wrong test", "### 5: replay\n`bites/01-a`: `TestA`\n`bites/02-b`: `TestA`", "is found by ^TestB$, not by TestA"},
		{"no test", "### 5: replay\n`bites/01-a`: `TestA` and `bites/02-b`", "behind bites/02-b stands no test"},
		{"no bite", "### 5: replay\n## More\n`bites/01-a`: `TestA`", "no bite is named that breaks step 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(claims(c.text, bites), "; "); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
