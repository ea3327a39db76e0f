//go:build kafka

package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// secured is a cluster with TLS, SCRAM, PLAIN and an authorizer that allows nobody anything but the administrator, who comes by a
// plain listener; and the program with a user for each group of rights that topics plan prints.
type secured struct {
	*cluster
	program, dir   string
	tls, sasl, ssl string // addresses of the listeners
}

// secret is everybody's password.
const secret = "open-sesame-42"

// grantees are those for whom topics plan prints rights, each with a user of its own.
var grantees = map[string]string{"serve": "service", "topics plan": "planner", "topics apply": "operator", "worker": "trainer",
	"status, explain, verify, tail": "reader", "trigger": "person", "monitoring pipelines, produce": "pipeline", "trainers without worker": "outsider"}

// acl is one operation on a resource, allowed or denied.
type acl struct {
	user, resource, name, pattern, operation string
	deny                                     bool
}

func (a acl) permission() kmsg.ACLPermissionType {
	if a.deny {
		return kmsg.ACLPermissionTypeDeny
	}
	return kmsg.ACLPermissionTypeAllow
}

func startSecured(t *testing.T) *secured {
	dir := t.TempDir()
	writeCertificates(t, dir)
	s := &secured{dir: dir}
	s.cluster = startClusterWith(t, 1, rand.New(rand.NewPCG(rand.Uint64(), 1)), func(port int) string { //nolint:gosec // of a test
		s.tls, s.sasl, s.ssl = fmt.Sprintf("127.0.0.1:%d", port+3), fmt.Sprintf("127.0.0.1:%d", port+4), fmt.Sprintf("127.0.0.1:%d", port+5)
		return strings.Join([]string{
			fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,TLS://%s,SASL://%s,MUTUAL://%s,CONTROLLER://127.0.0.1:%d", port, s.tls, s.sasl, s.ssl, port+1000),
			fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d,TLS://%s,SASL://%s,MUTUAL://%s", port, s.tls, s.sasl, s.ssl),
			"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL,SASL:SASL_PLAINTEXT,MUTUAL:SSL",
			"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS",
			"ssl.keystore.type=PEM", "ssl.keystore.location=" + filepath.Join(dir, "server.pem"),
			"ssl.truststore.type=PEM", "ssl.truststore.location=" + filepath.Join(dir, "ca.pem"),
			"listener.name.mutual.ssl.client.auth=required",
			"listener.name.tls.sasl.enabled.mechanisms=SCRAM-SHA-512", "listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
			"listener.name.tls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
			"listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
			`listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="` + secret + `";`,
		}, "\n") + "\n"
	})
	s.program = build(t, dir, "./cmd/retrainer")
	for _, user := range grantees { // order: each is one of its own
		s.addUser(user)
	}
	return s
}

// as runs the program as a user, to its end; what it printed to standard output and standard error.
func (s *secured) as(user, input string, args ...string) (out, log string, err error) {
	return s.at(s.tls, secret, input, append(args, "--tls-ca", filepath.Join(s.dir, "ca.pem"), "--sasl", "scram-sha-512", "--sasl-user", user)...)
}

func (s *secured) at(brokers, password, input string, args ...string) (out, log string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, append(args, "--brokers", brokers)...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = strings.NewReader(input), &stdout, &stderr, s.dir
	cmd.Env = append(os.Environ(), "USER=ada")
	if password != "" {
		cmd.Env = append(cmd.Env, "VTY_SASL_PASSWORD="+password)
	}
	err = cmd.Run()
	if all := stdout.String() + stderr.String(); password != "" && strings.Contains(all, password) {
		s.t.Errorf("%v shows the password:\n%s", args, all)
	}
	return stdout.String(), stderr.String(), err
}

// must is as for what has to go well.
func (s *secured) must(user, input string, args ...string) string {
	s.t.Helper()
	out, log, err := s.as(user, input, args...)
	if err != nil {
		s.t.Fatalf("%s %v: %v\n%s%s", user, args, err, out, log)
	}
	return out
}

// printed are the rights that topics plan prints, by the lines meant for kafka-acls.
func (s *secured) printed(out string) (all []acl) {
	s.t.Helper()
	_, lines, _ := strings.Cut(out, "kafka-acls --bootstrap-server HOST:PORT --add --allow-principal User:NAME\n")
	user := ""
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if !strings.HasPrefix(words[0], "--") {
			if user = grantees[strings.TrimSpace(line)]; user == "" {
				s.t.Fatalf("nobody here is %q", line)
			}
			continue
		}
		a := acl{user: user, resource: strings.TrimPrefix(words[0], "--"), name: words[1], pattern: "literal"}
		for i := 2; i+1 < len(words); i += 2 {
			switch words[i] {
			case "--resource-pattern-type":
				a.pattern = words[i+1]
			case "--operation":
				a.operation = words[i+1]
				all = append(all, a)
			default:
				s.t.Fatalf("%q in %q", words[i], line)
			}
		}
	}
	if len(all) < 30 {
		s.t.Fatalf("%d rights in\n%s", len(all), out)
	}
	return all
}

func (s *secured) give(all ...acl) {
	s.t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, a := range all {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourcePatternType, c.Operation = parsed(a)
		c.ResourceName, c.Principal, c.Host, c.PermissionType = a.name, "User:"+a.user, "*", a.permission()
		req.Creations = append(req.Creations, c)
	}
	res, err := req.RequestWith(context.Background(), s.client)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range res.Results {
		if code := res.Results[i].ErrorCode; code != 0 {
			s.t.Fatalf("%+v: error %d", all[i], code)
		}
	}
	for _, a := range all {
		s.holds(a, true)
	}
}

// holds waits until the broker knows of a right, or no more: it learns of both a moment after the controller has answered.
func (s *secured) holds(a acl, want bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType, req.Operation = parsed(a)
	req.ResourceName, req.Principal, req.PermissionType = &a.name, kmsg.StringPtr("User:"+a.user), a.permission()
	for {
		res, err := req.RequestWith(ctx, s.client)
		if err != nil {
			s.t.Fatalf("waiting for %+v to hold %v: %v", a, want, err)
		}
		if (len(res.Resources) > 0) == want {
			return
		}
		_ = wait(ctx, 5*time.Millisecond)
	}
}

func (s *secured) take(a acl) {
	s.t.Helper()
	req := kmsg.NewPtrDeleteACLsRequest()
	f := kmsg.NewDeleteACLsRequestFilter()
	f.ResourceType, f.ResourcePatternType, f.Operation = parsed(a)
	f.ResourceName, f.Principal, f.PermissionType = &a.name, kmsg.StringPtr("User:"+a.user), a.permission()
	req.Filters = append(req.Filters, f)
	res, err := req.RequestWith(context.Background(), s.client)
	if err != nil || len(res.Results) != 1 || len(res.Results[0].MatchingACLs) != 1 {
		s.t.Fatalf("taking %+v: %v, %+v", a, err, res)
	}
	s.holds(a, false)
}

func parsed(a acl) (kmsg.ACLResourceType, kmsg.ACLResourcePatternType, kmsg.ACLOperation) {
	resource, err1 := kmsg.ParseACLResourceType(a.resource)
	pattern, err2 := kmsg.ParseACLResourcePatternType(a.pattern)
	operation, err3 := kmsg.ParseACLOperation(a.operation)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	return resource, pattern, operation
}

// On a cluster that allows nobody anything, the rights that topics plan prints are enough for everything, and none of them is too
// many: without it something fails, and says which right is missing.
func TestThePrintedRightsSufficeAndEachIsNeeded(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	s.refusals()
	out, log, err := s.as("planner", "", "topics", "plan")
	if err == nil || !strings.Contains(log, "right Describe on topic monitoring.") {
		t.Errorf("topics plan without rights: %v, %s", err, log)
	}
	all := s.printed(out)
	asJSON, _, _ := s.as("planner", "", "topics", "plan", "--json")
	var document struct{ ACLs []struct{ For string } }
	if err := json.Unmarshal([]byte(asJSON), &document); err != nil || len(document.ACLs) != len(grantees) {
		t.Errorf("topics plan --json without rights: %v, %s", err, asJSON)
	}
	s.give(all...)
	s.must("operator", "", "topics", "apply")
	s.must("planner", "", "topics", "plan")
	of := func(users ...string) {
		for _, a := range all {
			if slices.Contains(users, a.user) {
				s.less(a)
			}
		}
	}
	of("planner", "operator")
	s.must("operator", "", "topics", "apply")
	s.document()
	serve := s.daemon("service", "all", "serve", "--http", "127.0.0.1:0", "--session-timeout", "6s", "--log-level", "debug")
	serve.start(nil)
	s.loop()
	s.takenAway(serve)
	of("trainer", "reader", "person", "pipeline", "outsider")
	serve.stop()
	of("service")
}

// loop is all that the program does, each part as the user whom it is meant for.
func (s *secured) loop() {
	t := s.t
	s.must("pipeline", fmt.Sprintf(`{"model_id":"detector/v5.4","mAP_change":-0.12,"timestamp":"%s"}`, time.Now().UTC().Format(time.RFC3339Nano)), "produce", "monitoring.performance")
	command := s.must("reader", "", "tail", "retrain.commands", "--from", "start", "--count", "1", "--timeout", patience.String())
	if !strings.Contains(command, `"base_version":"v5.4"`) {
		t.Errorf("the command is %s", command)
	}
	trainer := s.worker("all", "true")
	trainer.start(nil)
	if result := s.must("reader", "", "tail", "retrain.results", "--from", "start", "--count", "1", "--timeout", patience.String()); !strings.Contains(result, "succeeded") {
		t.Errorf("the result is %s", result)
	}
	s.trigger("bicycles")
	s.must("reader", "", "tail", "retrain.results", "--from", "start", "--count", "2", "--timeout", patience.String())
	s.must("reader", "", "status")
	s.must("reader", "", "explain", "model", "detector")
	s.must("reader", "", "verify")
	trainer.stop()
}

// trigger has a person ask for a model.
func (s *secured) trigger(model string) {
	s.t.Helper()
	if out, log, err := s.as("person", "", "trigger", model, "--action", "full", "--create"); err != nil && !stands(log) {
		s.t.Fatalf("trigger %s: %v\n%s%s", model, err, out, log)
	}
}

func (s *secured) worker(group, exec string) *instance {
	return s.daemon("trainer", "worker-"+group, "worker", "--exec", exec, "--group", "retrain.workers."+group, "--dir", filepath.Join(s.dir, "work-"+group), "--session-timeout", "6s")
}

// daemon runs until it is told to stop. Its password is in a file.
func (s *secured) daemon(user, name string, args ...string) *instance {
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	i := newInstance(s.t, s.dir, s.program, name, append(args, "--brokers", s.tls, "--tls-ca", filepath.Join(s.dir, "ca.pem"),
		"--sasl", "scram-sha-512", "--sasl-user", user, "--sasl-password-file", file)...)
	s.t.Cleanup(func() {
		if text, err := os.ReadFile(i.log.Name()); err != nil || strings.Contains(string(text), secret) {
			s.t.Errorf("the log of %s shows the password, or is not there: %v", name, err)
		}
	})
	return i
}

// less takes one right away, has what needs it fail, and gives it back.
func (s *secured) less(a acl) {
	s.t.Helper()
	s.prepare(a)
	s.take(a)
	defer s.give(a)
	var said []string
	for _, run := range s.needing(a) {
		out, log, err := s.as(a.user, run.input, run.args...)
		said = append(said, fmt.Sprintf("%v: %v\n%s%s", run.args, err, out, log))
		if err != nil && slices.ContainsFunc(strings.Split(log, "\n"), func(line string) bool {
			return strings.Contains(line, "give the principal the right") && strings.Contains(line, a.operation) && strings.Contains(line, a.resource+" "+a.name)
		}) {
			return
		}
	}
	s.t.Errorf("without %+v:\n%s", a, strings.Join(said, "\n"))
}
