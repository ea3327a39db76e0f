package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/retrain/worker"
	"github.com/visutility/retrainer/schemas"
)

// trainer is a process of `retrainer worker`: it takes the commands of an app, one at a time, and trains each by a program.
type trainer struct {
	*configuration
	exec, group, dir string
	modalities       []string // those that it takes; none: all
	sessionTimeout   time.Duration

	name     string // of this worker, in progress and results
	log      zerolog.Logger
	program  *worker.Program
	client   *consumer.Client
	appender *consumer.Appender
	ids      schemas.IDs // of what is written, in a schema registry
	bar      *bar
}

func workerCommand(c *configuration) *cobra.Command {
	t := &trainer{configuration: c, sessionTimeout: 10 * time.Second}
	cmd := command(c, "worker", "Train the commands by a program, one at a time", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if err := t.checkTrainer(); err != nil {
			return err
		}
		t.bar = newBar(cmd.ErrOrStderr())
		t.log = c.logTo(t.bar)
		return t.run(cmd)
	})
	f := cmd.Flags()
	f.StringVar(&t.exec, "exec", "", "the training `PROGRAM` with its arguments, like \"python train.py\"; it must be given")
	f.StringVar(&t.group, "group", "", "consumer `GROUP` of the workers that share the commands; by default APP.workers, and with --modality APP.workers.MODALITY")
	f.StringSliceVar(&t.modalities, "modality", nil, "`MODALITY` of the commands to take, several by comma; all by default. Workers with another choice do not share with these: what both take is trained twice")
	f.StringVar(&t.dir, "dir", "retrainer-work", "`DIR` that gets a directory for each command: a command that was trained there is never trained again")
	c.wireFlag(f)
	f.DurationVar(&t.sessionTimeout, "session-timeout", t.sessionTimeout, "how long this worker may be silent before others take over, at least 6s")
	return cmd
}

// checkTrainer looks at the settings that only a worker has.
func (t *trainer) checkTrainer() error {
	switch {
	case strings.TrimSpace(t.exec) == "":
		return usage("--exec is missing: the program that trains, like --exec \"python train.py\"")
	case t.dir == "":
		return usage("--dir is empty: a directory is needed, or a training would be repeated after a crash")
	case slices.Contains(t.modalities, ""):
		return usage("--modality has an empty name in its list; without the flag commands of all modalities are taken")
	}
	if err := checkSession(t.sessionTimeout); err != nil {
		return err
	}
	slices.Sort(t.modalities)
	t.modalities = slices.Compact(t.modalities)
	if t.group == "" {
		t.group = strings.Join(append([]string{t.app, "workers"}, t.modalities...), ".")
	}
	return nil
}

// run trains until the command is told to stop. A training under way is then given up, and taken up again by whoever comes next.
func (t *trainer) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	t.name = workerName()
	if t.program, err = worker.New(worker.Config{Exec: t.exec, Dir: t.dir, Encode: handlers.CommandCodec.JSON, Log: t.log}); err != nil {
		return usage("%v", err)
	}
	if t.client, err = t.connect(cmd); err != nil {
		return err
	}
	defer t.client.Close()
	if err := t.client.NeedTopics(ctx, t.names().commands(), t.names().progress()); err != nil {
		return err
	}
	if t.ids, err = t.schemaIDs(ctx, t.names().progress()); err != nil {
		return err
	}
	t.appender = t.client.NewAppender()
	q, err := consumer.NewQueue(consumer.QueueConfig{
		Client: consumer.ClientConfig{Brokers: t.brokers, ClientID: t.name, Access: t.access(), Log: t.log, Waiting: t.wait.tell},
		Group:  t.group, Kind: strings.Join(t.modalities, ","), Topic: t.names().commands(), SessionTimeout: t.sessionTimeout, Work: t.take,
	})
	if err != nil {
		return err
	}
	t.log.Info().Str("worker", t.name).Str("group", t.group).Strs("modalities", t.modalities).Str("exec", t.exec).Str("dir", t.dir).Msg("waiting for commands")
	if err := q.Run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// workerName says in results who trained.
func workerName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "worker"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// take does what a command asks for, and reports its end; nil: the command needs no more attention. After a kill at any line of it the
// command comes again: what stands in its directory and in the progress topic says how far it came.
func (t *trainer) take(ctx context.Context, r *record.Record) error {
	c := new(retrain.Command)
	err := t.plain(ctx, r)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = readValue(handlers.CommandCodec, r, c)
	}
	if err != nil {
		t.log.Error().Err(err).Msg("left alone: no command")
		return nil
	}
	log := t.log.With().Str("command_id", c.CommandID).Str("model", c.Model).Logger()
	if why := t.declines(c); why != "" {
		log.Info().Msg("left alone: " + why)
		return nil
	}
	lasting, cancel := outlast(ctx, reportPatience) // from here on, for the training itself may take the most of it
	defer cancel()
	trained, failure, finished := t.program.Finished(c.CommandID)
	if !finished && t.tooLate(c) { // asked first: a new group meets all that the topic keeps
		log.Warn().Str("start_by", timeText(c.StartBy)).Msg("left alone: it had to be started by then")
		return nil
	}
	reported, err := t.reported(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case reported == retrain.Succeeded || reported == retrain.Failed && (!finished || failure != nil):
		log.Info().Msg("left alone: its end is reported already")
		return nil
	case finished:
		log.Info().Msg("trained before; its end is reported now")
	default:
		if failure = t.start(ctx, c); failure == nil {
			trained, failure = t.train(ctx, c)
		}
		if stopped := new(unreported); errors.As(failure, &stopped) || ctx.Err() != nil && errors.Is(failure, ctx.Err()) {
			log.Warn().Msg("training given up; whoever takes the command next trains it")
			return failure
		}
	}
	end := c.Ended(trained, failure, t.name, time.Now().UnixMilli())
	told(&log, end)
	return t.report(lasting, end)
}

// unreported is that progress could not be written, which says nothing of the training.
type unreported struct{ error }

func (u *unreported) Unwrap() error { return u.error }

// start is for a command that has no end yet. That it is begun stands in its directory before anybody is told.
func (t *trainer) start(ctx context.Context, c *retrain.Command) error {
	if _, err := t.program.Begin(c); err != nil {
		return err
	}
	if err := t.report(ctx, c.Started(t.name, time.Now().UnixMilli())); err != nil {
		return &unreported{err}
	}
	return nil
}

// declines says why this worker never takes a command; "": it does.
func (t *trainer) declines(c *retrain.Command) string {
	switch {
	case c.Kind != retrain.KindTrain:
		return fmt.Sprintf("this worker knows no commands of kind %q", c.Kind)
	case c.Claim != retrain.ClaimNone:
		return fmt.Sprintf("it must be claimed first (%q), which this worker cannot", c.Claim)
	case len(t.modalities) > 0 && !slices.Contains(t.modalities, c.Modality):
		return fmt.Sprintf("its modality is %q, and --modality has %s", c.Modality, strings.Join(t.modalities, ","))
	}
	return ""
}

// tooLate tells whether nobody waits for the command any more. One that this directory has begun is finished while there is time.
func (t *trainer) tooLate(c *retrain.Command) bool {
	begun, ok := t.program.Begun(c.CommandID)
	if !ok {
		return time.Now().After(time.UnixMilli(c.StartBy))
	}
	limit, limited := worker.Deadline(c, begun)
	return limited && time.Now().After(limit)
}

// told logs how a training ended.
func told(log *zerolog.Logger, end *retrain.Progress) {
	if end.Kind == retrain.Succeeded {
		e := log.Info()
		if len(end.Metrics) > 0 {
			e.Any("metrics", end.Metrics)
		}
		if len(end.BestParams) > 0 {
			e.Any("best_params", end.BestParams)
		}
		if end.NewVersion != nil {
			e.Str("new_version", *end.NewVersion)
		}
		e.Msg("trained")
		return
	}
	log.Error().Str("error_code", *end.ErrorCode).Str("error", *end.ErrorMessage).Bool("retryable", *end.Retryable).Msg("the training failed")
}
