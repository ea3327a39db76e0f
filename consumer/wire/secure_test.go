package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// selfSigned is a server's and a client's view of one new certificate for localhost.
func selfSigned(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// What is known of a connection (its versions) must be found again through TLS and after SASL.
func TestTLSAndSASL(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		server, client := selfSigned(t)
		k := s.cluster(t, kfake.NumBrokers(2), kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser("PLAIN", "someone", "secret"))
		negotiated := 0
		k.ControlKey(int16(kmsg.ApiVersions), func(req kmsg.Request) (kmsg.Response, error, bool) {
			k.KeepControl()
			if req.(*kmsg.ApiVersionsRequest).ClientSoftwareName == softwareName {
				negotiated++
			}
			return nil, nil, false
		})
		c := NewClient(Config{Brokers: k.ListenAddrs(), Dial: s.dial, TLS: client, SASL: plain.Mechanism{Username: "someone", Password: "secret"}})
		t.Cleanup(c.Close)
		r := &requests{T: t, k: k, c: c}
		r.run()
		c.Close()
		k.Close()
		if negotiated == 0 || negotiated > 6 {
			t.Errorf("versions were asked for %d times", negotiated)
		}

		k = s.cluster(t, kfake.NumBrokers(1), kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser("PLAIN", "someone", "secret"))
		wrong := NewClient(Config{Brokers: k.ListenAddrs(), Dial: s.dial, TLS: client, SASL: plain.Mechanism{Username: "someone", Password: "guess"}})
		t.Cleanup(wrong.Close)
		if err := wrong.Refresh(within(t, time.Minute)); !errors.Is(err, ErrNotSent) {
			t.Errorf("wrong password: %v", err)
		}
	})
}
