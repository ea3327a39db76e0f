package board

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

// state is how far the reading is.
type state struct {
	read    int64 // when all was read that there was, ms since 1970; 0: never yet
	left    int64 // records that are still to be read
	away    bool  // the cluster does not answer
	more    bool  // there are more models than are kept
	foreign int
	ended   time.Time
}

// freshFor is for how long what was read is shown to all who look, before anybody reads again.
const freshFor = time.Second

// notes say what is not in a page.
func (s *state) notes() (all []string) {
	if s.away {
		text := "The cluster does not answer; readyz says what the service waits for."
		if s.read != 0 {
			text += " This is what stood there at " + retrain.Clock(s.read) + "."
		}
		all = append(all, text)
	}
	if s.left > 0 {
		all = append(all, fmt.Sprintf("Still reading: %s to come. Load the page again.", phrases.Count(int(s.left), "record")))
	}
	if s.more {
		all = append(all, fmt.Sprintf("There are more models than the %s that this page keeps; retrainer status has all.", retrain.Thousands(mostModels)))
	}
	if s.foreign > 0 {
		all = append(all, fmt.Sprintf("%s cannot be read by this build and %s left out; retrainer verify says more.", phrases.Count(s.foreign, "record"), be(s.foreign)))
	}
	return all
}

func be(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// refresh reads what has come since the last request, for a while. One that has just been made holds for all.
func (k *kept) refresh(ctx context.Context) (state, error) {
	if err := k.begin(ctx); err != nil {
		return state{}, err
	}
	defer k.done()
	s := &k.state
	if time.Since(s.ended) < freshFor && s.left == 0 && (s.read != 0 || s.away) {
		return *s, k.nothing()
	}
	reading, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	took, left, err := k.readAll(reading)
	s.ended, s.more, s.foreign = time.Now(), k.left, k.foreign
	switch {
	case err == nil:
		s.read, s.left, s.away = s.ended.UnixMilli(), 0, false
	case ctx.Err() != nil || reading.Err() == nil:
		return *s, err
	default:
		s.left, s.away = left, took == 0
	}
	return *s, k.nothing()
}

// nothing is an error where nothing is kept that could be shown.
func (k *kept) nothing() error {
	if k.state.away && len(k.models) == 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// begin waits for the token. That it does not come says nothing of the cluster.
func (k *kept) begin(ctx context.Context) error {
	select {
	case <-k.turn:
		return nil
	case <-ctx.Done():
		return &problem{http.StatusServiceUnavailable, "Not yet", "Many look at this page now; load it again."}
	}
}

func (k *kept) done() { k.turn <- struct{}{} }

// look gives what is kept to one who does nothing slow with it.
func (k *kept) look(ctx context.Context, do func()) error {
	if err := k.begin(ctx); err != nil {
		return err
	}
	defer k.done()
	do()
	return nil
}

// readAll reads the topics to their ends; with an error: how many records it took, and how many are left.
func (k *kept) readAll(ctx context.Context) (took, left int64, err error) {
	client, err := k.client.get()
	if err != nil {
		return 0, 0, err
	}
	topics := []string{k.topics.Models, k.topics.Decisions, k.topics.Commands, k.topics.Results}
	there := map[string]map[int32]consumer.Range{}
	for _, topic := range topics {
		if there[topic], err = client.Offsets(ctx, topic); err != nil {
			return 0, 0, err
		}
	}
	pieces := k.pieces(there)
	for _, topic := range topics {
		for _, p := range pieces[topic] { // order: a sum
			left += p.To - p.From
		}
	}
	for _, topic := range topics {
		err := k.read(ctx, client, topic, pieces[topic], func(passed int64) { took++; left -= passed })
		if err != nil {
			return took, max(left, 1), err
		}
	}
	return took, 0, nil
}

// pieces are what is new in the topics. Where one ends before what was read of it already, it was made anew, and all is read again.
func (k *kept) pieces(there map[string]map[int32]consumer.Range) map[string]map[int32]consumer.Range {
	for topic, offsets := range there { // order: the same for any
		for partition, o := range offsets { // order: the same for any
			if k.next[topic][partition] > o.To {
				k.forget()
			}
		}
	}
	all := map[string]map[int32]consumer.Range{}
	for topic, offsets := range there { // order: into maps
		if all[topic] = map[int32]consumer.Range{}; k.next[topic] == nil {
			k.next[topic] = map[int32]int64{}
		}
		k.first[topic] = map[int32]int64{}
		for partition, o := range offsets { // order: into maps
			k.first[topic][partition] = o.From
			if from := max(o.From, k.next[topic][partition]); from < o.To {
				all[topic][partition] = consumer.Range{From: from, To: o.To}
			}
		}
	}
	return all
}

// read reads pieces of a topic, and tells after each record how many offsets it has passed.
func (k *kept) read(ctx context.Context, client *consumer.Client, topic string, pieces map[int32]consumer.Range, pass func(n int64)) error {
	if len(pieces) == 0 {
		return nil
	}
	r, err := client.NewRangeReader(ctx, topic, pieces)
	if err != nil {
		return err
	}
	defer r.Close()
	next := k.next[topic]
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil // what an open transaction wrote stands behind the last record: it is read when it is committed
		}
		if err != nil {
			return err
		}
		k.take(rec)
		from := max(next[rec.Partition], pieces[rec.Partition].From)
		next[rec.Partition] = rec.Offset + 1
		pass(rec.Offset + 1 - from)
	}
}
