package consumer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// However a mechanism comes to be printed, its password does not.
func TestAMechanismNeverShowsItsPassword(t *testing.T) {
	const secret = "open-sesame"
	for _, name := range []string{"plain", "scram-sha-256", "SCRAM-SHA-512"} {
		m, err := NewSASL(name, "ada", secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Name(); got != strings.ToUpper(name) {
			t.Errorf("%s is called %s", name, got)
		}
		var log strings.Builder
		l := zerolog.New(&log)
		l.Info().Interface("access", Access{SASL: m}).Any("config", ClientConfig{Access: Access{SASL: m}}.SASL).Msg("")
		text, _ := json.Marshal(m)
		printed := fmt.Sprintf("%v %+v %#v %s %q %d %v %+v", m, m, m, m, m, m, Access{SASL: m}, &ClientConfig{Access: Access{SASL: m}})
		if all := printed + string(text) + log.String(); strings.Contains(all, secret) || !strings.Contains(all, "as ada") {
			t.Errorf("%s prints as %s", name, all)
		}
	}
}

func TestWhatIsNoLoginIsAnError(t *testing.T) {
	for _, c := range []struct{ name, user, password, want string }{
		{"digest", "ada", "x", "none of plain"},
		{"plain", "", "x", "user and password"},
		{"plain", "ada", "", "user and password"},
		{"plain", "ada", "x\x00y", "NUL"},
		{"scram-sha-256", "ada", "hidden\x07word", "SASLprep"},
	} {
		if _, err := NewSASL(c.name, c.user, c.password); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A file that holds no authority must not mean that none is asked for, and a broken one must not be passed over.
func TestAuthoritiesAreReadWhole(t *testing.T) {
	if c, err := (TLSFiles{}).Config(); c != nil || err != nil {
		t.Errorf("nothing set: %v, %v", c, err)
	}
	c, err := TLSFiles{CA: SystemRoots}.Config()
	if err != nil || c == nil || c.RootCAs != nil || c.InsecureSkipVerify {
		t.Errorf("the system's: %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"": "no certificate in PEM",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "no certificate in PEM",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "certificate 1 in it",
	} {
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (TLSFiles{CA: file}).Config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
