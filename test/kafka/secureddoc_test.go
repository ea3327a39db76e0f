//go:build kafka

package kafka

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/visutility/retrainer/internal/docs"
)

// document runs what docs/cluster.md says of a secured cluster, as its user `retrainer`: first without a right, then with those that it
// printed itself, given by Kafka's own kafka-acls in the words of the lines.
func (s *secured) document() {
	s.t.Helper()
	s.addUser("retrainer")
	file := filepath.Join(s.dir, "document-password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	block := strings.NewReplacer("kafka:9093", s.tls, "/run/secrets/kafka", file).Replace(docs.Mine(s.t)[0].Text)
	run := func() (out, log string, err error) {
		cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", block)
		cmd.Dir = s.dir // where ./retrainer and ca.pem are
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
		if all := stdout.String() + stderr.String(); strings.Contains(all, secret) {
			s.t.Errorf("the password is shown:\n%s", all)
		}
		return stdout.String(), stderr.String(), err
	}
	out, log, err := run()
	lines := regexp.MustCompile(`(?m)^ *topics plan\n((?: +--.*\n)+)`).FindStringSubmatch(out)
	if err == nil || lines == nil {
		s.t.Fatalf("docs/cluster.md's commands for a secured cluster, without rights: %v\n%s%s", err, out, log)
	}
	for _, line := range strings.Split(strings.TrimSpace(lines[1]), "\n") {
		args := append([]string{"tool", "org.apache.kafka.tools.AclCommand"}, strings.Fields("--bootstrap-server "+s.brokers+" --add --allow-principal User:retrainer "+line)...)
		if out, err := s.script(args...); err != nil {
			s.t.Fatalf("kafka-acls with %q: %v\n%s", line, err, out)
		}
	}
	for _, a := range s.printed(out) { // the broker learns of them a moment later
		if a.user == grantees["topics plan"] {
			a.user = "retrainer"
			s.holds(a, true)
		}
	}
	if out, log, err = run(); err != nil {
		s.t.Errorf("docs/cluster.md's commands for a secured cluster: %v\n%s%s", err, out, log)
	}
	for _, who := range append([]string{"all are there and as they must be"}, slices.Collect(maps.Keys(grantees))...) {
		if !strings.Contains(out, who) {
			s.t.Errorf("docs/cluster.md's commands for a secured cluster say nothing of %q:\n%s", who, out)
		}
	}
}
