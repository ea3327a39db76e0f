package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// Config says what is watched.
type Config struct {
	Events  []string // topics of events
	Forward []string // topics whose records are forwarded to the ledger: progress and requests
	Ledger  string

	Commands, Decisions, Results, DeadLetters string // topics that are written

	Status  func() consumer.Status // of the consumer; before there is one, a zero Status
	Now     func() time.Time       // nil: time.Now
	Version map[string]string      // labels of build_info
	Log     zerolog.Logger
}

// Metrics are all metrics of a process. It is the Watcher of its consumer, and safe for use by several goroutines.
type Metrics struct {
	cfg      Config
	events   map[string]bool // topics
	registry *prometheus.Registry
	tasks    *tasks

	eventsTotal, deadLetters, alerts      *prometheus.CounterVec
	decisions, commands, results          *prometheus.CounterVec
	ineffective                           *prometheus.CounterVec
	transactions, recoveries, replayTotal *prometheus.CounterVec
	eventToCommand                        prometheus.Histogram
}

// Help texts are the documentation's as well: docs/metrics.md is checked against them.
const namespace = "retrainer"

// New makes the metrics, with every label value that is known beforehand at 0.
func New(cfg Config) *Metrics {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Metrics{cfg: cfg, events: map[string]bool{}, registry: prometheus.NewRegistry(), tasks: newTasks(cfg)}
	for _, topic := range cfg.Events {
		m.events[topic] = true
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.tasks)
	m.ofRecords()
	m.ofTransactions()
	build := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", ConstLabels: cfg.Version,
		Help: "Always 1; its labels say which build this is."})
	build.Set(1)
	m.registry.MustRegister(build)
	return m
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: logger{m.cfg.Log}})
}

// logger takes what goes wrong while metrics are collected or sent.
type logger struct{ log zerolog.Logger }

func (l logger) Println(v ...any) { l.log.Error().Interface("cause", v).Msg("metrics") }

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// begin makes a counter be there from the start, at 0.
func begin(c *prometheus.CounterVec, values ...string) { c.WithLabelValues(values...) }

// The states of transactions.
const (
	committed = "committed"
	aborted   = "aborted"
	unknown   = "unknown"
)

func (m *Metrics) ofRecords() {
	m.eventsTotal = m.counter("events_total", "Events by topic and by what became of them: folded, old, duplicate, not_applicable (no rule took it), or dead_letter.",
		"topic", "outcome")
	m.deadLetters = m.counter("dead_letters_total", "Records that could not be used, by the topic that they came from and by reason.", "topic", "reason")
	m.alerts = m.counter("alerts_total", "Alerts written to the ledger, by state (firing: those sent again while it lasts too), by kind of event, and by what their rule asks for.",
		"state", "on", "action")
	m.decisions = m.counter("decisions_total", "Decisions by action and reason.", "action", "reason")
	m.commands = m.counter("commands_total", "Commands issued, by action.", "action")
	m.results = m.counter("results_total", "Ends of commands, by action and state; a late success after a failure or an expiry is a second end of its command.", "action", "state")
	m.ineffective = m.counter("ledger_entries_without_effect_total", "Entries of the ledger that changed nothing, by why.", "reason")
	m.eventToCommand = prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: "event_to_command_seconds",
		Help: "Time from an event to the command that it led to: from the time of the newest event in the command's evidence until the command stood in Kafka. " +
			"A command that waited for the end of a cool-down or of another command counts from that event all the same. Commands that people asked for are not in it.",
		Buckets: []float64{0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600, 21600, 86400}})
	m.registry.MustRegister(m.eventToCommand)

	actions := []string{string(retrain.SoftRetrain), string(retrain.FullRetrain)}
	for _, topic := range m.cfg.Events {
		for _, outcome := range handlers.EventOutcomes() {
			begin(m.eventsTotal, topic, outcome)
		}
	}
	for _, topic := range append(append([]string{}, m.cfg.Events...), m.cfg.Forward...) {
		for _, reason := range handlers.DeadLetterReasons() {
			begin(m.deadLetters, topic, reason)
		}
	}
	for _, action := range actions {
		for _, on := range []retrain.On{retrain.OnDrift, retrain.OnConceptDrift, retrain.OnPerformance} {
			begin(m.alerts, string(retrain.Firing), string(on), action)
			begin(m.alerts, string(retrain.Resolved), string(on), action)
		}
		for _, reason := range []retrain.Reason{retrain.ReasonAlert, retrain.ReasonRequested} {
			begin(m.decisions, action, string(reason))
		}
		begin(m.commands, action)
		for _, state := range []retrain.ResultState{retrain.ResultSucceeded, retrain.ResultFailed, retrain.ResultExpired, retrain.ResultSuperseded} {
			begin(m.results, action, string(state))
		}
	}
	for _, reason := range []retrain.Reason{retrain.ReasonQuiet, retrain.ReasonStale, retrain.ReasonUndeployed, retrain.ReasonInFlight,
		retrain.ReasonCooldown, retrain.ReasonUnknownModel} {
		begin(m.decisions, string(retrain.NoAction), string(reason))
	}
	for _, reason := range reasonsWithoutEffect() {
		begin(m.ineffective, reason)
	}
}

func (m *Metrics) ofTransactions() {
	m.transactions = m.counter("transactions_total", "Transactions of tasks, by the topic of their input and by outcome: committed, aborted, or unknown, where another instance went on before the outcome was seen.",
		"topic", "outcome")
	m.recoveries = m.counter("recoveries_total", "How often a task threw its state away and built it again, by cause: panic (of a handler), no_answer, unreadable (a batch), log_cut, no_progress (a checkpoint cut by an election, or an offset that a killed broker left open), or Kafka's name of an error (such as TOPIC_AUTHORIZATION_FAILED: a right was taken away). A rebalance is none.",
		"cause")
	m.replayTotal = m.counter("replayed_records_total", "Records that were folded once more to build a task's state, by topic; nothing of them is counted elsewhere.", "topic")
	for _, topic := range m.cfg.inputs() {
		for _, outcome := range []string{committed, aborted, unknown} {
			begin(m.transactions, topic, outcome)
		}
		begin(m.replayTotal, topic)
	}
	for _, cause := range consumer.Causes() {
		begin(m.recoveries, cause)
	}
}

// inputs are the topics that tasks read.
func (c *Config) inputs() []string {
	return append(append(append([]string{}, c.Events...), c.Forward...), c.Ledger)
}
