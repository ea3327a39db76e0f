//go:build kafka

package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/visutility/retrainer/handlers"
)

// Good records by many schemas in several framings, and among them a record for each reason of a dead letter; then the registry is
// killed and started again, and stopped for a while, when records come of a schema that it has not been asked for yet. On one broker
// and on three, which have one registry: the one broker's app sees it through a proxy that adds GUIDs, and a 502 where it is away.
func TestEveryReasonAmongGoodRecordsAndTheRegistryAway(test *testing.T) {
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	three := &mixed{app: &app{t: t, dir: dir, policy: everyCheck}, random: rand.New(rand.NewPCG(seed, 3))}
	one := &mixed{app: &app{t: t, dir: dir, policy: everyCheck}, random: rand.New(rand.NewPCG(seed, 1)), guids: true}
	three.c = startCluster(t, 3, three.random)
	var registry *schemaRegistry
	var starting sync.WaitGroup
	starting.Go(func() { registry = startRegistry(t, dir, keeping(dir)) })
	one.c = startCluster(t, 1, one.random)
	program := buildWithAPanic(t, dir)
	if starting.Wait(); registry.confluent == "" {
		t.FailNow()
	}
	ids := registerWriters(registry)
	one.registry, three.registry = registry, registry
	one.begin(ctx, program, "one", withGUIDs(t, registry.confluent), ids)
	three.begin(ctx, program, "three", registry.confluent, ids)
	both := []*mixed{one, three}
	each := func(f func(m *mixed)) {
		t.Helper()
		var all sync.WaitGroup
		for _, m := range both {
			all.Go(func() { f(m) })
		}
		if all.Wait(); t.Failed() {
			t.FailNow()
		}
	}
	each(func(m *mixed) { m.settle(ctx, "it runs", isReady) })
	each(func(m *mixed) { m.everyReason(ctx) })
	for _, x := range []struct{ unseen, down, up string }{{"unseen", "kill", "start"}, {"unseen too", "pause", "resume"}} {
		registry.do(x.down)
		each(func(m *mixed) { m.waitsForTheRegistry(ctx, x.unseen, x.down) })
		registry.do(x.up)
		each(func(m *mixed) { m.goesOn(ctx, x.up) })
	}
	registry.refusesAnotherSchema(program, one.c.brokers)
	each(func(m *mixed) {
		m.commandsTake(ctx, "after", 100)
		m.end(ctx)
		m.judgeAll(ctx)
		command(t, program, "verify", "--brokers", m.c.brokers, "--schema-registry", registry.confluent)
	})
}

// registerWriters has the registry know all schemas of the producers; their ids by name.
func registerWriters(r *schemaRegistry) map[string]uint32 {
	ids := map[string]uint32{}
	add := func(name, kind, schema string) {
		ids[name] = r.register("producer-"+strconv.Itoa(len(ids))+"-value", kind, schema)
	}
	for _, w := range slices.Concat(driftWriters, conceptWriters, performanceWriters) {
		add(w.name, "AVRO", w.schema)
	}
	add("report", "AVRO", reportSchema)
	add("ask", "AVRO", askSchema)
	add("no time", "AVRO", `{"type":"record","name":"D","fields":[{"name":"stream_id","type":"string"},{"name":"p_value","type":"double"}]}`)
	add("text", "AVRO", `{"type":"record","name":"D","fields":[{"name":"stream_id","type":"string"},{"name":"p_value","type":"string"},{"name":"timestamp","type":"long"}]}`)
	add("no record", "AVRO", `{"type":"map","values":"double"}`)
	add("json", "JSON", `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"stream_id":{"type":"string"}}}`)
	for _, name := range []string{"unseen", "unseen too"} { // as "required", but the program has to ask for it
		add(name, "AVRO", strings.Replace(driftWriters[0].schema, "acme.DataDrift", "acme."+strings.ReplaceAll(name, " ", ""), 1))
	}
	return ids
}

// begin makes the topics and starts an instance.
func (m *mixed) begin(ctx context.Context, program, name, registry string, ids map[string]uint32) {
	m.t.Helper()
	m.program, m.ids, m.checks, m.base = program, ids, map[string]int{}, time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	m.schemas = ledgerSchemas(m.t)
	until(ctx, m.t, "topics are made", func() bool {
		return exec.Command(program, "topics", "apply", "--brokers", m.c.brokers, "--replication", strconv.Itoa(m.c.nodes)).Run() == nil
	})
	var err error
	m.producer, err = kgo.NewClient(m.c.seeds(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(m.producer.Close)
	m.seen = m.c.see(ctx, "retrain.ledger", "retrain.dlq", "retrain.commands")
	const session = "1m" // none of these partitions is to go to anybody, however busy the machine is
	m.add(name, "--schema-registry", registry, "--max-event-bytes", strconv.Itoa(mostBytesOfEvent), "--session-timeout", session).start(nil)
}

// everyReason writes thousands of good records and the bad ones among them; only the three partitions that one of these holds up
// say so, for as long.
func (m *mixed) everyReason(ctx context.Context) {
	m.t.Helper()
	bad := slices.Concat(m.notRead(), m.notTaken())
	missing := map[string]bool{}
	for _, reason := range handlers.DeadLetterReasons() {
		missing[reason] = true
	}
	for _, w := range bad {
		delete(missing, w.reason)
	}
	if len(missing) > 0 {
		m.t.Errorf("this test has no record for %v", slices.Sorted(maps.Keys(missing)))
	}
	watching, stop := context.WithCancel(ctx)
	waited := make(chan map[string]string)
	go func() { waited <- m.all[0].notRunning(watching) }()
	m.commandsTake(ctx, "before", 100)
	m.write(ctx, m.shuffled(m.stream(4000, 0, 1, 2, 3, 4, 5, 6, 7), bad)...)
	m.dead(ctx, len(bad))
	m.folded(ctx, "all good records are folded", nil)
	m.settle(ctx, "all is folded", isIdle)
	stop()
	asking := regexp.MustCompile(`running schema \S+: asking for it; `) // for longer than a second, on a busy machine
	for task, why := range <-waited {
		if why = asking.ReplaceAllString(why, ""); why == "" {
			continue
		}
		switch task {
		case fmt.Sprintf("%s/%d", driftTopic, missingIDAt), fmt.Sprintf("%s/%d", driftTopic, missingGUIDAt):
			if !strings.Contains(why, "schema 999999: ") && !strings.Contains(why, "schema 000d9038-") {
				m.t.Errorf("%s waited for %q", task, why)
			}
		case fmt.Sprintf("%s/%d", performanceTopic, panicPartition):
		default:
			m.t.Errorf("/readyz: %s stood still: %s", task, why)
		}
	}
}

// waitsForTheRegistry writes records of a schema that the program has not asked for yet, among others: their partition waits and says
// for what, what lies before is folded, all others go on, and nothing is a dead letter.
func (m *mixed) waitsForTheRegistry(ctx context.Context, unseen, how string) {
	m.t.Helper()
	letters := len(m.seen.of("retrain.dlq"))
	m.write(ctx, m.stream(300, 0, 1, 2, 3, 4, 5, 6, 7)...)
	needs := m.unseen(unseen)
	held := len(m.written)
	m.write(ctx, append(m.stream(300, 1, 2, 3, 4, 5, 6, 7), needs)...)
	for range 30 {
		m.write(ctx, m.good(driftTopic, unseenPartition, "cam-0-0"), m.unseen(unseen))
	}
	behind := func(w *written) bool {
		return w.r.Topic == driftTopic && w.r.Partition == unseenPartition && w.r.Offset >= needs.r.Offset
	}
	m.folded(ctx, "what does not need the registry is folded while it is away by "+how, behind)
	var why string
	until(ctx, m.t, "/readyz says what is waited for", func() bool {
		r, err := m.all[0].readiness()
		for _, x := range r.Tasks {
			waits := x.Topic == driftTopic && x.Partition == unseenPartition
			if !waits && heldUp(x.State, x.Why) {
				m.t.Errorf("/readyz: %s/%d waits as well: %s %s", x.Topic, x.Partition, x.State, x.Why)
			}
			if waits {
				why = x.Why
			}
		}
		return err == nil && !r.Ready && strings.Contains(why, fmt.Sprintf("schema %s: the registry at http://127.0.0.1:", m.nameOf(needs.r, unseen)))
	})
	m.t.Logf("%d brokers, the registry away by %s, /readyz: %s", m.c.nodes, how, why)
	m.commandsTake(ctx, "while the registry is away by "+how, 50)
	if got := len(m.seen.of("retrain.dlq")); got != letters {
		m.t.Errorf("%d dead letters came while the registry was away by %s", got-letters, how)
	}
	if len(m.written) <= held {
		m.t.Errorf("nothing was held")
	}
}

// unseen is a good record by a schema that the program asks for when the first of them comes.
func (m *mixed) unseen(name string) *written {
	w := driftWriters[0]
	w.name = name
	return m.by(driftTopic, unseenPartition, "cam-0-0", w)
}

// nameOf is how the program names the schema of a record.
func (m *mixed) nameOf(r *kgo.Record, schema string) string {
	named := r.Value
	if len(r.Headers) > 0 {
		named = r.Headers[len(r.Headers)-1].Value
	}
	if named[0] == 1 {
		return fmt.Sprintf("%08x-0000-4000-8000-000000000000", m.ids[schema])
	}
	return fmt.Sprint(m.ids[schema])
}

// goesOn: by itself.
func (m *mixed) goesOn(ctx context.Context, how string) {
	m.t.Helper()
	m.folded(ctx, "all is folded after "+how, nil)
	m.settle(ctx, "it is ready after "+how, isIdle)
}

// commandsTake reports the time from an event to its command, of n models that had none.
func (m *mixed) commandsTake(ctx context.Context, when string, n int) {
	m.t.Helper()
	began := map[string]time.Time{}
	for i := range n {
		source := strings.ReplaceAll(fmt.Sprintf("%s-%d", when, i), " ", "-")
		w := m.good(driftTopic, 1+int32(i%4), source)
		began[source] = time.Now()
		m.write(ctx, w)
		_ = wait(ctx, 10*time.Millisecond)
	}
	var took []time.Duration
	until(ctx, m.t, "each model has its command", func() bool {
		took = took[:0]
		for _, r := range m.seen.of("retrain.commands") {
			if at, ok := began[string(r.Key)]; ok {
				took = append(took, r.at.Sub(at))
			}
		}
		return len(took) >= n
	})
	slices.Sort(took)
	m.t.Logf("%d brokers, %s: event to command of %d models: p50 %v, p99 %v, longest %v", m.c.nodes, when, n,
		short(took[n/2]), short(took[n*99/100]), short(took[len(took)-1]))
}

// judgeAll compares the ledger, the dead letters and the commands with what was written.
func (m *mixed) judgeAll(ctx context.Context) {
	m.t.Helper()
	m.seen.whole(ctx)
	m.judgeEntries(nil)
	models, bad := map[string]bool{}, map[string]*written{}
	for _, w := range m.written {
		if w.reason != "" {
			bad[placeOf(w.r.Topic, w.r.Partition, w.r.Offset)] = w
		} else if w.entry.Kind == "Alert" {
			model, _, _ := strings.Cut(string(w.r.Key), "/")
			models[model] = true
		}
	}
	for _, r := range m.seen.of("retrain.commands") {
		if !models[string(r.Key)] {
			m.t.Errorf("a command for %s, which needs none, or has one already", r.Key)
		}
		delete(models, string(r.Key))
	}
	if len(models) > 0 {
		m.t.Errorf("no command for %v", slices.Sorted(maps.Keys(models)))
	}
	m.judgeDead(bad)
	id := m.registry.latest("retrain.commands-value")
	for _, r := range m.seen.of("retrain.commands") {
		if !bytes.HasPrefix(r.Value, prefixed(id, nil)) {
			m.t.Errorf("the command at %s begins with % x; the id of its subject is %d", placeOf(r.Topic, r.Partition, r.Offset), r.Value[:5], id)
		}
	}
	m.t.Logf("%d brokers: %d records, %d of them bad", m.c.nodes, len(m.written), len(m.seen.of("retrain.dlq")))
}

// judgeEntries: each good record is one entry of the ledger, those of a partition in their order.
func (m *mixed) judgeEntries(out func(*written) bool) {
	m.t.Helper()
	want, got := map[string][]ledgerEntry{}, map[string][]ledgerEntry{}
	for _, w := range m.written {
		if w.reason == "" && (out == nil || !out(w)) {
			e, source := w.entry, fmt.Sprintf("%s/%d", w.r.Topic, w.r.Partition)
			if e.Kind != "Alert" {
				e.Offset = 0 // it is not told
			}
			want[source] = append(want[source], e)
		}
	}
	for _, e := range m.entries() {
		source := map[string]string{"Alert": fmt.Sprintf("%s/%d", e.Topic, e.Partition), "Progress": "retrain.progress/0", "Request": "retrain.requests/0"}[e.Kind]
		got[source] = append(got[source], e)
	}
	for _, source := range slices.Sorted(maps.Keys(want)) {
		m.sameEntries(source, got[source], want[source])
	}
}

func placeOf(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s %d %d", topic, partition, offset)
}

// sameEntries: each record of a partition once, and in its order.
func (m *mixed) sameEntries(source string, got, want []ledgerEntry) {
	m.t.Helper()
	if len(got) != len(want) {
		m.t.Errorf("the ledger has %d entries of %s; %d were written", len(got), source, len(want))
	}
	for i := range min(len(got), len(want)) {
		got[i].EventTime = got[i].EventTime.UTC()
		if !reflect.DeepEqual(got[i], want[i]) {
			is, _ := json.Marshal(got[i])
			should, _ := json.Marshal(want[i])
			m.t.Errorf("entry %d of %s is\n%s, expected\n%s", i, source, is, should)
			return
		}
	}
}

// judgeDead: each bad record is one dead letter, with its bytes, headers, place and reason.
func (m *mixed) judgeDead(bad map[string]*written) {
	m.t.Helper()
	for _, r := range m.seen.of("retrain.dlq") {
		told := map[string]string{}
		for _, h := range r.Headers {
			told[h.Key] = string(h.Value) // the record's own of this name stand before
		}
		partition, _ := strconv.Atoi(told["__streams.errors.partition"])
		offset, _ := strconv.ParseInt(told["__streams.errors.offset"], 10, 64)
		at := placeOf(told["__streams.errors.topic"], int32(partition), offset)
		w := bad[at]
		if w == nil {
			m.t.Errorf("a dead letter of %s, which is good, or has one already: %v", at, r.Headers)
			continue
		}
		delete(bad, at)
		own := r.Headers[:min(len(r.Headers), len(w.r.Headers))]
		if !bytes.Equal(r.Value, w.r.Value) || (r.Value == nil) != (w.r.Value == nil) || !bytes.Equal(r.Key, w.r.Key) || !reflect.DeepEqual(own, w.r.Headers) {
			m.t.Errorf("the dead letter of %s has key %q, headers %v, value % x; the record %q, %v, % x", at, r.Key, own, r.Value, w.r.Key, w.r.Headers, w.r.Value)
		}
		if told["retrain.dlq.reason"] != w.reason || told["__streams.errors.exception"] != w.reason || !strings.Contains(told["__streams.errors.message"], w.says) ||
			w.schemaID != "-" && w.schemaID != "" && told["retrain.dlq.schema-id"] != w.schemaID || told["retrain.dlq.stage"] == "" || told["retrain.dlq.failed-at"] == "" {
			m.t.Errorf("the dead letter of %s says %v; expected %s, schema %q, with %q", at, told, w.reason, w.schemaID, w.says)
		}
	}
	for at, w := range bad {
		m.t.Errorf("no dead letter of %s, which is bad by %s", at, w.reason)
	}
}
