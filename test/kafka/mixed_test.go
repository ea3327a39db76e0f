//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What is judged here is known from what was written: under this policy every check beyond its level is an alert, which is sent again
// with every further one, and every check that is not resolves it. So each good record is one entry of the ledger.
const everyCheck = `revision: 1
observe:
- {on: drift, rules: [{threshold: {of: p_value, below: 0.5, min_checks: 1}, action: full}]}
- {on: concept_drift, rules: [{threshold: {of: kl_divergence, above: 0.25, min_checks: 1}, action: soft}]}
- {on: performance, rules: [{threshold: {of: mAP_change, below: -0.05, min_checks: 1}, action: soft}]}
resend_delay: 0s
defaults: {cooldown: 24h}
`

const (
	driftTopic       = "monitoring.drift"
	performanceTopic = "monitoring.performance"
)

// written is a record and what must come of it: an entry of the ledger, or a dead letter.
type written struct {
	r        *kgo.Record
	entry    ledgerEntry // offset and, without an event_id, EventID are known when it is written
	reason   string      // of the dead letter; "": none
	schemaID string
	says     string // in its message
}

// mixed is an app among producers of many kinds.
type mixed struct {
	*app
	registry *schemaRegistry
	guids    bool // it has them
	ids      map[string]uint32
	random   *rand.Rand
	producer *kgo.Client
	seen     *seen
	schemas  map[uint64]avro.Schema
	base     time.Time
	n        int
	checks   map[string]int
	written  []*written    // in the order of each partition
	looked   int           // records of the ledger, which gave
	got      []ledgerEntry // these
}

// good is the next check of a source, by any of the writers, in any framing that goes with it.
func (m *mixed) good(topic string, partition int32, source string) *written {
	own, others := ownPerformance, performanceWriters
	switch {
	case topic == driftTopic && strings.Contains(source, "/v"):
		own, others = ownConcepts, conceptWriters
	case topic == driftTopic:
		own, others = ownDrift, driftWriters
	}
	if i := m.random.IntN(len(others) + 1); i < len(others) {
		return m.by(topic, partition, source, others[i])
	}
	return m.by(topic, partition, source, own)
}

// by is good by a certain writer.
func (m *mixed) by(topic string, partition int32, source string, by writer) *written {
	m.n++
	m.checks[source]++
	c := check{source: source, id: eventID(m.n), ref: fmt.Sprint("s3://", m.n), at: stamp(m.base, m.n)}
	recovers, size := m.checks[source]%10 == 0, float64(1+m.n%7)/16 // exact in a float too
	w := &written{entry: ledgerEntry{Kind: "Alert", State: "firing", Topic: topic, Partition: partition, EventTime: time.UnixMilli(c.at).UTC()}}
	switch model, version, ok := strings.Cut(source, "/"); {
	case !ok:
		w.entry.Stream, c.value = &source, size
		if recovers {
			c.value = 0.75
		}
		if by.whole {
			c.value = float64(int(c.value + 0.5))
			if !recovers {
				c.value = 0
			}
		}
	case topic == driftTopic:
		w.entry.Model, w.entry.Version, c.value = &model, &version, 0.25+size
		if recovers {
			c.value = 0.125
		}
	default:
		w.entry.Model, w.entry.Version, c.value = &model, &version, -size
		if recovers {
			c.value = 0.25
		}
	}
	if recovers {
		w.entry.State = "resolved"
	}
	if w.entry.Value = &c.value; by.hasID {
		w.entry.EventID = c.id
	}
	if by.hasRef {
		w.entry.DataRef = &c.ref
	}
	w.r = &kgo.Record{Topic: topic, Partition: partition, Key: []byte(source), Value: by.write(c)}
	if by.name != "own" {
		m.frame(w.r, m.ids[by.name])
	}
	return w
}

// frame has a record name its schema, in one of the forms that Confluent's clients know.
func (m *mixed) frame(r *kgo.Record, id uint32) {
	kinds := 2
	if m.guids {
		kinds = 4
	}
	named := prefixed(id, nil)
	kind := m.random.IntN(kinds)
	if kind >= 2 {
		named = guid(id)
	}
	if kind%2 == 0 {
		r.Value = append(named, r.Value...)
		return
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "trace", Value: []byte{0xff, 0}}, kgo.RecordHeader{Key: "__value_schema_id", Value: named})
}

// stream is n good records of many sources on all partitions; each source stays on its own.
func (m *mixed) stream(n int, partitions ...int32) (all []*written) {
	for range n {
		p := partitions[m.random.IntN(len(partitions))]
		switch k := m.random.IntN(3); m.random.IntN(8) {
		case 0, 1, 2:
			all = append(all, m.good(driftTopic, p, fmt.Sprintf("cam-%d-%d", p, k)))
		case 3, 4:
			all = append(all, m.good(driftTopic, p, fmt.Sprintf("concept-%d-%d/v1.%d", p, k, k)))
		case 5, 6:
			all = append(all, m.good(performanceTopic, p, fmt.Sprintf("quality-%d-%d/v2", p, k)))
		default:
			all = append(all, m.forwarded(k == 0))
		}
	}
	return all
}

// forwarded is progress of a command that nobody knows, or a request for a model that nobody knows: an entry of the ledger, that
// changes nothing or is answered.
func (m *mixed) forwarded(request bool) *written {
	m.n++
	id := fmt.Sprint("id-", m.n)
	if request {
		w := &written{r: &kgo.Record{Topic: "retrain.requests", Value: ask(id, "trigger", "soft")}, entry: ledgerEntry{Kind: "Request", ID: id}}
		m.frame(w.r, m.ids["ask"])
		return w
	}
	w := &written{r: &kgo.Record{Topic: "retrain.progress", Value: report(id, "progress")}, entry: ledgerEntry{Kind: "Progress", ID: id}}
	m.frame(w.r, m.ids["report"])
	return w
}

// Trainers and people with schemas of their own.
const (
	reportSchema = `{"type":"record","name":"Report","fields":[{"name":"kind","type":"string"},{"name":"at","type":["null","long"]},{"name":"command_id","type":["string","null"]}]}`
	askSchema    = `{"type":"record","name":"Ask","fields":[{"name":"model","type":"string"},{"name":"verb","type":"string"},{"name":"action","type":["null","string"]},{"name":"request_id","type":"string"}]}`
)

func report(id, kind string) []byte { return cat(text(kind), long(0), long(0), text(id)) }

func ask(id, verb, action string) []byte {
	b := cat(text("nobody"), text(verb), long(0))
	if action != "" {
		b = cat(text("nobody"), text(verb), long(1), text(action))
	}
	return cat(b, text(id))
}

// write writes them in their order and remembers them.
func (m *mixed) write(ctx context.Context, all ...*written) {
	m.t.Helper()
	records := make([]*kgo.Record, len(all))
	for i, w := range all {
		records[i] = w.r
	}
	if err := m.producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		m.t.Fatal(err)
	}
	for _, w := range all {
		if w.entry.Offset = w.r.Offset; w.entry.Kind == "Alert" && w.entry.EventID == "" {
			w.entry.EventID = fmt.Sprintf("%s/%d/%d", w.r.Topic, w.r.Partition, w.r.Offset)
		}
	}
	m.written = append(m.written, all...)
}

// folded waits until the ledger has what must come of all that was written, but for the records that are left out.
func (m *mixed) folded(ctx context.Context, what string, out func(*written) bool) {
	m.t.Helper()
	want := 0
	for _, w := range m.written {
		if w.reason == "" && (out == nil || !out(w)) {
			want++
		}
	}
	if !comes(ctx, func() bool { return len(m.entries()) >= want }) {
		m.judgeEntries(out)
		m.t.Fatalf("waiting until %s: the ledger has %d entries, want %d", what, len(m.entries()), want)
	}
}

// entries are those of the ledger so far.
func (m *mixed) entries() []ledgerEntry {
	records := m.seen.of("retrain.ledger")
	for ; m.looked < len(records); m.looked++ {
		if e, ok := entryOf(m.t, m.schemas, records[m.looked].Record); ok {
			m.got = append(m.got, e)
		}
	}
	return m.got
}

// dead waits until there are as many dead letters as there must be.
func (m *mixed) dead(ctx context.Context, want int) []sight {
	m.t.Helper()
	until(ctx, m.t, fmt.Sprintf("there are %d dead letters", want), func() bool { return len(m.seen.of("retrain.dlq")) >= want })
	return m.seen.of("retrain.dlq")
}

// shuffled mixes them, and keeps the order of checks: a source's are told by their time.
func (m *mixed) shuffled(good, bad []*written) []*written {
	all := slices.Clone(good)
	for _, w := range bad {
		all = slices.Insert(all, m.random.IntN(len(all)), w)
	}
	return all
}
