package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// each gives all records of a topic, as it ends now.
func each(ctx context.Context, client *consumer.Client, topic string, do func(r *record.Record) error) error {
	r, err := client.NewReader(ctx, consumer.ReaderConfig{Topic: topic, ToEnd: true})
	if err != nil {
		return err
	}
	return drain(ctx, r, func(rec *record.Record) (more bool, err error) { return true, do(rec) })
}

// drain gives the records of r to its end, or until do wants no more, and closes r.
func drain(ctx context.Context, r *consumer.Reader, do func(r *record.Record) (more bool, err error)) error {
	defer r.Close()
	for more := true; more; {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if more, err = do(rec); err != nil {
			return err
		}
	}
	return nil
}

// eachProgress gives the progress, as it ends now, that may be of commands issued at a time (ms since 1970) or later. What cannot be
// read is a dead letter, and told as that.
func (c *configuration) eachProgress(ctx context.Context, client *consumer.Client, issued int64, do func(p *retrain.Progress)) error {
	from := consumer.From{Time: time.UnixMilli(issued).Add(-clockDifference)}
	r, err := client.NewReader(ctx, consumer.ReaderConfig{Topic: c.names().progress(), From: from, ToEnd: true})
	if err != nil {
		return err
	}
	return drain(ctx, r, func(rec *record.Record) (more bool, err error) {
		if p := new(retrain.Progress); handlers.ProgressCodec.Decode(rec.Value, p) == nil {
			do(p)
		}
		return true, nil
	})
}

// clockDifference is by how much a worker's clock may be behind the ledger's, for the progress of a command to be found.
const clockDifference = time.Hour

// shown is a value of one of our records with the JSON of its bytes.
type shown[T any] struct {
	value T
	text  []byte
}

// read decodes a record's value.
func (s *shown[T]) read(codec *schemas.Codec[T], r *record.Record) error {
	if err := readValue(codec, r, &s.value); err != nil {
		return err
	}
	_, s.text, _ = decode(r.Value) // what the codec takes can be shown
	return nil
}

// readValue decodes the value of a record that the program itself has written.
func readValue[T any](codec *schemas.Codec[T], r *record.Record, value *T) error {
	if err := codec.Decode(r.Value, value); err != nil {
		return foreign(r, err)
	}
	return nil
}

// foreign is the error of a record that another program has written.
func foreign(r *record.Record, err error) error {
	if framing := (*schemas.FramingError)(nil); errors.As(err, &framing) && framing.SchemaID > 0 { // perhaps the program's own, and no registry is given
		return fmt.Errorf("%s/%d at %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return fmt.Errorf("%s/%d at %d: %w; this topic belongs to the program, other records must be removed", r.Topic, r.Partition, r.Offset, err)
}

func writeLine(w io.Writer, text []byte) error {
	_, err := w.Write(append(text, '\n'))
	return err
}

// decode gives a value of one of our schemas as JSON.
func decode(value []byte) (name string, text []byte, ok bool) {
	s, body, err := schemas.Identify(value)
	if err != nil {
		return "", nil, false
	}
	text, err = s.AppendJSON(nil, body)
	return s.Name(), text, err == nil
}
