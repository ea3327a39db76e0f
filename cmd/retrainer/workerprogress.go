package main

import (
	"context"
	"time"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// reportPatience is how long after the worker was told to stop the end of a training may still be written. With the group's goodbye it
// is within 10 s.
const reportPatience = 7 * time.Second

// train runs the program for a command. Its progress is written meanwhile, the newest when the one before has been written: a
// cluster that is away holds up neither the program nor the bar.
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
	trained, err := t.program.Train(ctx, &retrain.Training{Command: c, Report: func(r retrain.Report) {
		t.bar.show(r)
		select { // the one that still waits is out of date
		case <-newest:
		default:
		}
		newest <- r
	}})
	close(newest)
	cancel() // the end says more than progress that is not written yet
	<-done
	return trained, err
}

// report writes progress.
func (t *trainer) report(ctx context.Context, p *retrain.Progress) error {
	value, err := handlers.ProgressCodec.Append(nil, p)
	if err != nil {
		return err
	}
	return t.appender.Append(ctx, record.Output{Topic: t.names().progress(), Key: []byte(p.CommandID), Value: t.ids.Frame(t.names().progress(), value)})
}

// reported is the end of a command that a worker has reported, this one before a crash or another; "": none has.
func (t *trainer) reported(ctx context.Context, c *retrain.Command) (end retrain.ProgressKind, err error) {
	err = t.eachProgress(ctx, t.client, c.IssuedAt, func(p *retrain.Progress) {
		if p.CommandID == c.CommandID && (p.Kind == retrain.Succeeded || p.Kind == retrain.Failed && end == "") {
			end = p.Kind
		}
	})
	return end, err
}

// outlast is a context that ends so long after another.
func outlast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return lasting, func() { stop(); cancel() }
}
