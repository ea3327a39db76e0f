package consumer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer/record"
)

// Config is all that a Consumer is told. Zero values of the tunables mean the default beside them.
type Config struct {
	App     string   // group id, and the first part of every transactional id; required
	Brokers []string // host:port to begin with; required
	Inputs  []Input  // what is read; required

	Revisions   string     // compacted topic of one partition: key = revision in decimal; needed if an Input is Versioned
	OnRevision  OnRevision // sees each revision as it is read; nil: nobody looks
	DeadLetters string     // topic for records that cannot be used; "": such a record stops the process

	// Resolve finds the text of a schema that a record.Supplied handler needs, within seconds. Its *RefusedError makes the
	// record a dead letter, after its Patience; any other error is a registry that is away: the partition waits. It is asked
	// once at a time for a schema, again and again. nil: no handler needs any.
	Resolve func(ctx context.Context, schema string) (string, error)

	InstanceID     string        // group.instance.id: a static member; "": a dynamic one
	SessionTimeout time.Duration // 10s; the broker's floor is usually 6s
	From           From          // where a Versioned input begins that nobody has read; zero: its earliest record

	CheckpointInterval time.Duration // 30s between checkpoints of what changed
	CheckpointRecords  int64         // 500,000 records, whichever comes first
	OffsetInterval     time.Duration // 5s until the offset of a quiet partition is committed
	MetadataInterval   time.Duration // 30s between looks for new partitions
	MaxWait            time.Duration // 500ms that the broker may hold an empty fetch
	MaxPartitionBytes  int32         // 1 MiB of one partition in one fetch; a larger single batch still comes through
	MaxBatchBytes      int           // 64 MiB, bound of one batch after decompression

	// Client is an open client of the cluster, which Run goes on with and leaves open: what it knows and its connections are as
	// good for Run. nil: Run makes one of its own, by Brokers, Access and Dial.
	Client *Client

	Access
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP
	Now  func() time.Time                                                     // nil: time.Now; for back-off, intervals and the ticker only
	Log  zerolog.Logger

	Watcher Watcher // is told of commits, drops and replays; nil: nobody is

	// Writer is random bytes of this process. It stands in every position, so that a position tells whose it is.
	Writer [16]byte
}

// OnRevision sees a revision before any task folds by it, and gives what they fold by: the revision itself, or its value in another
// form. An error ends Run with it.
type OnRevision func(ctx context.Context, r record.Revision) (record.Revision, error)

// Input is one topic to read and how.
type Input struct {
	Topic      string
	Checkpoint string                // compacted topic with as many partitions as Topic
	New        func() record.Handler // a fresh handler, called once for every life of a task
	Versioned  bool                  // waits for, and folds by, Config.Revisions; its handlers are record.Versioned
	Tick       []byte                // value appended to the partition when a record.Timed handler's deadline is reached
	EachCommit bool                  // every commit writes the changed keys (a small state that decides things)
	OnPanic    PanicPolicy           // what happens when Fold panics
	Outputs    []string              // topics that its handlers write to: a transaction that a broker forgot is closed in them too
}

// PanicPolicy says what a panic while folding a record does.
type PanicPolicy int

const (
	PanicDeadLetter PanicPolicy = iota // recover; when the record comes again it becomes a dead letter
	PanicStop                          // the process ends: better silence than a wrong decision
)

func (c *Config) validate() error {
	switch {
	case c.App == "":
		return errors.New("consumer: App is empty: it names the group and the transactional ids")
	case len(c.Brokers) == 0:
		return errors.New("consumer: no brokers given: at least one host:port is needed")
	case len(c.Inputs) == 0:
		return errors.New("consumer: no inputs given")
	}
	seen := map[string]bool{}
	for _, in := range c.Inputs {
		switch {
		case in.Topic == "" || in.Checkpoint == "" || in.New == nil:
			return fmt.Errorf("consumer: input %q needs a topic, a checkpoint topic and New", in.Topic)
		case seen[in.Topic]:
			return fmt.Errorf("consumer: input %q is given twice", in.Topic)
		case in.Versioned && c.Revisions == "":
			return fmt.Errorf("consumer: input %q is Versioned, but Revisions names no topic", in.Topic)
		}
		seen[in.Topic] = true
	}
	return nil
}

func (c *Config) setDefaults() {
	setDefault(&c.SessionTimeout, 10*time.Second)
	setDefault(&c.CheckpointInterval, 30*time.Second)
	setDefault(&c.CheckpointRecords, 500_000)
	setDefault(&c.OffsetInterval, 5*time.Second)
	setDefault(&c.MetadataInterval, 30*time.Second)
	setDefault(&c.MaxWait, 500*time.Millisecond)
	setDefault(&c.MaxPartitionBytes, 1<<20)
	setDefault(&c.MaxBatchBytes, 64<<20)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Watcher == nil {
		c.Watcher = unwatched{}
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
