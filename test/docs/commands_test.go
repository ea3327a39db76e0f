package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/visutility/retrainer/internal/docs"
	"github.com/visutility/retrainer/internal/free"
)

// A person reads the README from its top to its end and types what it says; then what the other documents say.
func TestTheDocumentsCommandsDoWhatTheySay(t *testing.T) {
	dir := t.TempDir()
	if err := docs.Clone(dir); err != nil {
		t.Fatal(err)
	}
	broker := free.Address(t)
	w := docs.Open(t, dir, "VTY_LISTEN="+broker, "VTY_BROKERS="+broker, "VTY_HTTP=127.0.0.1:0", "VTY_PACE=0")
	for _, address := range []string{"127.0.0.1:9092", "kafka:9092"} {
		w.Replace(address, broker)
	}
	w.Replace("127.0.0.1:9281", "127.0.0.1:0")
	// A trainer, of whatever language: the README's own have a test in test/python.
	if err := os.WriteFile(filepath.Join(dir, "train.sh"), []byte("echo '{}'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Replace("python train.py", "sh train.sh")
	w.Before("COMMAND_ID", func() { w.Replace("COMMAND_ID", newest(t, w, "retrain.commands", "command_id")) })
	for _, b := range docs.Mine(t) { // ids of the day on which the document was written
		for _, m := range regexp.MustCompile(`explain (command|decision) ([0-9a-f]{8})\b`).FindAllStringSubmatch(b.Text, -1) {
			w.Before(m[0], func() { w.Replace(m[2], newest(t, w, "retrain."+m[1]+"s", m[1]+"_id")[:8]) })
		}
	}
	w.Before("trigger tumours", func() { w.Type("./retrainer tail retrain.results --from start --count 1") }) // the lock is open
	w.Do("README.md", "")
	for statement, text := range map[string]string{
		"tail retrain.commands --from start --count 1": `"model":"tumours"`,
		"explain model tumours":                        "tumours v1.3 lost 0.061",
		"policy check policy.yaml":                     "revision 1",
		"retrainer verify":                             "verified: ",
	} {
		w.Says(statement, text)
	}
	w.Type("export PATH=$PWD:$PATH")
	w.Do("docs/cluster.md", "")
	w.Do("docs/policy.md", "")
	w.Do("docs/decisions.md", "")
	w.Do("docs/records.md", "")
	w.Do("docs/operate.md", "")
	w.Do("examples/events/README.md", "")
	w.Do("CONTRIBUTING.md", "")
}

// newest is a field of the last record of a topic.
func newest(t *testing.T, w *docs.Terminal, topic, field string) string {
	t.Helper()
	_, out := w.Type(fmt.Sprintf("./retrainer tail %s --from start --until end", topic))
	lines := regexp.MustCompile(`(?m)^\{"topic".*$`).FindAllString(out, -1)
	var record struct{ Value map[string]any }
	if len(lines) == 0 || json.Unmarshal([]byte(lines[len(lines)-1]), &record) != nil {
		t.Fatalf("%s has no record:\n%s", topic, out)
	}
	return strings.TrimSpace(fmt.Sprint(record.Value[field]))
}
