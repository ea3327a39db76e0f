package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/visutility/retrainer/schemas"
)

// MissingError says that the registry answers and has no such schema. It may come: a registry can lag behind its producers.
type MissingError struct{ Message string }

func (e *MissingError) Error() string { return e.Message }

// UnreadableError says that the registry has the schema, and why nothing can be read by it here. It stays so.
type UnreadableError struct{ Message string }

func (e *UnreadableError) Error() string { return e.Message }

// SetupError is for an operator to mend: a wrong URL, wrong credentials, no rights, a schema that the registry refuses.
type SetupError struct{ Message string }

func (e *SetupError) Error() string { return e.Message }

var (
	errRedirect = errors.New("it redirects")
	errTooLarge = fmt.Errorf("the answer has more than %d bytes", mostBytes)
)

// judge makes an error of what came of a request; nil of none. Neither user nor password can stand in it: the URL has none.
func (c *Client) judge(err error) error {
	var answer *sr.ResponseError
	var failed *url.Error
	var lookup *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRedirect):
		return c.setup("redirects to another address: give --schema-registry that one")
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("the registry at %s: %w", c.url, errTooLarge)
	case errors.As(err, &answer):
		return c.judgeStatus(answer)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the registry at %s does not answer: nothing came within %v", c.url, timeout)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Errorf("the registry at %s does not answer: no such host", c.url)
	case errors.As(err, &failed):
		if strings.Contains(failed.Err.Error(), "malformed HTTP") || strings.Contains(failed.Err.Error(), "HTTP response to HTTPS client") {
			return c.setup("is no registry: what answers there does not speak this protocol (%v)", failed.Err)
		}
		if errors.Is(failed.Err, io.EOF) || errors.Is(failed.Err, syscall.ECONNRESET) {
			return fmt.Errorf("the registry at %s does not answer: what listens there hung up without a word, as a program does that speaks no HTTP, like a Kafka broker (%w)", c.url, failed.Err)
		}
		return fmt.Errorf("the registry at %s does not answer: %w", c.url, failed.Err)
	case strings.Contains(err.Error(), "unable to decode"):
		return c.setup("is no registry's API: what answers there sends no JSON; Confluent's API is often at /, Apicurio's at /apis/ccompat/v7")
	}
	return fmt.Errorf("the registry at %s does not answer: %w", c.url, err)
}

func (c *Client) judgeStatus(a *sr.ResponseError) error {
	said := brief(a.Message)
	switch page := strings.Contains(said, "<") || bytes.HasPrefix(bytes.TrimSpace(a.Raw), []byte("<")); {
	case page:
		said = http.StatusText(a.StatusCode) + ", in a page as a proxy or another server sends it, and no registry"
	case said == "":
		said = http.StatusText(a.StatusCode)
	}
	switch code := a.StatusCode; {
	case code == http.StatusUnauthorized:
		return c.setup("asks for a user and a password, or refuses those given (401): VTY_SCHEMA_REGISTRY_USER and VTY_SCHEMA_REGISTRY_PASSWORD give them")
	case code == http.StatusForbidden:
		return c.setup("allows this user not to do that (403: %s)", said)
	case code == http.StatusNotFound && a.ErrorCode/100 == 404:
		return &MissingError{Message: fmt.Sprintf("the registry at %s: %s", c.url, said)}
	case code == http.StatusNotFound:
		return c.setup("has no such path (404 for %s): Confluent's API is often at /, Apicurio's at /apis/ccompat/v7", a.URL)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return fmt.Errorf("the registry at %s is not able to answer now (%d: %s)", c.url, code, said)
	}
	return c.setup("refuses the request (%d: %s)", a.StatusCode, said)
}

func (c *Client) setup(format string, args ...any) error {
	return &SetupError{Message: fmt.Sprintf("the registry at %s ", c.url) + fmt.Sprintf(format, args...)}
}

// missing is judge for a question after one schema: Apicurio's own API has other texts, and knows no GUIDs.
func (c *Client) missing(ref schemas.Ref, err error) error {
	a, ok := err.(*sr.ResponseError)
	if ok && a.StatusCode == http.StatusNotFound && (ref.Kind == schemas.RefGUID || strings.Contains(string(a.Raw), "No version with global ID")) {
		return &MissingError{Message: fmt.Sprintf("the registry at %s has no schema %s", c.url, ref)}
	}
	return c.judge(err)
}

// brief is what a registry says, in one line that can be read.
func brief(said string) string {
	said = strings.Join(strings.Fields(said), " ")
	if len(said) > 500 {
		said = said[:500] + " ..."
	}
	return said
}
