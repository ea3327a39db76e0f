package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/visutility/retrainer/consumer"
)

// tasks collects what the tasks of this instance are doing at the moment in which it is asked.
type tasks struct {
	cfg          Config
	revision     atomic.Int32 // -1: none is known
	openCommands atomic.Int64 // by the task of the ledger, if it is here

	ready, generation, states, lag, lagSeconds, open, policy *prometheus.Desc
}

func newTasks(cfg Config) *tasks {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	}
	t := &tasks{cfg: cfg,
		ready:      desc("ready", "1 if this instance does its part, as /readyz has it, else 0."),
		generation: desc("group_generation", "The group's generation, which goes up with every rebalance; missing while this instance is not in the group."),
		states:     desc("tasks", "Partitions that this instance works on, by topic and by state of their task: waiting, fencing, loading, replaying, running.", "topic", "state"),
		lag:        desc("lag_records", "Records of a partition that wait to be folded; missing while that is not known.", "topic", "partition"),
		lagSeconds: desc("lag_seconds", "How long ago the last record that was folded was written, where others wait behind it; 0 where none do; missing while that is not known.", "topic", "partition"),
		open:       desc("commands_open", "Commands without an end; only of the instance that runs the ledger's task."),
		policy:     desc("policy_revision", "The greatest revision of the policy that this instance knows; missing before it knows one."),
	}
	t.revision.Store(-1)
	return t
}

// Describe is for the registry.
func (t *tasks) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{t.ready, t.generation, t.states, t.lag, t.lagSeconds, t.open, t.policy} {
		to <- d
	}
}

// place is a topic and what its tasks are in.
type place struct{ topic, state string }

// Collect is for the registry.
func (t *tasks) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st, now := t.cfg.Status(), t.cfg.Now()
	ready := 0.0
	if st.Ready() {
		ready = 1
	}
	gauge(t.ready, ready)
	if st.Joined {
		gauge(t.generation, float64(st.Generation))
	}
	if n := t.revision.Load(); n >= 0 {
		gauge(t.policy, float64(n))
	}
	in := map[place]int{}
	for _, x := range st.Tasks {
		in[place{x.Topic, x.State}]++
		if x.Lag >= 0 {
			gauge(t.lag, float64(x.Lag), x.Topic, strconv.Itoa(int(x.Partition)))
		}
		if seconds, known := lagSeconds(&x, now); known {
			gauge(t.lagSeconds, seconds, x.Topic, strconv.Itoa(int(x.Partition)))
		}
	}
	for _, topic := range t.cfg.inputs() {
		for _, state := range consumer.States() {
			gauge(t.states, float64(in[place{topic, state}]), topic, state)
		}
	}
	if in[place{t.cfg.Ledger, consumer.StateRunning}] > 0 {
		gauge(t.open, float64(t.openCommands.Load()))
	}
}

func lagSeconds(t *consumer.TaskStatus, now time.Time) (seconds float64, known bool) {
	switch {
	case t.Lag == 0:
		return 0, true
	case t.Lag < 0 || t.Time == 0:
		return 0, false
	}
	return since(now, t.Time), true
}

// since is how many seconds before now a moment was (ms since 1970); 0 for one that is ahead.
func since(now time.Time, ms int64) float64 { return max(0, now.Sub(time.UnixMilli(ms)).Seconds()) }

// Revision notes a revision of the policy that this instance has heard of.
func (m *Metrics) Revision(n int32) {
	for old := m.tasks.revision.Load(); n > old && !m.tasks.revision.CompareAndSwap(old, n); {
		old = m.tasks.revision.Load()
	}
}
