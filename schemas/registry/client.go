package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/visutility/retrainer/schemas"
)

// Limits of a request. A schema has at most 1 MiB of text, which stands escaped in the answer.
const (
	timeout     = 5 * time.Second
	mostBytes   = 2<<20 + 64<<10
	mostSchemas = 1000 // kept; beyond it all are asked for again
)

// IDs says which of a registry's ids values carry.
type IDs int

const (
	Content IDs = iota // the id of Confluent's API; Apicurio's contentId
	Global             // Apicurio's globalId
)

// Config says where the registry is.
type Config struct {
	URL            string // of Confluent's API; Apicurio's is .../apis/ccompat/v7
	User, Password string
	TLS            *tls.Config // nil: the system's roots
	IDs            IDs
}

// Client asks one registry. It is safe for concurrent use.
type Client struct {
	ids    IDs
	url    string // without user and password, for people
	api    *sr.Client
	native *sr.Client // Apicurio's own API, for global ids

	mu     sync.Mutex
	known  map[schemas.Ref]*schemas.Schema // what was answered, for ever: an id never means another schema
	asking map[schemas.Ref]chan struct{}   // closed when the one question for it is answered
}

// New checks the configuration; it asks nothing.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, &SetupError{Message: "the registry's URL must be http://HOST:PORT or https://HOST:PORT, with a path if its API has one"}
	case u.User != nil:
		return nil, &SetupError{Message: "the registry's URL must not hold a user or a password: VTY_SCHEMA_REGISTRY_USER and VTY_SCHEMA_REGISTRY_PASSWORD give them"}
	}
	c := &Client{ids: cfg.IDs, url: strings.TrimRight(u.String(), "/"), known: map[schemas.Ref]*schemas.Schema{}, asking: map[schemas.Ref]chan struct{}{}}
	if c.api, err = newAPI(cfg, c.url); err != nil {
		return nil, &SetupError{Message: err.Error()}
	}
	if cfg.IDs == Global {
		base, _, ok := strings.Cut(c.url, "/apis/ccompat/")
		if !ok {
			return nil, &SetupError{Message: fmt.Sprintf("the registry at %s: global ids are Apicurio's, whose URL ends with /apis/ccompat/v7", c.url)}
		}
		anything := func(r *http.Request) error { r.Header.Set("Accept", "*/*"); return nil } // it refuses Confluent's media type
		if c.native, err = newAPI(cfg, base+"/apis/registry/v3", sr.PreReq(anything)); err != nil {
			return nil, &SetupError{Message: err.Error()}
		}
	}
	return c, nil
}

func newAPI(cfg Config, base string, opts ...sr.ClientOpt) (*sr.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.MaxResponseHeaderBytes = cfg.TLS, 64<<10
	opts = append(opts, sr.URLs(base), sr.UserAgent("retrainer"), sr.HTTPClient(&http.Client{Timeout: timeout, Transport: bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect }}))
	if cfg.User != "" || cfg.Password != "" {
		opts = append(opts, sr.BasicAuth(cfg.User, cfg.Password))
	}
	return sr.NewClient(opts...)
}

// bounded reads no more of an answer than mostBytes.
type bounded struct{ *http.Transport }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.Transport.RoundTrip(r)
	if err == nil {
		res.Body = &bounds{ReadCloser: res.Body, left: mostBytes}
	}
	return res, err
}

type bounds struct {
	io.ReadCloser
	left int
}

func (b *bounds) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// Close ends idle connections.
func (c *Client) Close() {
	for _, api := range []*sr.Client{c.api, c.native} {
		if api != nil {
			api.OptValue(sr.HTTPClient).(*http.Client).CloseIdleConnections()
		}
	}
}

// Check asks for something that every registry has: whether the URL and the credentials are right.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.api.SupportedTypes(ctx)
	return c.judge(err)
}

// Schema gives the schema that a value names by an id or a GUID. Good answers are kept; while one is waited for, whoever
// else needs it waits for the same.
func (c *Client) Schema(ctx context.Context, ref schemas.Ref) (*schemas.Schema, error) {
	for {
		c.mu.Lock()
		s, asked := c.known[ref], c.asking[ref]
		if s == nil && asked == nil {
			c.asking[ref] = make(chan struct{})
		}
		c.mu.Unlock()
		switch {
		case s != nil:
			return s, nil
		case asked == nil:
			return c.ask(ctx, ref)
		}
		select {
		case <-asked:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *Client) ask(ctx context.Context, ref schemas.Ref) (*schemas.Schema, error) {
	s, err := c.fetch(ctx, ref)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.asking[ref])
	delete(c.asking, ref)
	if err == nil {
		if len(c.known) >= mostSchemas {
			clear(c.known)
		}
		c.known[ref] = s
	}
	return s, err
}

func (c *Client) fetch(ctx context.Context, ref schemas.Ref) (*schemas.Schema, error) {
	var found sr.Schema
	var err error
	switch {
	case ref.Kind == schemas.RefGUID:
		var subject sr.SubjectSchema
		subject, err = c.api.SchemaByGUID(ctx, ref.String())
		found = subject.Schema
	case ref.Kind == schemas.RefID && c.ids == Global:
		var text []byte
		err = c.native.Do(ctx, http.MethodGet, "/ids/globalIds/"+ref.String(), nil, &text)
		found.Schema = string(text)
	case ref.Kind == schemas.RefID:
		found, err = c.api.SchemaByID(ctx, int(ref.ID))
	default:
		return nil, fmt.Errorf("a registry knows schemas by id or GUID; asked was for %q", ref.String())
	}
	if err != nil {
		return nil, c.missing(ref, err)
	}
	return c.parse(ref, found)
}

func (c *Client) parse(ref schemas.Ref, found sr.Schema) (*schemas.Schema, error) {
	unreadable := func(format string, args ...any) error {
		return &UnreadableError{Message: fmt.Sprintf("schema %s of the registry at %s ", ref, c.url) + fmt.Sprintf(format, args...)}
	}
	switch {
	case found.Type != sr.TypeAvro:
		return nil, unreadable("is %s: Avro is needed", found.Type)
	case len(found.References) > 0:
		return nil, unreadable("refers to schemas of other subjects, which are not followed: register it with their types written out in it")
	}
	s, err := schemas.Parse(found.Schema)
	if err != nil {
		return nil, unreadable("cannot be read: %v", err)
	}
	return s, nil
}
