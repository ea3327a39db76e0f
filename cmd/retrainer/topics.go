package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
)

// names are the topics of an app.
type names struct{ app string }

func (c *configuration) names() names { return names{c.app} }

func (n names) ledger() string    { return n.app + ".ledger" }
func (n names) policy() string    { return n.app + ".policy" }
func (n names) models() string    { return n.app + ".models" }
func (n names) commands() string  { return n.app + ".commands" }
func (n names) decisions() string { return n.app + ".decisions" }
func (n names) results() string   { return n.app + ".results" }
func (n names) progress() string  { return n.app + ".progress" }
func (n names) requests() string  { return n.app + ".requests" }
func (n names) dlq() string       { return n.app + ".dlq" }

// checkpoint is the topic of the checkpoints of an input.
func (n names) checkpoint(input string) string {
	return n.app + ".checkpoint." + strings.TrimPrefix(input, n.app+".")
}

// events are the topics that monitoring pipelines write to.
func (c *configuration) events() []string {
	return append(append([]string{}, c.drift...), c.performance...)
}

// Settings of topics, by Kafka's names.
const (
	cleanupPolicy  = "cleanup.policy"
	retention      = "retention.ms"
	timestampType  = "message.timestamp.type"
	timestampAfter = "message.timestamp.after.max.ms"
	largestMessage = "max.message.bytes"
	leastInSync    = "min.insync.replicas"
	appendTime     = "LogAppendTime"
)

// farthestAhead is how far in the future the broker shall let a record's time lie.
const farthestAhead = time.Hour

// wish is what a topic shall be like.
type wish struct {
	name       string
	partitions int32  // of a topic that is made
	like       string // an input with as many partitions; "": partitions says it
	configs    map[string]string
	theirs     bool // made if missing, and never changed: it belongs to those who write events
}

const eventPartitions = 8 // of an event topic that is made; more cost little, and keep room to grow

// wishes are all topics of the app, each behind those it depends on. stamped: the broker is the embedded one, which does not
// know the limit of record times and stamps instead.
func (c *configuration) wishes(stamped bool) []wish {
	days := func(n int) string { return strconv.FormatInt((time.Duration(n) * 24 * time.Hour).Milliseconds(), 10) }
	n, all := c.names(), []wish{}
	compact := map[string]string{cleanupPolicy: "compact"}
	add := func(name string, partitions int32, configs map[string]string) {
		all = append(all, wish{name: name, partitions: partitions, configs: configs})
	}
	for _, t := range c.events() {
		configs := map[string]string{retention: days(7), timestampAfter: strconv.FormatInt(farthestAhead.Milliseconds(), 10)}
		if stamped {
			configs = map[string]string{retention: days(7), timestampType: appendTime}
		}
		all = append(all, wish{name: t, partitions: eventPartitions, configs: configs, theirs: true},
			wish{name: n.checkpoint(t), like: t, configs: compact})
	}
	add(n.ledger(), 1, map[string]string{cleanupPolicy: "delete", retention: "-1", "retention.bytes": "-1", timestampType: appendTime})
	add(n.policy(), 1, compact)
	add(n.models(), 1, compact)
	kept := map[string]string{cleanupPolicy: "delete", retention: days(30)}
	add(n.commands(), 8, kept)
	for _, t := range []string{n.decisions(), n.results(), n.progress(), n.requests()} {
		add(t, 1, kept)
	}
	add(n.dlq(), 1, map[string]string{cleanupPolicy: "delete", retention: days(30), largestMessage: strconv.Itoa(2 << 20)})
	for _, t := range []string{n.ledger(), n.progress(), n.requests()} {
		all = append(all, wish{name: n.checkpoint(t), like: t, configs: compact})
	}
	return all
}

// change is one thing to do for a topic to be as wished.
type change struct {
	topic    string
	make     bool
	widen    int32 // partitions that it shall have
	configs  map[string]string
	sentence string
}

// changes compares a topic with what is wished. there are all topics that are, and those about to be made.
func (w *wish) changes(there map[string]consumer.Topic) []change {
	want := w.partitions
	if w.like != "" {
		want = there[w.like].Partitions
	}
	is, ok := there[w.name]
	if !ok {
		there[w.name] = consumer.Topic{Name: w.name, Partitions: want, Configs: w.configs}
		return []change{{topic: w.name, make: true, widen: want, configs: w.configs,
			sentence: fmt.Sprintf("%s is missing: %s, %s", w.name, phrases.Count(int(want), "partition"), settings(w.configs))}}
	}
	if w.theirs {
		return nil
	}
	var all []change
	if is.Partitions < want {
		all = append(all, change{topic: w.name, widen: want, sentence: fmt.Sprintf("%s has %s, its input %s has %d", w.name, phrases.Count(int(is.Partitions), "partition"), w.like, want)})
	}
	configs := w.configs
	if is.Replication >= 3 && w.configs[timestampType] == appendTime { // the ledger
		configs = with(configs, leastInSync, "2")
	}
	for _, k := range slices.Sorted(maps.Keys(configs)) {
		if is.Configs[k] != configs[k] && !(k == leastInSync && is.Configs[k] > "1") {
			all = append(all, change{topic: w.name, configs: map[string]string{k: configs[k]},
				sentence: fmt.Sprintf("%s has %s=%s, it must be %s", w.name, k, is.Configs[k], configs[k])})
		}
	}
	return all
}

// advice is what an operator may want to know of topics that are there; nothing depends on it.
func (c *configuration) advice(there map[string]consumer.Topic, brokers int) []string {
	var all []string
	for _, t := range c.events() {
		if is, ok := there[t]; ok && !boundsTime(is) {
			all = append(all, fmt.Sprintf("%s takes record times from any clock: %s=%s, or %s of at most %d, would keep a clock in the future from deciding when an event was", t, timestampType, appendTime, timestampAfter, farthestAhead.Milliseconds()))
		}
	}
	for _, w := range c.wishes(false) {
		is, ok := there[w.name]
		if !ok || brokers < 3 {
			continue
		}
		if is.Replication > 0 && is.Replication < 3 {
			all = append(all, fmt.Sprintf("%s has replication %d: with 3 a lost broker loses nothing", w.name, is.Replication))
		}
		if !w.theirs && is.Replication >= 3 && is.Configs[leastInSync] == "1" && is.Configs[timestampType] != appendTime {
			all = append(all, fmt.Sprintf("%s has %s=1: with 2 what was acknowledged is on two brokers", w.name, leastInSync))
		}
		if !w.theirs && is.Configs["unclean.leader.election.enable"] == "true" {
			all = append(all, fmt.Sprintf("%s has unclean.leader.election.enable=true: an election may cut off what was acknowledged", w.name))
		}
	}
	return all
}

// boundsTime tells whether the broker keeps record times from lying farther in the future than farthestAhead.
func boundsTime(t consumer.Topic) bool {
	after, err := strconv.ParseInt(t.Configs[timestampAfter], 10, 64)
	return t.Configs[timestampType] == appendTime || err == nil && after <= farthestAhead.Milliseconds()
}
