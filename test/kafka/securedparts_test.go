//go:build kafka

package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// writeCertificates makes an authority (ca.pem), the broker's certificate with its key (server.pem), a client's (client.pem,
// client.key), and another authority (other.pem).
func writeCertificates(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, parts ...[]byte) {
		var text []byte
		for _, p := range parts {
			text = append(text, p...)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made := func(template, by *x509.Certificate, with *ecdsa.PrivateKey) (text, secret []byte, c *x509.Certificate, key *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if by == nil {
			by, with = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, with)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		bytes, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes}), c, key
	}
	authority := func(name string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	}
	other, _, _, _ := made(authority("other"), nil, nil)
	ca, _, by, with := made(authority("ca"), nil, nil)
	server, serverKey, _, _ := made(&x509.Certificate{Subject: pkix.Name{CommonName: "kafka"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, by, with)
	client, clientKey, _, _ := made(&x509.Certificate{Subject: pkix.Name{CommonName: "retrainer"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, by, with)
	write("ca.pem", ca)
	write("other.pem", other)
	write("server.pem", serverKey, server)
	write("client.pem", client)
	write("client.key", clientKey)
}

// addUser makes a SCRAM user.
func (s *secured) addUser(name string) {
	s.t.Helper()
	salt := []byte("salt of " + name)
	salted, err := pbkdf2.Key(sha512.New, secret, salt, 4096, sha512.Size)
	if err != nil {
		s.t.Fatal(err)
	}
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	u.Name, u.Mechanism, u.Iterations, u.Salt, u.SaltedPassword = name, 2, 4096, salt, salted
	req.Upsertions = append(req.Upsertions, u)
	res, err := req.RequestWith(context.Background(), s.client)
	if err != nil || len(res.Results) != 1 || res.Results[0].ErrorCode != 0 {
		s.t.Fatalf("making user %s: %v, %+v", name, err, res)
	}
}

// refusals are what is said at the start where the program and the broker do not agree on TLS or on the login.
func (s *secured) refusals() {
	ca, other := filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, "other.pem")
	scram := []string{"--sasl", "scram-sha-512", "--sasl-user", "reader"}
	for _, c := range []struct {
		what, brokers, password string
		args                    []string
		want                    string
	}{
		{"a wrong password", s.tls, "a-guess", append([]string{"--tls-ca", ca}, scram...), "error 58"},
		{"a wrong password, PLAIN", s.sasl, "a-guess", []string{"--sasl", "plain", "--sasl-user", "reader"}, "error 58"},
		{"a user that is not there", s.tls, secret, []string{"--tls-ca", ca, "--sasl", "scram-sha-512", "--sasl-user", "nobody"}, "error 58"},
		{"a mechanism that is not there", s.tls, secret, []string{"--tls-ca", ca, "--sasl", "plain", "--sasl-user", "reader"}, "(error 33); what it offers is --sasl scram-sha-512"},
		{"no login", s.tls, "", []string{"--tls-ca", ca}, "wants a login: give --sasl-user, a password, and --sasl scram-sha-512"},
		{"a login where none is", s.brokers, secret, scram, "takes no login (error 34)"},
		{"TLS where none is", s.sasl, secret, append([]string{"--tls-ca", ca}, scram...), "speaks no TLS"},
		{"no TLS where it is", s.tls, secret, scram, "wants TLS"},
		{"no TLS and no login where both are", s.tls, "", nil, "wants TLS"},
		{"an unknown authority", s.tls, secret, append([]string{"--tls-ca", other}, scram...), "authority that is not trusted here"},
		{"a name that the certificate has not", strings.Replace(s.tls, "127.0.0.1", "localhost", 1), secret, append([]string{"--tls-ca", ca}, scram...), "not for this name"},
		{"no certificate where one is wanted", s.ssl, "", []string{"--tls-ca", ca}, "--tls-cert and --tls-key"},
	} {
		out, log, err := s.at(c.brokers, c.password, "", append([]string{"topics", "plan"}, c.args...)...)
		if err == nil || err.Error() != "exit status 2" || !strings.Contains(log, c.want) {
			s.t.Errorf("%s: %v\n%s%s", c.what, err, out, log)
		}
	}
	for what, args := range map[string][]string{
		s.sasl: {"--sasl", "plain", "--sasl-user", "reader"},
		s.ssl:  {"--tls-ca", ca, "--tls-cert", filepath.Join(s.dir, "client.pem"), "--tls-key", filepath.Join(s.dir, "client.key")},
	} {
		password := map[bool]string{true: secret}[what == s.sasl]
		if _, log, _ := s.at(what, password, "", append([]string{"topics", "plan"}, args...)...); !strings.Contains(log, "give the principal the right Describe") {
			s.t.Errorf("%v: a login that is right, without rights: %s", args, log)
		}
	}
}

// run is a command that needs a right.
type run struct {
	input string
	args  []string
}

// prepare sees to it that the operation is needed.
func (s *secured) prepare(a acl) {
	s.t.Helper()
	event := fmt.Sprintf(`{"model_id":"detector/v5.4","mAP_change":-0.12,"timestamp":"%s"}`, time.Now().UTC().Format(time.RFC3339Nano))
	topic := a.name
	if a.pattern == "prefixed" {
		topic = "retrain.dlq"
	}
	switch a.user + " " + a.operation {
	case "operator Create":
		s.ask(kmsg.NewPtrDeleteTopicsRequest(), topic)
	case "operator AlterConfigs":
		s.ask(kmsg.NewPtrIncrementalAlterConfigsRequest(), topic)
	case "service Write":
		s.must("pipeline", event, "produce", "monitoring.performance")
	case "trainer Write":
		s.trigger("cars")
	}
}

// ask has the administrator do something to a topic.
func (s *secured) ask(req kmsg.Request, topic string) {
	s.t.Helper()
	switch r := req.(type) {
	case *kmsg.DeleteTopicsRequest:
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &topic
		r.TopicNames, r.Topics, r.TimeoutMillis = []string{topic}, []kmsg.DeleteTopicsRequestTopic{t}, 10_000
	case *kmsg.IncrementalAlterConfigsRequest:
		x := kmsg.NewIncrementalAlterConfigsRequestResource()
		x.ResourceType, x.ResourceName = kmsg.ConfigResourceTypeTopic, topic
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value = "retention.ms", kmsg.StringPtr("60000")
		x.Configs = append(x.Configs, c)
		r.Resources = append(r.Resources, x)
	}
	if _, err := s.client.Request(context.Background(), req); err != nil {
		s.t.Fatal(err)
	}
}

// needing are the commands of a user's group that may need a right; one of them does.
func (s *secured) needing(a acl) []run {
	name := a.name
	if a.pattern == "prefixed" {
		name = "retrain.models"
	}
	words := func(text string) run { return run{args: strings.Fields(text)} }
	switch a.user {
	case "service":
		return []run{words("serve --session-timeout 6s --http 127.0.0.1:0")}
	case "planner":
		return []run{words("topics plan")}
	case "operator":
		return []run{words("topics apply")}
	case "trainer":
		return []run{words("worker --exec true --session-timeout 6s --group retrain.workers.less --dir " + filepath.Join(s.dir, "less"))}
	case "reader":
		return []run{words("tail --until end " + name)}
	case "person":
		return []run{words("trigger bicycles --action full")}
	case "pipeline":
		return []run{{`{"timestamp":"2026-11-24T10:00:00Z"}`, []string{"produce", name}}}
	case "outsider":
		if a.operation == "Read" {
			return []run{words("tail --until end " + name)}
		}
		return []run{{`{"command_id":"x","kind":"started","at":"2026-11-24T10:00:00Z"}`, []string{"produce", name}}}
	}
	s.t.Fatalf("nothing needs %+v", a)
	return nil
}
