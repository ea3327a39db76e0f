//go:build python

package python

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

const workerLine = `./retrainer worker --exec "python examples/python/train.py"`

// TestTheLoopClosesByItselfThroughKills: drift goes in, a better version stands in the registry, and it is quiet again; whatever is
// killed meanwhile.
func TestTheLoopClosesByItselfThroughKills(t *testing.T) {
	p := newPipeline(t)
	p.run()
	worker := p.process("worker", workerLine)
	worker.start()
	p.sh(first)
	v1 := p.quiet(1)

	// The accuracy fell. Worker and service are killed while the new version is trained.
	p.held(true)
	p.produce("monitoring.performance", event(drift))
	p.training(2, 1)
	worker.kill()
	p.dev.kill()
	p.held(false)
	p.run()
	worker.start()
	v2 := p.quiet(2)
	p.follows(v2, v1, "soft", "digits?rotate=30")

	// The data drifted again, and further: a rebuild. The worker is killed, and the service when it has begun again.
	p.held(true)
	for i := range 3 {
		p.produce("monitoring.drift", event(fmt.Sprintf(`"stream_id":"digits","p_value":%g,"data_ref":"digits?rotate=60"`, 0.001/float64(i+1))))
	}
	p.training(3, 1)
	worker.kill()
	worker.start()
	p.training(3, 2)
	p.dev.kill()
	p.held(false)
	p.run()
	v3 := p.quiet(3)
	p.follows(v3, v2, "full", "digits?rotate=60")

	worker.stop()
	for topic, n := range map[string]int{"retrain.commands": 3, "retrain.results": 3} {
		if found := p.records(topic); len(found) != n {
			t.Errorf("%s has %d records, not %d: %+v", topic, len(found), n, found)
		}
	}
	decisions := p.records("retrain.decisions")
	if last := decisions[len(decisions)-1]; last.Action != "none" || last.Reason != "quiet" {
		t.Errorf("the last decision is %+v", last)
	}
	t.Log(p.sh("./retrainer verify"))
	p.dev.stop()
}

// training waits until the n-th command is in training: a trial is done since it was started so often.
func (p *pipeline) training(n, starts int) {
	p.t.Helper()
	p.sh(fmt.Sprintf("./retrainer tail retrain.commands --from start --count %d --timeout %s", n, patience))
	id := p.records("retrain.commands")[n-1].CommandID
	wait(p.t, fmt.Sprintf("command %d is in training", n), func() bool {
		last, started := "", 0
		for _, v := range p.records("retrain.progress") {
			if v.CommandID != id {
				continue
			}
			if last = v.Kind; last == "started" {
				started++
			}
		}
		if last == "succeeded" || last == "failed" {
			p.t.Fatalf("command %d has %s already: nothing held it", n, last)
		}
		return last == "progress" && started == starts
	})
}

// quiet waits until the model has so many versions and nothing is to be done; the newest of them.
func (p *pipeline) quiet(versions int) version {
	p.t.Helper()
	var m value
	wait(p.t, fmt.Sprintf("it is quiet, with %d versions", versions), func() bool {
		m = value{}
		if err := json.Unmarshal([]byte(p.sh("./retrainer status digits --json")), &m); err != nil {
			p.t.Fatal(err)
		}
		return len(m.Versions) == versions && m.Phase == "quiet" && m.Action == "none" && m.Reason == "quiet"
	})
	newest := m.Versions[versions-1]
	if m.Latest != newest.Version {
		p.t.Errorf("the latest version of %+v is %s", m, m.Latest)
	}
	return newest
}

// follows checks all that is known of a version trained from another.
func (p *pipeline) follows(v, parent version, action, dataset string) {
	p.t.Helper()
	if v.Parent != parent.Version || v.Dataset != dataset || len(v.BestParams) != 2 {
		p.t.Errorf("version %+v does not follow %+v on %s", v, parent, dataset)
	}
	if v.Metrics["accuracy"] < 0.9 || v.Metrics["base_accuracy"] > 0.6 {
		p.t.Errorf("on %s the new version is not better than the old one: %v", dataset, v.Metrics)
	}
	commands := p.records("retrain.commands")
	command := commands[len(commands)-1]
	if command.CommandID != v.CommandID || command.Action != action || command.BaseVersion != parent.Version {
		p.t.Errorf("version %+v is not of the last command, %+v", v, command)
	}
	if !maps.Equal(command.Trials[0].Values, parent.BestParams) {
		p.t.Errorf("trial 0 is %v; the best parameters of %s are %v", command.Trials[0].Values, parent.Version, parent.BestParams)
	}
	results := slices.DeleteFunc(p.records("retrain.results"), func(r value) bool { return r.CommandID != v.CommandID })
	if len(results) != 1 || results[0].State != "succeeded" || results[0].NewVersion != v.Version || !maps.Equal(results[0].Metrics, v.Metrics) {
		p.t.Errorf("the results of version %+v are %+v", v, results)
	}
	if n := p.reported(v.CommandID, "succeeded"); n != 1 {
		p.t.Errorf("%d successes are reported of %s; want one", n, v.Version)
	}
}
