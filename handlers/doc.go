// Package handlers folds the records of each input topic: bytes in, bytes out, one file a topic. It knows how records are
// framed and encoded, and which topic takes what; it must not know Kafka's protocol, clocks, files or goroutines. What
// happens between decoding and encoding is retrain's.
package handlers

import "github.com/visutility/retrainer/schemas"

// Settings are what the configuration says to handlers.
type Settings struct {
	App           string // app id: every topic that is written begins with it
	MaxEventBytes int    // a greater value of an event is refused as oversized; 0: 1 MiB

	Registry bool            // values in Confluent's framing are read, by schemas that *record.Needs asks for
	Bare     *schemas.Schema // of events, whose values are bare Avro; nil: they are framed

	// SchemaIDs are the ids in a schema registry of what is published, by topic: it is then written in Confluent's framing. A topic
	// that is not in it, and the ledger, which needs no registry to be read, get single-object encoding.
	SchemaIDs schemas.IDs
}

func (s *Settings) maxEventBytes() int {
	if s.MaxEventBytes == 0 {
		return 1 << 20
	}
	return s.MaxEventBytes
}

// The topics that are written, behind the app id.
const (
	ledgerTopic    = ".ledger"
	commandsTopic  = ".commands"
	decisionsTopic = ".decisions"
	resultsTopic   = ".results"
	modelsTopic    = ".models"
	policyTopic    = ".policy"
)
