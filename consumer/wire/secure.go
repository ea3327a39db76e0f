package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TLS and the login are done here, and not by kafka-go: its Transport does not tell which mechanisms a broker offers, what the broker
// says to a wrong password, or that it hung up, which it takes for a wrong password.

// handshakeTimeout is what of secureTimeout TLS may take.
const handshakeTimeout = 2 * time.Second

// shake makes TLS on a connection; without TLS the connection stays as it is.
func (c *Client) shake(ctx context.Context, nc net.Conn, address string) (net.Conn, error) {
	if c.config.TLS == nil {
		return nc, nil
	}
	config := c.config.TLS
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address) // it was dialled
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// login says who we are; nothing without SASL.
func (c *Client) login(ctx context.Context, k *conn) error {
	mechanism := c.config.SASL
	if mechanism == nil {
		return nil
	}
	defer context.AfterFunc(ctx, k.cut)()
	e := &exchange{call: &call{format: c.format}}
	var err error
	if k.offered, err = e.negotiate(k, k); err != nil {
		return fmt.Errorf("asking the broker for its versions: %w", err)
	}
	res, err := handshake(e, k, mechanism.Name())
	if err != nil {
		return err
	}
	if refused := refusedMechanism(res, mechanism.Name()); refused != nil {
		return refused
	}
	session, out, err := mechanism.Start(sasl.WithMetadata(ctx, &sasl.Metadata{}))
	for done := false; err == nil && !done; {
		var answer *kmsg.SASLAuthenticateResponse
		if answer, err = authenticate(e, k, out); err != nil {
			return err
		}
		if d := time.Duration(answer.SessionLifetimeMillis) * time.Millisecond; d > 0 {
			k.until = time.Now().Add(d * 9 / 10)
		}
		done, out, err = session.Next(ctx, answer.SASLAuthBytes)
	}
	if err != nil {
		return &RefusedError{Code: kerr.SaslAuthenticationFailed.Code, Reason: "the broker's side of the login does not fit the password (" + err.Error() + "): is it the broker that it says it is?"}
	}
	return nil
}

// ask does one request of a login.
func (e *exchange) ask(k *conn, req kmsg.Request, read func(body []byte, version int16) error) error {
	version, err := choose(req, k.offered)
	if err != nil {
		return err
	}
	req.SetVersion(version)
	body, _, err := e.roundTrip(k, k, req, nil)
	if err != nil {
		return err
	}
	return read(body, version)
}

func handshake(e *exchange, k *conn, mechanism string) (*kmsg.SASLHandshakeResponse, error) {
	req, res := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
	req.Mechanism = mechanism
	err := e.ask(k, req, func(body []byte, version int16) error {
		res.SetVersion(version)
		return res.ReadFrom(body)
	})
	return res, err
}

func authenticate(e *exchange, k *conn, out []byte) (*kmsg.SASLAuthenticateResponse, error) {
	req, res := kmsg.NewPtrSASLAuthenticateRequest(), kmsg.NewPtrSASLAuthenticateResponse()
	req.SASLAuthBytes = out
	err := e.ask(k, req, func(body []byte, version int16) error {
		res.SetVersion(version)
		return res.ReadFrom(body)
	})
	switch {
	case err != nil && hungUp(err):
		return nil, fmt.Errorf("the broker hung up during the login (before Kafka 1.0 that meant a wrong password): %w", err)
	case err != nil:
		return nil, err
	case res.ErrorCode != 0:
		said := kerr.ErrorForCode(res.ErrorCode).Error()
		if res.ErrorMessage != nil && *res.ErrorMessage != "" {
			said = cutTo(*res.ErrorMessage, 200)
		}
		return nil, &RefusedError{Code: res.ErrorCode, Reason: fmt.Sprintf("the broker refuses the login (error %d: %s): check --sasl-user and the password, and that the user is known for this mechanism", res.ErrorCode, said)}
	}
	return res, nil
}

func cutTo(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}

// refusedMechanism is why a broker does not let us log in by a mechanism; nil: it does.
func refusedMechanism(res *kmsg.SASLHandshakeResponse, mechanism string) error {
	offers := "--sasl " + strings.ToLower(strings.Join(res.SupportedMechanisms, " or --sasl "))
	switch res.ErrorCode {
	case 0:
		return nil
	case kerr.UnsupportedSaslMechanism.Code:
		return &RefusedError{Code: res.ErrorCode, Reason: fmt.Sprintf("this listener does not know the login %s (error 33); what it offers is %s", mechanism, offers)}
	case kerr.IllegalSaslState.Code:
		return &RefusedError{Code: res.ErrorCode, Reason: "this listener takes no login (error 34): leave --sasl out, or use the port of the listener that wants one"}
	}
	return &RefusedError{Code: res.ErrorCode, Reason: fmt.Sprintf("the broker refuses the login: error %d: %v", res.ErrorCode, kerr.ErrorForCode(res.ErrorCode))}
}

// refusal is what an error of a connection says of TLS and logins; nil: nothing that is certain.
func (c *Client) refusal(ctx context.Context, address string, err error) *RefusedError {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		refused = tlsRefusal(err)
	}
	if refused == nil && c.first() && hungUp(err) {
		refused = c.probe(ctx, address)
	}
	if refused == nil {
		return nil
	}
	return &RefusedError{Address: address, Code: refused.Code, Reason: refused.Reason, First: c.first(), Err: err}
}

// tlsRefusal is what an error of crypto/tls says.
func tlsRefusal(err error) *RefusedError {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		alert     *net.OpError
	)
	say := func(format string, a ...any) *RefusedError { return &RefusedError{Reason: fmt.Sprintf(format, a...)} }
	switch {
	case errors.As(err, new(tls.RecordHeaderError)):
		return say("%s", noTLS)
	case errors.Is(err, errAlert):
		return say("%s", wantsTLS)
	case errors.As(err, &authority):
		return say("the broker's certificate is by an authority that is not trusted here: give that authority's certificate by --tls-ca FILE")
	case errors.As(err, &host):
		return say("the broker's certificate is not for this name (%v): use a name in --brokers, and in the broker's advertised.listeners, that the certificate has", host)
	case errors.As(err, &invalid):
		return say("the broker's certificate cannot be used (%v)", invalid)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return say("the broker's certificate cannot be verified (%v)", err)
	case errors.As(err, &alert) && alert.Op == "remote error":
		return say("the broker refuses the TLS connection (%v): if it asks its clients for certificates, give one by --tls-cert and --tls-key that an authority known to it has signed", alert.Err)
	}
	return nil
}

const (
	noTLS    = "what answers there speaks no TLS: leave --tls-ca, --tls-cert and --tls-key out, or use the port of the TLS listener"
	wantsTLS = "this listener wants TLS: give --tls-ca FILE with its authority's certificate (or --tls-ca system), or use the port of the plain listener"
)

// probe finds out why a broker hung up on a client that it has never answered: some do so, without a word, on whoever comes without
// TLS, with TLS, or without a login. nil: it hung up for another reason, like its own end.
func (c *Client) probe(ctx context.Context, address string) *RefusedError {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if res, err := c.offer(ctx, address, c.config.TLS); err == nil { // so what was missing is the login
		if res.ErrorCode == kerr.UnsupportedSaslMechanism.Code && c.config.SASL == nil {
			return &RefusedError{Code: res.ErrorCode, Reason: fmt.Sprintf("this listener wants a login: give --sasl-user, a password, and --sasl %s", strings.ToLower(strings.Join(res.SupportedMechanisms, " or --sasl ")))}
		}
		return nil
	}
	if c.config.TLS == nil {
		// Nothing is sent over it: whose certificate that is does not matter.
		if _, err := c.offer(ctx, address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}); err == nil || errors.Is(err, errShaken) { //nolint:gosec // see above
			return &RefusedError{Reason: wantsTLS}
		}
		return nil
	}
	if _, err := c.offer(ctx, address, nil); err == nil {
		return &RefusedError{Reason: noTLS}
	}
	return nil
}

// errShaken is of a connection that had come as far as TLS.
var errShaken = errors.New("TLS was made")

// offer asks for a login by no mechanism, whose answer names those that there are.
func (c *Client) offer(ctx context.Context, address string, config *tls.Config) (*kmsg.SASLHandshakeResponse, error) {
	nc, err := c.config.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.Close() })()
	other := &Client{config: Config{TLS: config}, format: c.format}
	secure, err := other.shake(ctx, nc, address)
	if err != nil {
		return nil, err
	}
	k := &conn{Conn: secure, raw: nc, client: other}
	e := &exchange{call: &call{format: c.format}}
	if k.offered, err = e.negotiate(k, k); err != nil {
		if config != nil {
			err = fmt.Errorf("%w, but then: %w", errShaken, err)
		}
		return nil, err
	}
	return handshake(e, k, "none")
}

// first tells whether no broker has ever answered this client.
func (c *Client) first() bool { return !c.answered.Load() }

// hungUp tells whether the other side ended the connection.
func hungUp(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
