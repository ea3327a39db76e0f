package main

import (
	"github.com/spf13/cobra"
)

func serveCommand(c *configuration) *cobra.Command {
	s := newService(c)
	cmd := command(c, "serve", "Run the service against a Kafka cluster", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if err := s.checkService(); err != nil {
			return err
		}
		s.log = c.log(cmd)
		c.warnExposed(&s.log)
		return s.run(cmd.Context())
	})
	f := cmd.Flags()
	s.sharedFlags(f)
	f.StringVar(&s.instanceID, "instance-id", "", "`NAME` of a static member: restarted in time it finds its partitions again; empty: a dynamic member")
	f.DurationVar(&s.sessionTimeout, "session-timeout", s.sessionTimeout, "how long a member may be silent before others take over, at least 6s")
	f.Var(&s.start, "start", "where event topics begin that were never read: earliest, latest, or a time (RFC 3339)")
	c.wireFlag(f)
	tunerFlag(f, &s.tuner)
	f.DurationVar(&s.checkpointInterval, "checkpoint-interval", s.checkpointInterval, "how often what changed is written to the checkpoint topics")
	f.Var(&s.maxEventBytes, "max-event-bytes", "the largest event that is taken, like 512KiB")
	return cmd
}
