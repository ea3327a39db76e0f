// Package board is the page that serve and dev show to people: the models, what was decided on each and why, and the signals behind it. It only
// reads, and what it reads is what stands in the topics: it knows nothing of the service beside it, and reads nothing while nobody looks.
package board

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

// Config says what a board shows.
type Config struct {
	App     string
	Topics  Topics
	Connect func() (*consumer.Client, error)
	// Written is the schema by which an event was written, and its Avro bytes; nil: none is known.
	Written       func(ctx context.Context, r *record.Record) (*schemas.Schema, []byte, error)
	MaxEventBytes int // a greater event is not taken by the service
	Log           zerolog.Logger
}

// Topics are those that a board reads.
type Topics struct {
	Models, Decisions, Commands, Results string
	Events                               []string
}

// Board answers requests. It is safe for concurrent use.
type Board struct {
	cfg     Config
	kept    *kept
	client  *lazy
	signals *signals
}

// New makes a board that connects with its first request.
func New(cfg Config) *Board {
	client := &lazy{connect: cfg.Connect}
	return &Board{cfg: cfg, client: client, kept: newKept(&cfg.Topics, client), signals: newSignals(client, cfg)}
}

// Close ends its connections. No request may be under way.
func (b *Board) Close() { b.client.close() }

//go:embed templates style.css icon.svg
var files embed.FS

var pages = template.Must(template.New("").Funcs(words).ParseFS(files, "templates/*.html"))

// Routes adds the pages to a server. All links in them are relative: they hold behind the prefix of a proxy too.
func (b *Board) Routes(mux *http.ServeMux) {
	mux.Handle("GET /{$}", b.page("models.html", b.models))
	mux.Handle("GET /model", b.page("model.html", b.model))
	mux.Handle("GET /decision", b.page("decision.html", b.decision))
	mux.Handle("GET /event", b.page("event.html", b.event))
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Cache-Control", "max-age=86400") // another build has another address
			_, _ = w.Write(file(name))                       // whoever asked may be gone
		})
	}
}

func file(name string) []byte {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err) // it is in the program
	}
	return text
}

// asset is the address of a file that pages refer to: another one for another content, since browsers keep it.
func asset(name string) string {
	sum := sha256.Sum256(file(name))
	return name + "?" + hex.EncodeToString(sum[:6])
}

// How long a request may read from Kafka: all in all, and for what is new since somebody looked last.
const (
	patience = 7 * time.Second
	readFor  = 3 * time.Second
)

// problem is why a page cannot be shown.
type problem struct {
	Status      int
	Title, What string
}

func (p *problem) Error() string { return p.Title + ": " + p.What }
