package board

import (
	"maps"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"github.com/visutility/retrainer/retrain"
)

// link is an address beside this page, with parameters by pairs of name and value.
func link(page string, pairs ...string) string {
	return address(page, url.Values{}, pairs)
}

// asked is the page that a request is for, with the parameters of its address. A body is never looked at.
type asked struct {
	page       string
	parameters url.Values
}

func askedOf(r *http.Request) asked {
	page := path.Base(r.URL.Path)
	if page == "/" || page == "." {
		page = "./"
	}
	return asked{page, r.URL.Query()}
}

func (a *asked) text(name string) string { return a.parameters.Get(name) }

// here is this page with parameters changed; what is changed to "" is left out.
func (a *asked) here(pairs ...string) string { return address(a.page, maps.Clone(a.parameters), pairs) }

func address(page string, values url.Values, pairs []string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if values.Del(pairs[i]); pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return page
	}
	return page + "?" + values.Encode()
}

func modelLink(name string) string { return link("model", "name", name) }

func decisionLink(offset int64) string {
	return link("decision", "offset", strconv.FormatInt(offset, 10))
}

func eventLink(e *retrain.Evidence) string {
	return link("event", "topic", e.Topic, "partition", strconv.Itoa(int(e.Partition)), "offset", strconv.FormatInt(e.Offset, 10))
}

// whole is a parameter that is a whole number from 0 on; what is none is 0.
func (a *asked) whole(name string) int {
	n, err := strconv.Atoi(a.text(name))
	if err != nil {
		return 0
	}
	return max(0, n)
}

// piece is one page of a long list.
type piece struct {
	From, To, All int
	Before, After string // links to the pages beside it; "": there is none
}

// pieceOf is the page of n things that a parameter asks for, with each so many.
func (a *asked) piece(name string, n, each int) piece {
	from := min(a.whole(name), max(0, n-1)) / each * each
	p := piece{From: from, To: min(from+each, n), All: n}
	if from > 0 {
		before := ""
		if from > each {
			before = strconv.Itoa(from - each)
		}
		p.Before = a.here(name, before)
	}
	if p.To < n {
		p.After = a.here(name, strconv.Itoa(p.To))
	}
	return p
}
