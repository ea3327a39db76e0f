//go:build kafka

package kafka

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/visutility/retrainer/internal/docs"
)

// A person follows docs/start.md on a cluster, then what the examples in Python and Java say, beside a service without a schema
// registry and with one.
func TestTheDocumentsCommandsDoWhatTheySayOnApacheKafka(test *testing.T) {
	test.Parallel()
	t := tell(test)
	dir := t.TempDir()
	if err := docs.Clone(dir); err != nil {
		t.Fatal(err)
	}
	registry := make(chan *schemaRegistry)
	go func() { registry <- startRegistry(t, filepath.Join(dir, "registry")) }()
	c := startCluster(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)))
	started := <-registry
	if started.confluent == "" {
		t.FailNow()
	}
	w := docs.Open(t, dir, "PATH="+filepath.Dir(python(t))+":"+os.Getenv("PATH"), "VTY_HTTP=127.0.0.1:0", "KAFKA_DIR="+c.dir)
	w.Replace("127.0.0.1:9092", c.brokers)
	w.Replace("pip install", "python -m pip install") // which an environment that was moved has too
	w.Replace("kafka-topics.sh", "tools/kafka/kafka-local tool org.apache.kafka.tools.TopicCommand")
	w.Replace("kafka-consumer-groups.sh", "tools/kafka/kafka-local tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand")

	const start = "docs/start.md"
	for _, section := range docs.Sections(t, start) {
		if section == "7. Into production" {
			w.Stop("") // as it says
		}
		w.Do(start, section)
	}
	for statement, text := range map[string]string{
		"topics plan":           "retrain.ledger is missing",
		"policy check":          "policy.yaml is right",
		"curl ":                 `"ready":true`,
		"explain model tumours": "tumours v1.3 lost 0.12 mAP (limit 0.05)",
		"tail trial.results":    `"model":"routes"`,
		"verify":                "3 commands, 3 results, 3 models",
		"ConsumerGroupCommand":  "trial.workers",
	} {
		w.Says(statement, text)
	}
	if left := command(t, filepath.Join(dir, "tools/kafka/kafka-local"), "tool", "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", c.brokers, "--list"); strings.Contains(left, "trial") {
		t.Errorf("these topics are left:\n%s", left)
	}

	w.Type("export VTY_BROKERS=" + c.brokers)
	w.Do("examples/python/README.md", "")
	w.Do("examples/java/README.md", "Java: a producer of events, a consumer of commands")
	w.Says("$run.Commands 1", `"model": "digits"`)
	w.Stop("serve")
	w.Start("./retrainer serve --schema-registry " + started.confluent)
	w.Replace("http://127.0.0.1:8080/apis/registry/v3", started.own)
	w.Do("examples/java/README.md", "With a registry")
	w.Says("$run.Commands 1", `"model": "letters"`)
}
