package walls

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// compose is what docker-compose.yml uses of the Compose specification; any other key is an error.
type compose struct {
	Name     string
	Services map[string]struct {
		Image       string
		Build       string
		Command     []string
		Environment map[string]string
		DependsOn   dependencies `yaml:"depends_on"`
		Ports       []string
		Volumes     []string
		Restart     string
	}
	Volumes map[string]any
}

// dependencies is a list of services, or a mapping from them to conditions.
type dependencies map[string]struct{ Condition string }

func (d *dependencies) UnmarshalYAML(text []byte) error {
	var names []string
	if yaml.Unmarshal(text, &names) == nil {
		*d = dependencies{}
		for _, n := range names {
			(*d)[n] = struct{ Condition string }{"service_started"}
		}
		return nil
	}
	return yaml.UnmarshalWithOptions(text, (*map[string]struct{ Condition string })(d), yaml.Strict())
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestComposeFileHoldsTogether(t *testing.T) {
	var c compose
	if err := yaml.UnmarshalWithOptions([]byte(text(t, "docker-compose.yml")), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		if (s.Image == "") == (s.Build == "") {
			t.Errorf("%s: needs an image or a build, one of them", name)
		}
		if image := regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)?:[0-9][0-9.]*$`); s.Image != "" && !image.MatchString(s.Image) {
			t.Errorf("%s: image %q is not NAME:VERSION", name, s.Image)
		}
		for on, d := range s.DependsOn {
			if _, ok := c.Services[on]; !ok || !slices.Contains([]string{"service_started", "service_healthy", "service_completed_successfully"}, d.Condition) {
				t.Errorf("%s depends on %s (%s), which is none", name, on, d.Condition)
			}
		}
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); !strings.HasPrefix(from, ".") {
				if _, ok := c.Volumes[from]; !ok {
					t.Errorf("%s: volume %s is not declared", name, from)
				}
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the network", name, p)
			}
		}
		if s.Build != "" && !strings.Contains(c.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"], "INSIDE://"+s.Environment["VTY_BROKERS"]) {
			t.Errorf("%s: VTY_BROKERS %q is no listener of kafka", name, s.Environment["VTY_BROKERS"])
		}
	}
	version := regexp.MustCompile(`<kafka\.version>(.+)</kafka\.version>`).FindStringSubmatch(text(t, "tools/kafka/pom.xml"))[1]
	if got := c.Services["kafka"].Image; got != "apache/kafka:"+version {
		t.Errorf("compose runs %s; the tests run against %s (tools/kafka/pom.xml)", got, version)
	}
}

func TestImageIsStaticAndRunsAsNobody(t *testing.T) {
	stages := strings.Split(text(t, "Dockerfile"), "\nFROM ")
	language := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindStringSubmatch(text(t, "go.mod"))[1]
	if first := "FROM golang:" + language + " AS build\n"; !strings.HasPrefix(stages[0], first) {
		t.Errorf("the build stage is not %q, the language of go.mod", strings.TrimSpace(first))
	}
	if !strings.Contains(stages[0], "CGO_ENABLED=0 go build") {
		t.Error("the program is not linked statically")
	}
	last := stages[len(stages)-1]
	if len(stages) != 2 || !strings.HasPrefix(last, "scratch\n") {
		t.Error("the image is not made from scratch")
	}
	if !regexp.MustCompile(`(?m)^USER [1-9][0-9]*:[1-9][0-9]*$`).MatchString(last) {
		t.Error("the image runs as root")
	}
	if !strings.Contains(last, `ENTRYPOINT ["/retrainer"]`) || !strings.Contains(last, "COPY --from=build /retrainer /retrainer\n") {
		t.Error("the image does not run the program that was built")
	}
}
