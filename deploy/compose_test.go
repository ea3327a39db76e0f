package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const top = ".." // of the repository

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// compose is docker-compose.yml as the program of that name reads it: against its schema, with variables and anchors put in, and consistent.
func compose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(top, "docker-compose.yml")}, cli.WithProfiles([]string{"*"}),
		cli.WithInterpolation(true), cli.WithConsistency(true), cli.WithResolvedPaths(true), cli.WithNormalization(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kafkaVersion is that of the tests.
func kafkaVersion(t *testing.T) string {
	return regexp.MustCompile(`<kafka\.version>(.+)</kafka\.version>`).FindStringSubmatch(text(t, "tools/kafka/pom.xml"))[1]
}

func TestComposeRunsWhatTheTestsRunAgainst(t *testing.T) {
	registry := regexp.MustCompile(`(?m)^version=\$\{REGISTRY_VERSION:-(.+)\}$`).FindStringSubmatch(text(t, "tools/registry/registry-local"))[1]
	p := compose(t)
	for name, want := range map[string]string{"kafka": "apache/kafka:" + kafkaVersion(t), "registry": "apicurio/apicurio-registry:" + registry} {
		if got := p.Services[name].Image; got != want {
			t.Errorf("%s is %s; the tests run against %s", name, got, want)
		}
	}
	for name, s := range p.Services {
		ours := s.Build != nil
		if image := regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)?:v?[0-9][0-9.]*$`); !ours && !image.MatchString(s.Image) {
			t.Errorf("%s: image %q is not NAME:VERSION", name, s.Image)
		}
		if ours && s.PullPolicy != types.PullPolicyBuild {
			t.Errorf("%s is ours, and could be pulled from a stranger", name)
		}
	}
}

// A port that is published without an address is open to the network, past most firewalls; what is not kept in a volume goes with its container.
func TestComposeIsClosedAndKeepsItsData(t *testing.T) {
	p := compose(t)
	keeps := map[string]string{"kafka": environment(p.Services["kafka"])["KAFKA_LOG_DIRS"], "worker": flag(p.Services["worker"], "--dir"), "prometheus": "/prometheus"}
	for name, s := range p.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to the network", name, port.Published)
			}
		}
		want, stateful := keeps[name]
		if kept := slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Type == types.VolumeTypeVolume && v.Target == want }); kept != stateful {
			t.Errorf("%s: a volume at %q: %v", name, want, kept)
		}
		long := name != "topics" && name != "client"
		if (s.Restart == types.RestartPolicyUnlessStopped) != long {
			t.Errorf("%s: restart %q", name, s.Restart)
		}
		if long && name != "worker" && s.HealthCheck == nil {
			t.Errorf("%s: nobody sees whether it works", name)
		}
	}
}

// environment has the variables that the file itself sets.
func environment(s types.ServiceConfig) map[string]string {
	env := map[string]string{}
	for name, value := range s.Environment { // order: into a map
		if value != nil {
			env[name] = *value
		}
	}
	return env
}

// flag is the value behind a flag of a service's command.
func flag(s types.ServiceConfig, name string) string {
	i := slices.Index(s.Command, name)
	if i < 0 || i+1 == len(s.Command) {
		return ""
	}
	return s.Command[i+1]
}

// Addresses inside name a service and a port on which it listens.
func TestComposeAddressesAreThoseOfItsServices(t *testing.T) {
	p := compose(t)
	kafka := environment(p.Services["kafka"])
	for name, s := range p.Services {
		env := environment(s)
		for _, key := range []string{"VTY_BROKERS", "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"} {
			if v, ok := env[key]; ok && !strings.Contains(","+kafka["KAFKA_ADVERTISED_LISTENERS"], "INSIDE://"+v+",") {
				t.Errorf("%s: %s %q is no listener of kafka: %s", name, key, v, kafka["KAFKA_ADVERTISED_LISTENERS"])
			}
		}
		if v, ok := env["VTY_SCHEMA_REGISTRY"]; ok && v != "http://registry:8080/apis/ccompat/v7" {
			t.Errorf("%s: %s is not the registry's API of Confluent", name, v)
		}
	}
	if v := environment(p.Services["retrainer"])["VTY_HTTP"]; !strings.HasSuffix(v, ":"+p.Services["retrainer"].Ports[0].Published) {
		t.Errorf("retrainer listens on %s, and %s is published", v, p.Services["retrainer"].Ports[0].Published)
	}
	if !strings.Contains(text(t, "deploy/prometheus/prometheus.yml"), "{names: [retrainer], type: A, port: 9280,") {
		t.Error("Prometheus does not ask the service retrainer at its port")
	}
}
