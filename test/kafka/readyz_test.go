//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// watched is what /readyz of all living instances has said since it began, while they were not ready.
type watched struct {
	app    *app
	end    context.CancelFunc
	closed chan struct{}

	mu     sync.Mutex
	texts  []string // each once, behind the instance's name, in the order in which they came
	asked  int
	silent int
}

// watch asks again and again.
func (a *app) watch() *watched {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watched{app: a, end: cancel, closed: make(chan struct{})}
	go func() {
		defer close(w.closed)
		for wait(ctx, 50*time.Millisecond) == nil {
			for _, i := range a.all {
				if r, err := i.readiness(); err == nil && !r.Ready {
					w.hear(i.name, r)
				}
			}
		}
	}()
	return w
}

func (w *watched) stop() {
	w.end()
	<-w.closed
	w.app.t.Logf("/readyz was asked %d times while an instance was not ready; %d times it did not say for what it waits; it said:\n\t%s", w.asked, w.silent, strings.Join(w.texts, "\n\t"))
}

func (w *watched) hear(name string, r readiness) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	all := []string{r.Why}
	for _, t := range r.Tasks {
		if t.Why != "" {
			all = append(all, t.State+": "+t.Why)
		}
	}
	if strings.Join(all, "") == "" {
		w.silent++
	}
	for _, s := range all {
		if s != "" && !slices.Contains(w.texts, name+" "+s) {
			w.texts = append(w.texts, name+" "+s)
		}
	}
}

// said is the first thing that matches, of an instance or with "" of any; "" if nothing does.
func (w *watched) said(instance string, what *regexp.Regexp) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.texts {
		if strings.HasPrefix(s, instance) && what.MatchString(s) {
			return s
		}
	}
	return ""
}

// until waits until something is said.
func (w *watched) until(ctx context.Context, instance string, what *regexp.Regexp) string {
	w.app.t.Helper()
	for w.said(instance, what) == "" {
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.app.t.Fatalf("/readyz of %s never said %s: %v; it said:\n%s", instance, what, err, strings.Join(w.texts, "\n"))
		}
	}
	return w.said(instance, what)
}

// heldUp says whether a task stands still. One that waits for a broker's answer does not: on a busy machine that may come late.
func heldUp(state, why string) bool { return state != running || strings.HasPrefix(why, "schema ") }

// notRunning asks /readyz until the context ends: what tasks said that stood still.
func (i *instance) notRunning(ctx context.Context) map[string]string {
	said := map[string]string{}
	for wait(ctx, 50*time.Millisecond) == nil {
		r, err := i.readiness()
		if err != nil || len(r.Tasks) == 0 {
			said["all"] = fmt.Sprintf("%+v, %v", r, err)
		}
		for _, x := range r.Tasks {
			if heldUp(x.State, x.Why) {
				said[fmt.Sprintf("%s/%d", x.Topic, x.Partition)] += x.State + " " + x.Why + "; "
			}
		}
	}
	return said
}
