package main

import (
	"context"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

var progressCodec = schemas.MustCodec[retrain.Progress]("Progress")

const (
	// reportPatience is how long the end of a training may take to be written when the worker was told to stop.
	reportPatience = 4 * time.Second
	// clockDifference is by how much a worker's clock may be behind the ledger's, for the progress of a command to be found.
	clockDifference = time.Hour
)

// train runs the program for a command. What it says on the way is written beside it: the newest word, when the one before is there.
func (t *trainer) train(ctx context.Context, c *retrain.Command) (*retrain.Trained, error) {
	newest := make(chan retrain.Report, 1)
	reporting, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ends before train does
		defer close(done)
		for r := range newest {
			p := c.Reported(r, t.name, time.Now().UnixMilli())
			if invalid := p.Check(); invalid != nil {
				t.log.Error().Err(invalid).Str("command_id", c.CommandID).Msg("progress left out")
			} else if err := t.report(reporting, p); err != nil && reporting.Err() == nil {
				t.log.Error().Err(err).Str("command_id", c.CommandID).Msg("progress could not be reported")
			}
		}
	}()
	defer t.bar.end()
	t.bar.begin(c)
	trained, err := t.programFor(c)(ctx, &retrain.Training{Command: c, Report: func(r retrain.Report) {
		t.bar.show(r)
		select { // the one that still waits is out of date
		case <-newest:
		default:
		}
		newest <- r
	}})
	close(newest)
	cancel() // nobody needs a word on the way any more
	<-done
	return trained, err
}

// programFor is the program's way of doing what a command asks for.
func (t *trainer) programFor(c *retrain.Command) func(context.Context, *retrain.Training) (*retrain.Trained, error) {
	if c.Action == retrain.FullRetrain {
		return t.program.FullRetrain
	}
	return t.program.SoftRetrain
}

// report writes a word on a command.
func (t *trainer) report(ctx context.Context, p *retrain.Progress) error {
	value, err := progressCodec.Append(nil, p)
	if err != nil {
		return err
	}
	return t.appender.Append(ctx, record.Output{Topic: t.names().progress(), Key: []byte(p.CommandID), Value: value})
}

// reported is the end of a command that a worker has reported, this one before a crash or another; "": none has.
func (t *trainer) reported(ctx context.Context, c *retrain.Command) (end retrain.ProgressKind, err error) {
	from := consumer.From{Time: time.UnixMilli(c.IssuedAt).Add(-clockDifference)}
	r, err := t.client.NewReader(ctx, consumer.ReaderConfig{Topic: t.names().progress(), From: from, ToEnd: true})
	if err != nil {
		return "", err
	}
	err = drain(ctx, r, func(rec *record.Record) (more bool, err error) {
		var p retrain.Progress
		if progressCodec.Decode(rec.Value, &p) != nil || p.CommandID != c.CommandID {
			return true, nil // what cannot be read is no worker's word
		}
		if p.Kind == retrain.Succeeded || p.Kind == retrain.Failed && end == "" {
			end = p.Kind
		}
		return true, nil
	})
	return end, err
}

// outlast is a context that ends so long after another.
func outlast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return lasting, func() { stop(); cancel() }
}
