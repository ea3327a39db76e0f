package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/embedded"
	"github.com/visutility/retrainer/consumer"
)

func devCommand(c *configuration) *cobra.Command {
	s := newService(c)
	var listen, data string
	cmd := command(c, "dev", "Run the whole service with a broker of its own, for trying it out", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if err := s.checkService(); err != nil {
			return err
		}
		s.log = c.log(cmd)
		if _, err := s.proposal(); err != nil { // before anything is made
			return err
		}
		broker, err := embedded.Start(listen, data, s.log)
		if err != nil {
			return &consumer.SetupError{Message: err.Error()}
		}
		defer broker.Close()
		c.brokers, c.embedded = []string{broker.Address()}, true
		s.log.Info().Str("broker", broker.Address()).Str("data", data).Msg("listening")
		ctx, stop := broker.While(cmd.Context())
		defer stop()
		if err = s.makeTopics(ctx); err == nil {
			err = s.run(ctx)
		}
		if failed := broker.Failure(); failed != nil {
			return fmt.Errorf("%w; what is decided by now stands there, and the next start goes on with it once there is room", failed)
		}
		return err
	})
	f := cmd.Flags()
	s.sharedFlags(f)
	f.StringVar(&listen, "listen", "127.0.0.1:9092", "`HOST:PORT` of the broker")
	f.StringVar(&data, "data", "./retrainer-data", "`FOLDER` of the broker's data; a later start goes on with it, after a kill as well")
	return cmd
}

// makeTopics makes on the embedded broker what is missing there.
func (s *service) makeTopics(ctx context.Context) error {
	client, err := consumer.Connect(consumer.ClientConfig{Brokers: s.brokers, ClientID: s.app, Log: s.log})
	if err != nil {
		return err
	}
	defer client.Close()
	_, changes, err := compare(ctx, client, s.wishes(true))
	if err != nil {
		return err
	}
	if err := s.make(ctx, client, changes, 1); err != nil {
		return fmt.Errorf("embedded broker: %w", err)
	}
	return nil
}
