package service

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/retrain"
)

// Why a training is cancelled.
var (
	errTimeUp  = errors.New("the command's time is up (max_runtime)")
	errStopped = errors.New("the service was stopped before it had ended")
)

// note keeps what a step has written, as far as trainings and Models need it. mu is held.
func (c *RetrainController) note(o retrain.Output) {
	switch o := o.(type) {
	case *retrain.Command:
		if !c.stopping {
			c.waiting = append(c.waiting, o)
		}
	case *retrain.Result:
		c.waiting = slices.DeleteFunc(c.waiting, func(cmd *retrain.Command) bool { return cmd.CommandID == o.CommandID })
		if cancel := c.running[o.CommandID]; cancel != nil {
			cancel(errTimeUp) // where it has ended by itself nothing listens any more
		}
	case *retrain.Model:
		c.models[o.Name] = o
	}
}

// tell logs an output and hands it to OnOutput.
func (c *RetrainController) tell(o retrain.Output) {
	switch o := o.(type) {
	case *retrain.Decision:
		c.config.Log.WithLevel(levelOf(o.Action)).Str("model", o.Model).Str("action", string(o.Action)).Str("reason", string(o.Reason)).
			Str("decision_id", o.DecisionID).Msg(o.Explanation)
	case *retrain.Result:
		level := zerolog.InfoLevel
		if o.State != retrain.ResultSucceeded {
			level = zerolog.WarnLevel
		}
		c.config.Log.WithLevel(level).Str("model", o.Model).Str("command_id", o.CommandID).Str("state", string(o.State)).
			Any("new_version", o.NewVersion).Any("error_code", o.ErrorCode).Any("error_message", o.ErrorMessage).Msg("a training has ended")
	}
	if c.config.OnOutput == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			c.config.Log.Error().Err(panicked("OnOutput", p)).Msg("what was decided stands, but was not told")
		}
	}()
	c.config.OnOutput(o)
}

// levelOf is the mission's: none debug, soft info, full warn.
func levelOf(action retrain.RetrainAction) zerolog.Level {
	switch action {
	case retrain.FullRetrain:
		return zerolog.WarnLevel
	case retrain.SoftRetrain:
		return zerolog.InfoLevel
	}
	return zerolog.DebugLevel
}

// launch starts as many of the waiting trainings as there is room for.
func (c *RetrainController) launch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) > 0 && len(c.running) < c.config.Trainings {
		cmd := c.waiting[0]
		c.waiting = c.waiting[1:]
		ctx, cancel := context.WithCancelCause(c.ctx)
		c.running[cmd.CommandID] = cancel
		go c.train(ctx, cmd)
	}
	c.rest()
}

// rest says that it has stopped, if so. mu is held.
func (c *RetrainController) rest() {
	if c.stopping && len(c.waiting) == 0 && len(c.running) == 0 {
		select {
		case <-c.idle:
		default:
			close(c.idle)
		}
	}
}

// train is a command's goroutine: started, trained, registered, ended. A trainer that ends the goroutine (runtime.Goexit) has
// failed.
func (c *RetrainController) train(ctx context.Context, cmd *retrain.Command) {
	var trained *retrain.Trained
	err := fmt.Errorf("%w: the trainer has ended its goroutine", retrain.ErrInternal)
	defer c.leave(cmd)
	defer func() { c.end(ctx, cmd, trained, err) }()
	c.progress(func(at int64) *retrain.Progress { return cmd.Started(c.config.Worker, at) })
	if over := ctx.Err(); over != nil { // its time was up while it waited, or Stop waits no longer
		err = over
		return
	}
	trained, err = c.run(ctx, cmd)
}

// run calls the trainer. A panic is a failure.
func (c *RetrainController) run(ctx context.Context, cmd *retrain.Command) (trained *retrain.Trained, err error) {
	defer func() {
		if p := recover(); p != nil {
			trained, err = nil, panicked("the trainer", p)
		}
	}()
	training := &retrain.Training{Command: cmd, Report: func(r retrain.Report) {
		c.progress(func(at int64) *retrain.Progress { return cmd.Reported(r, c.config.Worker, at) })
	}}
	if cmd.Action == retrain.FullRetrain {
		trained, err = c.config.Trainer.FullRetrain(ctx, training)
	} else {
		trained, err = c.config.Trainer.SoftRetrain(ctx, training)
	}
	return copied(trained), err
}

// end registers what was trained and says how it went. An end after that of the command's time is told all the same: a late
// success is the ledger's to take.
func (c *RetrainController) end(ctx context.Context, cmd *retrain.Command, trained *retrain.Trained, err error) {
	if err == nil && trained != nil && c.config.Registry != nil {
		trained, err = c.register(ctx, cmd, trained)
	}
	if err != nil && errors.Is(context.Cause(ctx), errStopped) {
		err = &retrain.TrainingError{Code: "stopped", Message: fmt.Sprintf("%v: %v", errStopped, err), Retryable: true}
	}
	c.progress(func(at int64) *retrain.Progress { return cmd.Ended(trained, err, c.config.Worker, at) })
}

// leave makes room for the next training.
func (c *RetrainController) leave(cmd *retrain.Command) {
	c.mu.Lock()
	c.running[cmd.CommandID](nil)
	delete(c.running, cmd.CommandID)
	c.mu.Unlock()
	c.launch()
}

// progress enters a training's progress into the ledger, if a record could carry it.
func (c *RetrainController) progress(said func(at int64) *retrain.Progress) {
	_, err := c.step(func(l *ledger) (out []retrain.Output, err error) {
		at := l.moment()
		p := said(at)
		if bad := p.Check(); bad != nil {
			return nil, bad
		}
		return l.step(at, p, nil), nil
	})
	if err != nil {
		c.config.Log.Error().Err(err).Msg("what a trainer says of its command cannot be taken")
	}
}

// Stop refuses events, begins no training for what is decided from here on, and waits for those that wait or run. When ctx ends
// first they are cancelled, those that wait are given up, and it waits for the others to return; the error says how many there
// were. It may be called again.
func (c *RetrainController) Stop(ctx context.Context) error {
	c.mu.Lock()
	c.stopping = true
	c.rest()
	c.mu.Unlock()
	select {
	case <-c.idle:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	waiting, running := len(c.waiting), len(c.running)
	c.waiting = nil
	c.rest()
	c.mu.Unlock()
	c.cancel(errStopped)
	<-c.idle
	if waiting+running == 0 {
		return nil
	}
	return fmt.Errorf("%d trainings were cancelled and %d not begun: %w", running, waiting, context.Cause(ctx))
}
