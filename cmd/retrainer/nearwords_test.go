package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runHere runs the program in this process, without a cluster.
func runHere(in string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// Every word that people type and that is nearly one that is known is answered with that. What a cluster knows stands in the scripts:
// topics (topics.txtar), models (status.txtar, explain.txtar, trigger.txtar), fields and keys of lines (produce.txtar).
func TestAMistypedWordIsAnsweredWithTheNearest(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"settings.yaml": "brokrs: x:1\n", "rules.yaml": "revison: 1\n", "nested.yaml": "defaults: {cooldwn: 1h}\n", "value.yaml": "observe: [{on: drfit, rules: []}]\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ line, says string }{
		{"tial monitoring.drift", `"tial" is no command; did you mean tail?`},
		{"topics aply", "did you mean apply?"},
		{"topics aply --replication 3", "did you mean apply?"},
		{"explain modell tumours", "did you mean model?"},
		{"policy chekc rules.yaml", "did you mean check?"},
		{"tail x --frm start", "did you mean --from?"},
		{"serve --polcy FILE", "did you mean --policy?"},
		{"tail x --from satrt", "did you mean start?"},
		{"tail x --until nevr", "did you mean never?"},
		{"serve --start lastest", "did you mean latest?"},
		{"status --log-level wran", "did you mean warn?"},
		{"status --sasl scram-sha-521", "did you mean scram-sha-512?"},
		{"status --registry-id globl", "did you mean global?"},
		{"serve --wire conflent", "did you mean confluent?"},
		{"serve --events-wire ato", "did you mean auto?"},
		{"serve --tuner gird", "did you mean grid?"},
		{"trigger tumours --action sotf", "did you mean soft?"},
		{"produce monitoring.drfit", "did you mean monitoring.drift?"},
		{"produce retrain.progres", "did you mean retrain.progress?"},
		{"status --config settings.yaml", "settings.yaml:1:1: unknown key brokrs; did you mean brokers?"},
		{"policy check rules.yaml", "did you mean revision?"},
		{"policy check nested.yaml", "did you mean cooldown?"},
		{"policy check value.yaml", "did you mean drift?"},
		{"explain word coooldown", "did you mean cooldown"},
		{"completion bsh", "did you mean bash?"},
		{"help tial", "did you mean tail?"},
		{"help topics aply", "did you mean apply?"},
	} {
		want := exitUsage
		if strings.HasPrefix(c.line, "explain word") {
			want = exitFailed // as for a model that nothing is known of
		}
		code, out, errs := runHere("", strings.Fields(c.line)...)
		if code != want || !strings.Contains(errs, c.says) || !strings.HasPrefix(errs, "retrainer: ") && !strings.Contains(errs, "mistake") || out != "" {
			t.Errorf("retrainer %s: %d, %q, %q; expected %q", c.line, code, out, errs, c.says)
		}
	}
	for name, says := range map[string]string{"VTY_BROKRS": "did you mean VTY_BROKERS?", "VTY_SASL_PASWORD": "did you mean VTY_SASL_PASSWORD?", "VTY_BROKERS_SERVICE_HOST": ""} {
		t.Setenv(name, "1")
		if code, _, errs := runHere("", "version"); (code == exitUsage) != (says != "") || !strings.Contains(errs, says) {
			t.Errorf("%s: %d, %q; expected %q", name, code, errs, says)
		}
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

// With --json an error is an object, wherever the command line went wrong, and so are the mistakes in a file.
func TestErrorsAreJSONWhereJSONIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(file, []byte("revison: 1\ndefaults: {cooldwn: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"tial", "--json"}, {"--json", "topics"}, {"tail", "--json"}, {"tail", "x", "--frm", "1", "--json"}, {"serve", "--json", "--wire", "x"}, {"policy", "check", file, "--json"}} {
		code, out, errs := runHere("", line...)
		var told struct {
			Error    string
			Exit     int
			Mistakes []place
		}
		if err := json.Unmarshal([]byte(errs), &told); err != nil || code != exitUsage || told.Exit != code || told.Error == "" || out != "" {
			t.Errorf("%q: %d, %q, %v", line, code, errs, err)
		}
		if n := len(told.Mistakes); line[0] == "policy" && (n != 2 || told.Mistakes[1].Line != 2 || told.Mistakes[1].Column != 12 || told.Mistakes[1].File != file) {
			t.Errorf("%q: %+v", line, told.Mistakes)
		}
	}
}

// What is wrong with a command line is one sentence in the words of whoever wrote it, and not of the library that found it out.
func TestMistakesAreOneSentence(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, line := range []string{"x", "topics", "tail", "tail a b", "tail x --count y", "tail x --count", "tail x -q", "tail x --count -1", "tail x --timeout soon", "tail x --from y",
		"status --config missing.yaml", "status --brokers nowhere", "status --brokers=", "status --app a/b", "status --drift-topic a,a", "status --drift-topic= --performance-topic=",
		"status --tls-ca missing.pem", "status --sasl plain", "status --sasl-user ada", "status --sasl-password-file missing", "status --schema-registry nowhere", "status --json=maybe",
		"serve --policy missing.yaml --http=", "serve --events-wire bare:missing.avsc", "serve --session-timeout 1s", "serve --max-event-bytes 1XB", "serve --ledger-id x", "serve --start x",
		"topics apply --replication x", "policy check missing.yaml", "produce x", "produce retrain.ledger", "produce x --schema missing.avsc", "trigger m", "trigger m/v1 --action soft --create",
		"worker", "worker --exec true --dir=", "dev --brokers x:1", "version --app x", "completion", "completion tcsh", "help x", "demo --seed -1", "demo --pace -1", "demo --pace fast"} {
		code, out, errs := runHere("", strings.Fields(line)...)
		sentence, one := strings.CutPrefix(strings.TrimSuffix(errs, "\n"), "retrainer: ")
		if code != exitUsage || out != "" || !one || strings.Contains(sentence, "\n") || strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %d, %q, %q", line, code, out, errs)
		}
		for _, jargon := range []string{"strconv", "invalid syntax", "invalid argument", "shorthand", "open ", "accepts", "parse \"", "%!", "unmarshal"} {
			if strings.Contains(sentence, jargon) {
				t.Errorf("%s: %q speaks of %q", line, sentence, jargon)
			}
		}
	}
}
