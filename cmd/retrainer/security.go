package main

import (
	"crypto/tls"
	"errors"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/consumer"
)

// security is how the program proves to the brokers who it is, and they to it. Files are read once, at the start: who gives new ones
// starts the instances again, one after the other.
type security struct {
	files        consumer.TLSFiles
	mechanism    string
	user         string
	passwordFile string

	access consumer.Access // as made of the settings
}

// passwordVariable is where the password comes from, unless it is in a file. It is no flag: other users of a machine see those.
const passwordVariable = "VTY_SASL_PASSWORD"

func (s *security) flags(f *pflag.FlagSet) {
	f.StringVar(&s.files.CA, "tls-ca", "", "`FILE` in PEM with the authorities to trust, or system: those of the system. TLS is on with any --tls flag; files are read at the start")
	f.StringVar(&s.files.Cert, "tls-cert", "", "`FILE` in PEM with the certificate to show")
	f.StringVar(&s.files.Key, "tls-key", "", "`FILE` in PEM with the key of --tls-cert")
	f.StringVar(&s.mechanism, "sasl", "", "`HOW` to log in: plain, scram-sha-256 or scram-sha-512; with --sasl-user and a password")
	f.StringVar(&s.user, "sasl-user", "", "`USER` to log in as")
	f.StringVar(&s.passwordFile, "sasl-password-file", "", "`FILE` with the password, where "+passwordVariable+" does not have it")
}

// mechanisms are the words of --sasl.
var mechanisms = []string{"plain", "scram-sha-256", "scram-sha-512"}

// check reads what the settings name.
func (s *security) check() error {
	var err error
	if s.mechanism != "" {
		if err := oneOf("sasl", strings.ToLower(s.mechanism), mechanisms...); err != nil {
			return err
		}
	}
	if s.access.TLS, err = s.files.Config(); err != nil {
		return unread("TLS ("+s.tlsFlags()+")", err)
	}
	password, source, err := s.password()
	if err != nil {
		return err
	}
	switch {
	case s.mechanism == "" && s.user != "":
		return usage("--sasl-user %s is given, but not how to log in: --sasl plain, scram-sha-256 or scram-sha-512 says it", s.user)
	case s.mechanism == "" && source != "":
		return usage("%s gives a password, but not how to log in: --sasl plain, scram-sha-256 or scram-sha-512 says it", source)
	case s.mechanism == "":
		return nil
	case s.user == "":
		return usage("--sasl %s needs a user: --sasl-user USER", s.mechanism)
	case source == "":
		return usage("--sasl %s needs the password of user %s: in the environment variable %s, or in a file that --sasl-password-file names", s.mechanism, s.user, passwordVariable)
	}
	if s.access.SASL, err = consumer.NewSASL(s.mechanism, s.user, password); err != nil {
		return usage("--sasl %s: %v", s.mechanism, err)
	}
	return nil
}

// tlsFlags names the flags of TLS that are set, for errors.
func (s *security) tlsFlags() string {
	var set []string
	for _, f := range []struct{ name, value string }{{"--tls-ca", s.files.CA}, {"--tls-cert", s.files.Cert}, {"--tls-key", s.files.Key}} {
		if f.value != "" {
			set = append(set, f.name)
		}
	}
	return strings.Join(set, ", ")
}

// longestPassword is far above any password: a file beyond it is another one.
const longestPassword = 4096

// password gives the password and where it came from; "", "": there is none.
func (s *security) password() (password, source string, err error) {
	password = os.Getenv(passwordVariable)
	switch {
	case s.passwordFile == "" && password == "":
		return "", "", nil
	case s.passwordFile == "":
		return password, passwordVariable, nil
	case password != "":
		return "", "", usage("--sasl-password-file and the environment variable %s are both given: leave one of them out", passwordVariable)
	}
	text, err := os.ReadFile(s.passwordFile)
	if err != nil {
		return "", "", unread("--sasl-password-file", err)
	}
	password = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case password == "":
		return "", "", usage("--sasl-password-file %s is empty: its first line must be the password", s.passwordFile)
	case len(password) > longestPassword || strings.ContainsAny(password, "\r\n"):
		return "", "", usage("--sasl-password-file %s has more than one line: it must hold the password alone", s.passwordFile)
	}
	return password, "--sasl-password-file", nil
}

// tlsConfig is the TLS that --tls-ca, --tls-cert and --tls-key ask for, also for what is no broker; nil: none of them is set.
func (c *configuration) tlsConfig() *tls.Config { return c.security.access.TLS.Clone() }

// access is how the brokers are talked to.
func (c *configuration) access() consumer.Access {
	if c.embedded {
		return consumer.Access{}
	}
	return consumer.Access{TLS: c.tlsConfig(), SASL: c.security.access.SASL}
}

// exposed says what is wrong where everybody on the way can read the password; "": nothing.
func (c *configuration) exposed() string {
	if a := c.access(); a.TLS != nil || a.SASL == nil || a.SASL.Name() != "PLAIN" {
		return ""
	}
	return "the password goes over the network in clear text: --sasl plain without TLS; give --tls-ca FILE (or system), or use --sasl scram-sha-512"
}

// warnExposed says so in the log.
func (c *configuration) warnExposed(log *zerolog.Logger) {
	if why := c.exposed(); why != "" {
		log.Warn().Msg(why)
	}
}

// errPasswordKey is for a configuration file that holds the password.
var errPasswordKey = errors.New("the password does not belong into this file, which others read: it is the environment variable " +
	passwordVariable + ", or in a file of its own that sasl_password_file names")
