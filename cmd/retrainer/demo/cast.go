package demo

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// model is one of the cast.
type model struct {
	name    string
	version string // with which it begins
}

func (m model) id() string { return m.name + "/" + m.version }

// cast are the models by the parts that they play, and the numbers that their checks give.
type cast struct {
	hard, slow, passing, refused, failing model
	cameras                               []model

	healthy        map[string][]float64 // p-values of the days before, by the name of a model
	hardly, slowly []float64            // p-values from the beginning of a drift to the check that raises the alarm
	passes         []float64            // of a disturbance that goes away
	falls          map[string]float64   // how far the quality of a model falls
	random         *rand.Rand
	policy         *retrain.Policy
}

// cameraCount is how many models fall at once when the service is killed.
const cameraCount = 8

// newCast draws the models' parts and numbers. What the story needs of a series is made sure of by the observers themselves: one that does
// not do it is drawn again.
func newCast(seed uint64) *cast {
	policy, err := retrain.BuiltIn("") // policy.yaml has its rules
	if err != nil {
		panic(err) // no tuner was named that could be unknown
	}
	c := &cast{random: rand.New(rand.NewPCG(seed, 0)), policy: policy, healthy: map[string][]float64{}, falls: map[string]float64{}}
	names := []string{"churn", "demand", "fraud", "pricing", "routing", "tumours", "wards"}
	c.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i, part := range []*model{&c.hard, &c.slow, &c.passing, &c.refused, &c.failing} {
		*part = c.model(names[i])
	}
	for i := range cameraCount {
		c.cameras = append(c.cameras, c.model(fmt.Sprintf("camera-%d", i+1)))
	}
	for _, m := range append([]model{c.refused, c.failing}, c.cameras...) {
		c.falls[m.name] = -math.Round(1000*(0.06+0.2*c.random.Float64())) / 1000
	}
	c.hardly = c.until(c.hard, func(int) float64 { return math.Pow(10, -8-4*c.random.Float64()) })
	c.slowly = c.until(c.slow, func(i int) float64 { return math.Pow(c.random.Float64(), 1+float64(i)/4) })
	c.passes = c.quiet(c.passing, func(i int) float64 {
		if i < 3 {
			return math.Pow(10, -6-4*c.random.Float64())
		}
		return c.random.Float64()
	}, 12)
	return c
}

func (c *cast) model(name string) model {
	return model{name, fmt.Sprintf("v%d.%d", 1+c.random.IntN(6), c.random.IntN(10))}
}

// healthyChecks is how many checks a model has had before the story begins, three an hour.
const healthyChecks = 72

// before draws the checks of a healthy model: its p-values are spread evenly.
func (c *cast) before() []float64 {
	all := make([]float64, healthyChecks)
	for i := range all {
		all[i] = c.random.Float64()
	}
	return all
}

// until draws a model's past, and then a drift up to the check that raises the first alarm.
func (c *cast) until(m model, drift func(i int) float64) []float64 {
	for {
		past := c.before()
		var drifting []float64
		for i := range 60 {
			drifting = append(drifting, drift(i))
		}
		if at := c.alarms(append(past, drifting...)); len(at) > 0 && at[0] >= healthyChecks+5 {
			c.healthy[m.name] = past
			return drifting[:at[0]-healthyChecks+1]
		}
	}
}

// quiet draws a model's past, and then n checks that raise no alarm.
func (c *cast) quiet(m model, check func(i int) float64, n int) []float64 {
	for {
		past := c.before()
		var all []float64
		for i := range n {
			all = append(all, check(i))
		}
		if len(c.alarms(append(past, all...))) == 0 {
			c.healthy[m.name] = past
			return all
		}
	}
}

// alarms are the places in a series at which the policy's rule fires.
func (c *cast) alarms(series []float64) (at []int) {
	s := retrain.NewSources(retrain.OnDrift)
	if err := s.Use(c.policy); err != nil {
		panic(err) // it has no checkpoint that could be damaged
	}
	for i, p := range series {
		time := int64(i+1) * checkEvery.Milliseconds()
		fired, _ := s.Fold(&retrain.Origin{Topic: "drift", Offset: int64(i), Time: time},
			&retrain.Event{Stream: []byte("s"), PValue: retrain.Number{V: p, OK: true}, Timestamp: time}, nil)
		if len(fired) > 0 {
			at = append(at, i)
		}
	}
	return at
}

// checkEvery is how far the drift checks of a model lie apart.
const checkEvery = 20 * time.Minute

// event is a record of a monitoring pipeline.
type event struct {
	topic, model string
	line         []byte // as JSON
}

// checks are the drift checks of a model, the last of which is made at a time. first is the number of the first in the model's life.
func (c *cast) checks(topic string, m model, values []float64, first int, last time.Time) []event {
	all := make([]event, len(values))
	for i, p := range values {
		at := last.Add(-checkEvery * time.Duration(len(values)-1-i))
		all[i] = event{topic, m.name, line(map[string]any{"stream_id": m.name, "model_id": m.id(), "p_value": p, "method": "ks", "sample_size": 1000,
			"timestamp": at.UnixMilli(), "event_id": fmt.Sprintf("%s-check-%d", m.name, first+i)})}
	}
	return all
}

// wellCount is how many evaluations each model had before its quality fell, an hour apart.
const wellCount = 5

// well are evaluations of a model whose quality stays, the last of which is made at a time.
func (c *cast) well(topic string, m model, last time.Time) (all []event) {
	for i := range wellCount {
		change := math.Round(1000*(0.02-0.04*c.random.Float64())) / 1000
		all = append(all, c.evaluation(topic, m, i+1, change, last.Add(-time.Hour*time.Duration(wellCount-1-i))))
	}
	return all
}

// evaluation is what became of a model's quality.
func (c *cast) evaluation(topic string, m model, number int, change float64, at time.Time) event {
	return event{topic, m.name, line(map[string]any{"model_id": m.id(), "mAP_change": change, "timestamp": at.UnixMilli(),
		"event_id": fmt.Sprintf("%s-evaluation-%d", m.name, number), "data_ref": "s3://monitoring/" + m.name + "/" + fmt.Sprint(number)})}
}

func line(fields map[string]any) []byte {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts and finite numbers
	}
	return text
}

// series is a few numbers of a series, for people.
func series(values []float64) string {
	const most = 4
	parts := []string{}
	for i, v := range values {
		if i == most-1 && len(values) > most {
			parts = append(parts, "...")
			i = len(values) - 1
			v = values[i]
		}
		parts = append(parts, fmt.Sprintf("%.2g", v))
		if len(parts) > most {
			break
		}
	}
	return strings.Join(parts, ", ")
}
