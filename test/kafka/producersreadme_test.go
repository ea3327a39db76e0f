//go:build kafka

package kafka

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// firstBlock is the first block of shell commands behind a line of a document.
func firstBlock(t testing.TB, file, behind string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, file))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+behind)
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(rest)
	if block == nil {
		t.Fatalf("%s has no commands behind %q", file, behind)
	}
	return block[1]
}

// TestTheCommandsOfTheProducersREADMEsRun beside `retrainer dev`, as they say.
func TestTheCommandsOfTheProducersREADMEsRun(test *testing.T) {
	test.Parallel()
	t := tell(test)
	dir := t.TempDir()
	program := build(t, dir, "./cmd/retrainer")
	broker := fmt.Sprintf("127.0.0.1:%d", 15_000+rand.IntN(5000))
	dev := newInstance(t, dir, program, "dev", "dev", "--listen", broker, "--http", "", "--data", filepath.Join(dir, "data"))
	dev.start(nil)
	command(t, program, "tail", "retrain.policy", "--brokers", broker, "--from", "start", "--count", "1", "--timeout", "60s") // it serves

	cmd := exec.Command("bash", "-eo", "pipefail", "-c",
		firstBlock(t, "examples/java/README.md", "Java 17 and Maven")+firstBlock(t, "examples/python/README.md", "## produce.py"))
	cmd.Dir, cmd.Env = top, append(os.Environ(), "VTY_BROKERS="+broker, "PATH="+filepath.Dir(python(t))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "1 written to ") != 3 || !strings.Contains(string(out), `"kind": "train"`) {
		t.Errorf("%v\n%s", err, out)
	}
	dev.stop()
}
