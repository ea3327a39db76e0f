package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifests are the objects of deploy/kubernetes, read as the API server reads them with strict field validation: an unknown field, or one
// that stands there twice, is an error.
type manifests struct {
	sets     []*appsv1.StatefulSet
	config   *corev1.ConfigMap
	services []*corev1.Service
	budgets  []*policyv1.PodDisruptionBudget
	networks []*networkingv1.NetworkPolicy
}

func read(t *testing.T) *manifests {
	t.Helper()
	paths, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(paths) < 2 {
		t.Fatalf("%q, %v", paths, err)
	}
	m := &manifests{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.add(content); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return m
}

func (m *manifests) add(content []byte) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return err
		}
		switch o := object.(type) {
		case *appsv1.StatefulSet:
			m.sets = append(m.sets, o)
		case *corev1.ConfigMap:
			m.config = o
		case *corev1.Service:
			m.services = append(m.services, o)
		case *policyv1.PodDisruptionBudget:
			m.budgets = append(m.budgets, o)
		case *networkingv1.NetworkPolicy:
			m.networks = append(m.networks, o)
		default:
			return fmt.Errorf("%T is not looked at by any test", o)
		}
	}
}

// set is the one of that name.
func (m *manifests) set(t *testing.T, name string) *appsv1.StatefulSet {
	t.Helper()
	for _, s := range m.sets {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no StatefulSet %s", name)
	return nil
}

func TestManifestsAreReadStrictly(t *testing.T) {
	m := read(t)
	if len(m.sets) != 2 || m.config == nil || len(m.budgets) != 1 || len(m.networks) != 2 {
		t.Errorf("%d sets, %d budgets, %d network policies", len(m.sets), len(m.budgets), len(m.networks))
	}
	good := text(t, "deploy/kubernetes/retrainer.yaml")
	for _, change := range [][2]string{{"replicas: 2", "replica: 2"}, {"replicas: 2", "replicas: two"}, {"periodSeconds: 2\n", "periodSeconds: 2\n          periodSeconds: 3\n"}} {
		if !strings.Contains(good, change[0]) || (&manifests{}).add([]byte(strings.Replace(good, change[0], change[1], 1))) == nil {
			t.Errorf("%q is taken", change[1])
		}
	}
}

// What is selected is there, what is mounted is a volume, and what is asked for by name is a port.
func TestManifestsHoldTogether(t *testing.T) {
	m := read(t)
	pods := map[string]labels.Set{}
	for _, s := range m.sets {
		pods[s.Name] = s.Spec.Template.Labels
		if !labels.SelectorFromSet(s.Spec.Selector.MatchLabels).Matches(pods[s.Name]) {
			t.Errorf("%s does not select its own pods", s.Name)
		}
		volumes := map[string]bool{}
		for _, v := range s.Spec.Template.Spec.Volumes {
			volumes[v.Name] = true
			if v.ConfigMap != nil && v.ConfigMap.Name != m.config.Name {
				t.Errorf("%s: no ConfigMap %s", s.Name, v.ConfigMap.Name)
			}
		}
		for _, c := range s.Spec.VolumeClaimTemplates {
			volumes[c.Name] = true
		}
		spec := s.Spec.Template.Spec
		for _, c := range append(spec.InitContainers, spec.Containers...) {
			for _, v := range c.VolumeMounts {
				if !volumes[v.Name] {
					t.Errorf("%s/%s: no volume %s", s.Name, c.Name, v.Name)
				}
			}
			if safe := c.SecurityContext; safe == nil || *safe.AllowPrivilegeEscalation || !*safe.ReadOnlyRootFilesystem || len(safe.Capabilities.Drop) != 1 {
				t.Errorf("%s/%s may more than it needs", s.Name, c.Name)
			}
		}
		if !*spec.SecurityContext.RunAsNonRoot || !strings.Contains(text(t, "Dockerfile"), fmt.Sprintf("\nUSER %d:%d\n", *spec.SecurityContext.RunAsUser, *spec.SecurityContext.RunAsGroup)) {
			t.Errorf("%s does not run as the image's user", s.Name)
		}
		if !hasService(m, s) {
			t.Errorf("%s: no headless Service %s selects its pods", s.Name, s.Spec.ServiceName)
		}
	}
	for _, b := range m.budgets {
		if !labels.SelectorFromSet(b.Spec.Selector.MatchLabels).Matches(pods[b.Name]) {
			t.Errorf("the budget %s selects nothing", b.Name)
		}
	}
	for _, n := range m.networks {
		if !labels.SelectorFromSet(n.Spec.PodSelector.MatchLabels).Matches(pods[n.Name]) {
			t.Errorf("the network policy %s selects nothing", n.Name)
		}
	}
}

func hasService(m *manifests, s *appsv1.StatefulSet) bool {
	for _, v := range m.services {
		if v.Name == s.Spec.ServiceName && v.Spec.ClusterIP == corev1.ClusterIPNone {
			return labels.SelectorFromSet(v.Spec.Selector).Matches(labels.Set(s.Spec.Template.Labels))
		}
	}
	return false
}

// The program has 10 s after SIGTERM, and a pod that is moved must be back before its session ends, or its partitions move.
func TestPodsHaveTheTimeThatTheProgramNeeds(t *testing.T) {
	m := read(t)
	for _, s := range m.sets {
		if grace := *s.Spec.Template.Spec.TerminationGracePeriodSeconds; grace < 20 {
			t.Errorf("%s has %d s to end", s.Name, grace)
		}
	}
	var session time.Duration
	for line := range strings.Lines(m.config.Data["retrainer.yaml"]) {
		if v, ok := strings.CutPrefix(line, "session_timeout: "); ok {
			session, _ = time.ParseDuration(strings.Fields(v)[0])
		}
	}
	if session < 30*time.Second {
		t.Errorf("session_timeout %v: the end of a pod and its next start take longer", session)
	}
	for _, e := range m.set(t, "retrainer").Spec.Template.Spec.Containers[0].Env {
		if e.Name == "VTY_INSTANCE_ID" && e.ValueFrom.FieldRef.FieldPath == "metadata.name" {
			return
		}
	}
	t.Error("the pod's name is not its instance id")
}

// pod is a container of a set, as a process on this machine: its files are mounted below a folder, its brokers do not answer.
func pod(t *testing.T, m *manifests, c corev1.Container, program, trainer string) *process {
	dir := t.TempDir()
	here := strings.NewReplacer("/config/", filepath.Join(dir, "config")+"/", "/secrets/", filepath.Join(dir, "secrets")+"/",
		"/trainings", filepath.Join(dir, "trainings"), "python /app/train.py", trainer, "[kafka-0.kafka:9093, kafka-1.kafka:9093, kafka-2.kafka:9093]", "[127.0.0.1:1]",
		"0.0.0.0:9280", "127.0.0.1:0")
	files := map[string]string{"secrets/password": "secret"}
	for name, content := range m.config.Data {
		files["config/"+name] = here.Replace(content)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &process{args: []string{program}, env: map[string]string{}, dir: dir}
	for _, a := range c.Args {
		p.args = append(p.args, here.Replace(a))
	}
	for _, e := range c.Env {
		p.env[e.Name] = "retrainer-0"
	}
	return p
}

// The program takes the files of the ConfigMap and the arguments of each container, as far as to where it waits for Kafka, and answers the
// probes where they ask.
func TestPodsStartUpToTheirCluster(t *testing.T) {
	m := read(t)
	built := program(t)
	serve := m.set(t, "retrainer").Spec.Template.Spec
	worker := m.set(t, "retrainer-worker").Spec.Template.Spec.Containers[0]
	check := pod(t, m, serve.Containers[0], built, "")
	check.args = []string{built, "policy", "check", "config/policy.yaml"}
	check.ends(t)
	for _, c := range []corev1.Container{serve.InitContainers[0], worker} {
		p := pod(t, m, c, built, built+" demo trainer")
		if c.Name == "topics" { // what it was told to do is not done
			p.exit = 1
		}
		said := p.lasts(t)
		until(t, c.Name+" waits for the cluster", func() error { return says(said, "waiting for a broker at 127.0.0.1:1") })
	}
	c := serve.Containers[0]
	said := pod(t, m, c, built, "").lasts(t)
	address := ""
	until(t, "serve listens", func() error {
		content, err := os.ReadFile(said)
		_, rest, ok := strings.Cut(string(content), `"http":"`)
		if address, _, _ = strings.Cut(rest, `"`); !ok {
			return fmt.Errorf("it says %s, %w", content, err)
		}
		return nil
	})
	for probe, want := range map[*corev1.Probe]int{c.LivenessProbe: http.StatusOK, c.ReadinessProbe: http.StatusServiceUnavailable} {
		url := "http://" + address + probe.HTTPGet.Path
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s without a cluster", url, answer.Status)
		}
		if probe.HTTPGet.Port.StrVal != c.Ports[0].Name || !strings.Contains(m.config.Data["retrainer.yaml"], fmt.Sprintf("\nhttp: 0.0.0.0:%d\n", c.Ports[0].ContainerPort)) {
			t.Errorf("the probe of %s asks another port than that of http", probe.HTTPGet.Path)
		}
	}
}

func says(file, what string) error {
	content, err := os.ReadFile(file)
	if err == nil && !strings.Contains(string(content), what) {
		err = fmt.Errorf("it says only: %s", content)
	}
	return err
}

// A changed ConfigMap restarts nothing: what restarts its pods is said where the policy is changed, of a set that is there and reads it.
func TestWhatRestartsThePodsIsSaidWhereThePolicyIsChanged(t *testing.T) {
	m := read(t)
	set := m.set(t, "retrainer")
	if m.config.Data["policy.yaml"] == "" || set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		t.Errorf("%s has no policy, or its pods are not restarted by a rollout", m.config.Name)
	}
	for _, document := range []string{"deploy/kubernetes/retrainer.yaml", "docs/operate.md"} {
		if !strings.Contains(text(t, document), "kubectl rollout restart statefulset/"+set.Name) {
			t.Errorf("%s does not say it", document)
		}
	}
}
