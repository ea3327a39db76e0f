package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// --json counts in each of its forms, and in the environment and the file, also where the command line is wrong; a value that looks
// like it does not.
func TestJSONIsSeenWhereverItIsAskedForAndNowhereElse(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"json.yaml": "json: true\n", "wrong.yaml": "json: true\nbrokrs: x\n", "text.yaml": "json: false\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		line, variables string
		asJSON          bool
	}{
		{"tail x --frm 1 --json", "", true},
		{"tail x --frm 1 --json=true", "", true},
		{"tail x --frm --json", "", true},
		{"--json=1 tial", "", true},
		{"tail x --count y --json", "", true},
		{"tail --json x --count", "", true},
		{"help tial --json", "", true},
		{"tail x --frm 1", "VTY_JSON=true", true},
		{"topics", "VTY_JSON=true", true},
		{"tail x --frm 1", "VTY_JSON=maybe", false},
		{"tail x --frm 1 --json=false", "VTY_JSON=true", false},
		{"tail x --frm 1 --config json.yaml", "", true},
		{"tail x --frm 1", "VTY_CONFIG=json.yaml", true},
		{"tail x --config wrong.yaml", "", true},
		{"tail x --frm 1 --config text.yaml", "", false},
		{"tail x --frm 1 --config json.yaml", "VTY_JSON=false", false},
		{"tail x --frm 1 --config missing.yaml", "", false},
		{"topics --app --json", "", false},
		{"tail x --frm 1 --from --json", "", false},
		{"tail x --frm 1 -- --json", "", false},
		{"tail x --json=maybe", "", false},
	} {
		name, value, set := strings.Cut(c.variables, "=")
		if set {
			t.Setenv(name, value)
		}
		code, out, errs := runHere("", strings.Fields(c.line)...)
		if code != exitUsage || out != "" || strings.HasPrefix(errs, `{"error":`) != c.asJSON || strings.HasPrefix(errs, "retrainer: ") == c.asJSON {
			t.Errorf("%s retrainer %s: %d, %q, %q", c.variables, c.line, code, out, errs)
		}
		if set {
			os.Unsetenv(name)
		}
	}
}

// Whatever was asked for and could not be printed is exit 1 and a sentence, whoever prints it.
func TestWhatCannotBePrintedIsAFailure(t *testing.T) {
	full, err := os.Create(filepath.Join(t.TempDir(), "full"))
	if err != nil {
		t.Fatal(err)
	}
	full.Close()
	for _, line := range []string{"--help", "tail --help", "help tail", "--version", "version", "explain word cooldown", "completion bash", "completion zsh", "completion fish"} {
		var errs bytes.Buffer
		code := run(strings.Fields(line), strings.NewReader(""), full, &errs)
		if code != exitFailed || strings.Count(errs.String(), "\n") != 1 || !strings.HasPrefix(errs.String(), "retrainer: write ") {
			t.Errorf("retrainer %s: %d, %q", line, code, errs.String())
		}
	}
}
