package board

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// How many records of a partition are looked through for the events of a source, around the one that fired, and how many of them are drawn.
const (
	recordsBefore = 4000
	recordsAfter  = 1000
	mostPoints    = 200
)

// point is a value of a signal.
type point struct {
	time   int64 // of the event
	value  float64
	offset int64
}

// signals reads the events behind alerts: for one page at a time, so that however many look, one core is busy at most.
type signals struct {
	turn   chan struct{} // whoever has the token reads
	client *lazy
	cfg    Config

	mu    sync.Mutex
	drawn map[string]drawn // what was read last, by alert and where its event stands; of a topic that is not there: by its name
}

// drawn is what was read of a signal.
type drawn struct {
	points      []point
	missing     string // why there are none; "": there may be
	read, until time.Time
}

// How many signals are kept, and for how long: many look at the page of the same model. A topic that is not there is asked for again later.
const (
	mostDrawn = 64
	drawnFor  = 10 * time.Second
	goneFor   = time.Minute
)

// How long a page waits until it may read a signal, and for the reading of all its signals.
const (
	turnPatience = time.Second
	drawFor      = 3 * time.Second
)

// Why a signal is not drawn.
const (
	gone    = "Its topic is not there any more, or may not be read."
	late    = "Its events were not read in time."
	busy    = "Many look at signals now; load the page again."
	garbled = "Its events cannot be read; the log says why."
)

func newSignals(client *lazy, cfg Config) *signals {
	s := &signals{turn: make(chan struct{}, 1), client: client, cfg: cfg, drawn: map[string]drawn{}}
	s.turn <- struct{}{}
	return s
}

// of gives the values that led to an alert and those behind it, in order of time, from the topic of its event, or says why there are none: it
// costs a page nothing else. Events that retention has taken are not in it.
func (s *signals) of(ctx context.Context, e *retrain.Evidence) (points []point, missing string) {
	key := fmt.Sprintf("%s %s/%d/%d", e.AlertID, e.Topic, e.Partition, e.Offset)
	if d, ok := s.known(key, e.Topic); ok {
		return d.points, d.missing
	}
	if ctx.Err() != nil {
		return nil, late
	}
	waiting, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	select {
	case <-s.turn:
	case <-waiting.Done():
		return nil, busy
	}
	defer func() { s.turn <- struct{}{} }()
	if d, ok := s.known(key, e.Topic); ok { // by whoever had the turn
		return d.points, d.missing
	}
	d := drawn{read: time.Now()}
	d.until = d.read.Add(drawnFor)
	points, err := s.read(ctx, e)
	switch {
	case err == nil:
		d.points = points
	case errors.As(err, new(*consumer.SetupError)):
		d.missing, d.until, key = gone, d.read.Add(goneFor), e.Topic
	case errors.Is(ctx.Err(), context.Canceled): // nobody looks any more
		return nil, late
	case ctx.Err() != nil:
		d.missing = late
	default:
		d.missing = garbled
	}
	if err != nil {
		s.cfg.Log.Warn().Err(err).Str("event", standsAt(e)).Msg("a signal cannot be shown")
	}
	s.keep(key, d)
	return d.points, d.missing
}

// known is what was read lately of a signal or of its topic.
func (s *signals) known(keys ...string) (drawn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if d, ok := s.drawn[key]; ok && time.Now().Before(d.until) {
			return d, true
		}
	}
	return drawn{}, false
}

// keep keeps what was read, instead of what was read first where there is no room.
func (s *signals) keep(key string, d drawn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.drawn[key]; !ok && len(s.drawn) >= mostDrawn {
		oldest := ""
		for k, other := range s.drawn { // order: of two that were read at once, either
			if oldest == "" || other.read.Before(s.drawn[oldest].read) {
				oldest = k
			}
		}
		delete(s.drawn, oldest)
	}
	s.drawn[key] = d
}

func (s *signals) read(ctx context.Context, e *retrain.Evidence) (all []point, err error) {
	readers := map[*schemas.Schema]*handlers.Events{}
	err = s.client.each(ctx, e.Topic, e.Partition, consumer.Range{From: e.Offset - recordsBefore, To: e.Offset + recordsAfter}, func(rec *record.Record) error {
		schema, avro, err := s.cfg.Written(ctx, rec)
		if err != nil || schema == nil {
			return err
		}
		if readers[schema] == nil {
			readers[schema] = s.reader(schema, e.On)
		}
		if event := readers[schema].Read(&record.Record{Value: avro}); event != nil {
			if value, ok := valueOf(event, e); ok {
				all = append(all, point{min(event.Timestamp, rec.Time), value, rec.Offset})
			}
		}
		return nil
	})
	return around(all, e.Offset), err
}

// reader reads events of a schema as the service does.
func (s *signals) reader(schema *schemas.Schema, on retrain.On) *handlers.Events {
	settings := handlers.Settings{Bare: schema, MaxEventBytes: s.cfg.MaxEventBytes}
	if on == retrain.OnPerformance {
		return handlers.NewPerformance(settings)
	}
	return handlers.NewDrift(settings)
}

// valueOf is what an event says of the signal behind an alert; false: it is about something else.
func valueOf(event *retrain.Event, e *retrain.Evidence) (float64, bool) {
	stream, model, version := event.About()
	v := event.Named(e.Field)
	return v.V, v.OK && same(stream, e.Stream) && same(model, e.Model) && (version == nil || same(version, e.ModelVersion))
}

func same(a []byte, b *string) bool { return (a == nil) == (b == nil) && (b == nil || string(a) == *b) }

// around are the points near the one of an offset, in order of time.
func around(all []point, offset int64) []point {
	if len(all) > mostPoints {
		at := slices.IndexFunc(all, func(p point) bool { return p.offset >= offset })
		if at < 0 {
			at = len(all)
		}
		from := min(max(0, at-3*mostPoints/4), len(all)-mostPoints)
		all = all[from : from+mostPoints]
	}
	slices.SortStableFunc(all, func(a, b point) int { return cmp.Compare(a.time, b.time) })
	return all
}
