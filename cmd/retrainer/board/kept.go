package board

import (
	"cmp"
	"slices"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// What is kept in memory: enough for lists. The records themselves are read again when one of them is looked at.
const (
	mostModels = 100_000
	mostError  = 200 // bytes that are kept of how a command ended
	mostID     = 512 // bytes of a name, a version or an id: no program of this app writes longer ones
)

// entry is what is kept of a model.
type entry struct {
	name   string
	known  bool  // there is a Model record
	at     int64 // its offset
	latest string
	phase  retrain.Phase
	action retrain.RetrainAction
	reason retrain.Reason
	until  int64 // 0: none
	alerts int

	decisions      []decision
	olderDecisions bool // there were more than are kept
	commands       []command
	olderCommands  bool
}

// decision is what is kept of one.
type decision struct {
	offset, at, until int64 // until 0: none
	action            retrain.RetrainAction
	reason            retrain.Reason
}

// command is what is kept of one, and how it ended.
type command struct {
	id, base, version string
	end               string // "": it has not
	action            retrain.RetrainAction
	issued            int64
	place             place
}

// place is where a record stands.
type place struct {
	partition int32
	offset    int64 // -1: nowhere any more
}

// bound is how many of something are kept: at most so many in all. Where that would be more, of each model only the newest are.
type bound struct{ all, most, each int }

// kept is what a board remembers of the topics. Each request reads on where the one before ended. Whoever has the token may use it.
type kept struct {
	turn   chan struct{}
	topics *Topics
	client *lazy

	next                map[string]map[int32]int64 // by topic and partition: the offset to read on from
	first               map[string]map[int32]int64 // and the first that there is
	models              map[string]*entry
	sorted              []*entry // by name; nil: to be made again
	left                bool     // there are more models than the most
	foreign             int      // records that this build cannot read
	decisions, commands bound
	state               state
}

func newKept(topics *Topics, client *lazy) *kept {
	k := &kept{turn: make(chan struct{}, 1), topics: topics, client: client}
	k.forget()
	k.turn <- struct{}{}
	return k
}

// forget begins anew.
func (k *kept) forget() {
	k.next, k.first, k.models, k.sorted, k.left, k.foreign = map[string]map[int32]int64{}, map[string]map[int32]int64{}, map[string]*entry{}, nil, false, 0
	k.decisions, k.commands = bound{most: 1_000_000, each: 10_000}, bound{most: 200_000, each: 1_000}
}

// take keeps a record; one that cannot be read is counted.
func (k *kept) take(r *record.Record) {
	if !k.takes(r) {
		k.foreign++
	}
}

// takes keeps a record; false: this build cannot read it, or no build has written it.
func (k *kept) takes(r *record.Record) bool {
	switch r.Topic {
	case k.topics.Models:
		return k.takesModel(r)
	case k.topics.Decisions:
		var d retrain.Decision
		if handlers.DecisionCodec.Decode(r.Value, &d) != nil || !bounded(d.Model) {
			return false
		}
		if e := k.of(d.Model); e != nil {
			e.decisions = append(e.decisions, decision{r.Offset, d.DecidedAt, orZero(d.Until), d.Action, d.Reason})
			if grown(&k.decisions, &e.decisions, &e.olderDecisions) {
				for _, e := range k.models { // order: none is seen
					cut(&k.decisions, &e.decisions, &e.olderDecisions)
				}
			}
		}
	case k.topics.Commands:
		var c retrain.Command
		if handlers.CommandCodec.Decode(r.Value, &c) != nil || !bounded(c.Model, c.CommandID, orEmpty(c.BaseVersion)) {
			return false
		}
		k.command(c.Model, c.CommandID, func(kept *command) {
			kept.action, kept.base, kept.issued, kept.place = c.Action, orEmpty(c.BaseVersion), c.IssuedAt, place{r.Partition, r.Offset}
		})
	case k.topics.Results:
		var end retrain.Result
		if handlers.ResultCodec.Decode(r.Value, &end) != nil || !bounded(end.Model, end.CommandID, orEmpty(end.BaseVersion), orEmpty(end.NewVersion)) {
			return false
		}
		k.command(end.Model, end.CommandID, func(kept *command) {
			kept.action, kept.base, kept.issued, kept.version, kept.end = end.Action, orEmpty(end.BaseVersion), end.IssuedAt, orEmpty(end.NewVersion), short(phrases.Ended(&end))
		})
	}
	return true
}

// bounded says whether texts are as short as a program of this app writes them: what is kept is counted, and each has a bound.
func bounded(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return len(text) > mostID })
}

func (k *kept) takesModel(r *record.Record) bool {
	if r.Value == nil {
		if e := k.models[string(r.Key)]; e != nil {
			k.decisions.all -= len(e.decisions)
			k.commands.all -= len(e.commands)
			delete(k.models, e.name)
			k.sorted = nil
		}
		return true
	}
	var m retrain.Model
	if handlers.ModelCodec.Decode(r.Value, &m) != nil || string(r.Key) != m.Name || !bounded(m.Name, orEmpty(m.Latest)) { // by its key it is taken back
		return false
	}
	if e := k.of(m.Name); e != nil {
		e.known, e.at, e.latest, e.phase, e.action, e.reason, e.until, e.alerts = true, r.Offset, orEmpty(m.Latest), m.Phase, m.Action, m.Reason, orZero(m.Until), len(m.Alerts)
	}
	return true
}

// of is the entry of a model, made where there is none; nil: there are too many.
func (k *kept) of(name string) *entry {
	e := k.models[name]
	if e == nil && len(k.models) >= mostModels {
		k.left = true
		return nil
	}
	if e == nil {
		e = &entry{name: name}
		k.models[name], k.sorted = e, nil
	}
	return e
}

// command notes something of a command.
func (k *kept) command(model, id string, note func(kept *command)) {
	e := k.of(model)
	if e == nil {
		return
	}
	i := slices.IndexFunc(e.commands, func(c command) bool { return c.id == id })
	if i < 0 {
		i = len(e.commands)
		e.commands = append(e.commands, command{id: id, place: place{offset: -1}})
		note(&e.commands[i])
		if grown(&k.commands, &e.commands, &e.olderCommands) {
			for _, e := range k.models { // order: none is seen
				cut(&k.commands, &e.commands, &e.olderCommands)
			}
		}
		return
	}
	note(&e.commands[i])
}

// grown counts one that was added to a model's, and leaves the oldest of it out where that are too many; true: so must all others.
func grown[T any](b *bound, all *[]T, more *bool) bool {
	b.all++
	if len(*all) > b.each+b.each/4 { // not one by one: the rest is moved each time
		cut(b, all, more)
	}
	if b.all <= b.most || b.each == 1 {
		return false
	}
	b.each /= 2
	return true
}

// cut leaves out all of a model's but the newest.
func cut[T any](b *bound, all *[]T, more *bool) {
	if n := len(*all) - b.each; n > 0 {
		*all, *more = slices.Clone((*all)[n:]), true
		b.all -= n
	}
}

// byName are all models, in order.
func (k *kept) byName() []*entry {
	if k.sorted == nil {
		k.sorted = make([]*entry, 0, len(k.models))
		for _, e := range k.models { // order: sorted below
			k.sorted = append(k.sorted, e)
		}
		slices.SortFunc(k.sorted, func(a, b *entry) int { return cmp.Compare(a.name, b.name) })
	}
	return k.sorted
}

func orZero(at *int64) int64 {
	if at == nil {
		return 0
	}
	return *at
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// short is a text of at most so many bytes as are kept.
func short(text string) string {
	if len(text) > mostError {
		return text[:mostError] + " …"
	}
	return text
}
