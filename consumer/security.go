package consumer

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Access is how two ends know each other.
type Access struct {
	TLS  *tls.Config    // nil: none
	SASL sasl.Mechanism // nil: none
}

// SystemRoots stands for the authorities that the system trusts, where otherwise a file with certificates is named.
const SystemRoots = "system"

// TLSFiles says which authorities are trusted and which certificate is shown, each a file in PEM. Files are read once.
type TLSFiles struct {
	CA   string // authorities' certificates; SystemRoots or "": those that the system trusts
	Cert string // this client's certificate, and those of authorities between it and the root; "": none is shown
	Key  string // its private key, unencrypted
}

// Config is what crypto/tls needs for that; nil where nothing is set, which means no TLS.
func (f TLSFiles) Config() (*tls.Config, error) {
	if f == (TLSFiles{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" && f.CA != SystemRoots {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, err
		}
		if c.RootCAs, err = authorities(text); err != nil {
			return nil, fmt.Errorf("%s: %w", f.CA, err)
		}
	}
	switch {
	case f.Cert == "" && f.Key == "":
		return c, nil
	case f.Cert == "":
		return nil, fmt.Errorf("%s is a key without a certificate", f.Key)
	case f.Key == "":
		return nil, fmt.Errorf("%s is a certificate without a key", f.Cert)
	}
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	if now := time.Now(); pair.Leaf != nil && now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("certificate %s has expired: it was good until %s", f.Cert, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// authorities are the certificates in a text in PEM. One that cannot be read is an error, and not left out.
func authorities(text []byte) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		n++
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in it: %w", n, err)
		}
		pool.AddCert(certificate)
	}
	if n == 0 {
		return nil, errors.New("no certificate in PEM (-----BEGIN CERTIFICATE-----) stands in it")
	}
	return pool, nil
}

// mechanisms are the names of the SASL mechanisms that there are here, and what makes them.
var mechanisms = map[string]func(user, password string) (sasl.Mechanism, error){
	"plain": func(user, password string) (sasl.Mechanism, error) {
		return plain.Mechanism{Username: user, Password: password}, nil
	},
	"scram-sha-256": func(user, password string) (sasl.Mechanism, error) {
		return scram.Mechanism(scram.SHA256, user, password)
	},
	"scram-sha-512": func(user, password string) (sasl.Mechanism, error) {
		return scram.Mechanism(scram.SHA512, user, password)
	},
}

// NewSASL makes a mechanism (plain, scram-sha-256 or scram-sha-512) that never shows its password: neither printed nor in an error.
func NewSASL(name, user, password string) (sasl.Mechanism, error) {
	newMechanism, ok := mechanisms[strings.ToLower(name)]
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is none of plain, scram-sha-256, scram-sha-512", name)
	case user == "" || password == "":
		return nil, errors.New("user and password are needed")
	case strings.ContainsRune(user+password, 0):
		return nil, errors.New("user or password has a NUL character, which no broker takes")
	}
	m, err := newMechanism(user, password)
	if err != nil { // what is wrong may be told by a part of the password
		return nil, errors.New("user or password has a character that RFC 4013 (SASLprep) forbids, like a control character")
	}
	return sealed{m, user}, nil
}

// sealed is a mechanism that prints as its name and user, whatever is asked for.
type sealed struct {
	mechanism
	user string
}

type mechanism = sasl.Mechanism

// Format is fmt's way to print it, for every verb.
func (s sealed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Name()+" as "+s.user) }
