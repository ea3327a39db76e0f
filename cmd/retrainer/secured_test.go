package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// authority signs certificates, for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// signed makes a certificate, by the authority or, where that is nil, by itself; in PEM, with its key.
func (a *authority) signed(template *x509.Certificate) (certificate, key []byte, _ *authority, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, nil, nil, err
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	template.NotBefore = template.NotAfter.Add(-24 * time.Hour)
	by, with := template, private
	if a != nil {
		by, with = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &private.PublicKey, with)
	if err != nil {
		return nil, nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, nil, err
	}
	made, err := x509.ParseCertificate(der)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), &authority{made, private}, err
}

// secured [tls] [mtls] [expired] [elsewhere] [sasl]: starts a broker without topics at $BROKER, which ends with the script. tls: its
// certificate is for 127.0.0.1 and by an authority that is in ca.pem (other.pem has another one); expired: it is out of date; elsewhere:
// it is for another host; mtls: it wants to see a certificate like client.pem with client.key. sasl: users ada and bob may do
// everything, by PLAIN and by SCRAM-SHA-512, with the password open-sesame.
func securedCommand(ts *testscript.TestScript, _ bool, args []string) {
	_, port, err := net.SplitHostPort(ts.Getenv("BROKER"))
	ts.Check(err)
	n, err := strconv.Atoi(port)
	ts.Check(err)
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(n)}
	if slices.Contains(args, "sasl") {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", "open-sesame"), kfake.Superuser("SCRAM-SHA-512", "bob", "open-sesame"))
	}
	if server := certificates(ts, args); slices.Contains(args, "tls") || slices.Contains(args, "mtls") {
		opts = append(opts, kfake.TLS(server))
	}
	k, err := kfake.NewCluster(opts...)
	ts.Check(err)
	ts.Defer(k.Close)
	refuses := new(atomic.Bool)
	refusing.Store(ts.Getenv("BROKER"), refuses)
	answerAsKafka(k, slices.Contains(args, "sasl"), refuses)
}

var refusing sync.Map // address of a broker: whether it refuses everybody

// rotated on|off: from now on the broker at $BROKER refuses every password, and has ended all connections, or no more.
func rotatedCommand(ts *testscript.TestScript, _ bool, args []string) {
	refuses, ok := refusing.Load(ts.Getenv("BROKER"))
	if !ok {
		ts.Fatalf("there is no secured broker")
	}
	refuses.(*atomic.Bool).Store(args[0] == "on")
}

// answerAsKafka has a broker answer as Apache Kafka does to those who cannot log in, where kfake says something else or hangs up.
func answerAsKafka(k *kfake.Cluster, logins bool, refuses *atomic.Bool) {
	k.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		if before := []int16{int16(kmsg.ApiVersions), int16(kmsg.SASLHandshake), int16(kmsg.SASLAuthenticate)}; refuses.Load() && !slices.Contains(before, req.Key()) {
			return nil, errors.New("this connection is of before the password was changed"), true
		}
		return nil, nil, false
	})
	k.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		res := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
		offers := []string{"PLAIN", "SCRAM-SHA-512"}
		switch {
		case !logins:
			res.ErrorCode = kerr.IllegalSaslState.Code
		case slices.Contains(offers, req.(*kmsg.SASLHandshakeRequest).Mechanism):
			return nil, nil, false
		default:
			res.ErrorCode, res.SupportedMechanisms = kerr.UnsupportedSaslMechanism.Code, offers
		}
		return res, nil, true
	})
	k.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		sent := req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes
		if !refuses.Load() && (!bytes.HasPrefix(sent, []byte{0}) || bytes.HasSuffix(sent, []byte("\x00open-sesame"))) {
			return nil, nil, false
		}
		res := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		res.ErrorCode, res.ErrorMessage = kerr.SaslAuthenticationFailed.Code, kmsg.StringPtr("Authentication failed: Invalid username or password")
		return res, nil, true
	})
}

// certificates writes them to files, and gives the broker's side.
func certificates(ts *testscript.TestScript, args []string) *tls.Config {
	write := func(name string, text []byte) { ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600)) }
	ca := func(name string) *authority {
		text, _, a, err := (*authority)(nil).signed(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
		ts.Check(err)
		write(name+".pem", text)
		return a
	}
	a := ca("ca")
	ca("other")
	template := &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if slices.Contains(args, "expired") {
		template.NotAfter = time.Now().Add(-time.Hour)
	}
	if slices.Contains(args, "elsewhere") {
		template = &x509.Certificate{DNSNames: []string{"kafka.example"}}
	}
	certificate, key, _, err := a.signed(template)
	ts.Check(err)
	pair, err := tls.X509KeyPair(certificate, key)
	ts.Check(err)
	certificate, key, _, err = a.signed(&x509.Certificate{Subject: pkix.Name{CommonName: "retrainer"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	ts.Check(err)
	write("client.pem", certificate)
	write("client.key", key)
	server := &tls.Config{Certificates: []tls.Certificate{pair}}
	if slices.Contains(args, "mtls") {
		server.ClientCAs, server.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		server.ClientCAs.AddCert(a.certificate)
	}
	return server
}

// Flags are seen by every user of a machine.
func TestThePasswordIsNeverAFlag(t *testing.T) {
	t.Parallel()
	root := newRoot()
	for _, name := range []string{"sasl-password", "password"} {
		if root.PersistentFlags().Lookup(name) != nil {
			t.Errorf("--%s would show the password to other users of the machine", name)
		}
	}
}
