package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/visutility/retrainer/retrain"
)

// shown is what every page has.
type shown struct {
	App     string
	Title   string
	Notes   []string // what is not in it
	Read    string   // when it was read
	Again   bool     // it loads itself again
	Refresh string   // the link to the same page with the other of the two
	Page    any
}

// visit is one look at a page.
type visit struct {
	asked
	gone  func() bool // whoever asked is
	ctx   context.Context
	state state
}

// builder gives a page's title and what its template shows.
type builder func(v *visit) (title string, page any, err error)

// page answers with what a builder gives, by a template; what cannot be shown says why.
func (b *Board) page(name string, build builder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, name, all := b.build(r, name, build)
		var body bytes.Buffer // whole, before anything is sent
		if err := pages.ExecuteTemplate(&body, name, all); err != nil {
			b.cfg.Log.Error().Err(err).Str("page", name).Msg("a page cannot be shown")
			http.Error(w, "this page cannot be shown; the log says why", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(body.Bytes()) // whoever asked may be gone
	})
}

func (b *Board) build(r *http.Request, name string, build builder) (status int, template string, all shown) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v := &visit{asked: askedOf(r), gone: func() bool { return r.Context().Err() != nil }, ctx: ctx}
	err := refused(r)
	if err != nil {
		v.parameters = url.Values{} // an answer is not longer than what asked for it
	}
	all = shown{App: b.cfg.App, Again: v.text("refresh") != ""}
	if all.Refresh = v.here("refresh", ""); !all.Again {
		all.Refresh = v.here("refresh", "10")
	}
	if err == nil {
		v.state, err = b.kept.refresh(ctx)
	}
	if err == nil {
		all.Title, all.Page, err = build(v)
	}
	if err != nil {
		p := b.problem(err)
		all.Title, all.Page = p.Title, p
		return p.Status, "problem.html", all
	}
	if all.Notes = v.state.notes(); v.state.read != 0 {
		all.Read = retrain.Clock(v.state.read)
	}
	if v.state.away {
		return http.StatusServiceUnavailable, name, all
	}
	return http.StatusOK, name, all
}

// mostAsked is how many bytes of parameters an address may have: the longest name, escaped, has less than half of them. A page repeats them in
// its links.
const mostAsked = 4 << 10

// refused says why a request is not even looked at.
func refused(r *http.Request) error {
	switch {
	case r.ContentLength != 0:
		return &problem{http.StatusRequestEntityTooLarge, "No body", "This page only shows: what is asked for stands in the address, and a body is not taken."}
	case len(r.URL.RawQuery) > mostAsked:
		return &problem{http.StatusRequestURITooLong, "Too long an address", fmt.Sprintf("It asks for something in more than %s bytes; no name is that long.", retrain.Thousands(mostAsked))}
	}
	return nil
}

// problem says an error to people.
func (b *Board) problem(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &problem{http.StatusServiceUnavailable, "Not yet", "The cluster has not answered in time; readyz says what the service waits for. Load the page again."}
	}
	b.cfg.Log.Warn().Err(err).Msg("a page cannot be shown")
	return &problem{http.StatusBadGateway, "Not now", err.Error()}
}

// withoutCluster says whether an error is that the cluster does not answer: then a page shows what is kept.
func (v *visit) withoutCluster(err error) bool {
	if !v.gone() && errors.Is(err, context.DeadlineExceeded) {
		v.state.away = true
	}
	return v.state.away
}
