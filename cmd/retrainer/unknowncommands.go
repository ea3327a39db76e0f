package main

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
)

// between is how often it is said that trainers speak of commands that are not known: one with a wrong id may say so for ever.
const between = time.Minute

// unknownCommands is the ledger's handler, and says what that one only counts: progress that belongs to no command.
type unknownCommands struct {
	*handlers.Ledger
	log  zerolog.Logger
	show string // command that shows the ledger, but for the offset
	now  func() time.Time
	told int // of those counted
	at   time.Time
}

func (h *unknownCommands) Fold(r *record.Record, out []record.Output) ([]record.Output, error) {
	before := h.Counts().ProgressUnknown
	out, err := h.Ledger.Fold(r, out)
	n := h.Counts().ProgressUnknown
	if n == before {
		return out, err
	}
	if now := h.now(); h.told == 0 || now.Sub(h.at) >= between {
		h.log.Warn().Int("records", n-h.told).Int64("offset", r.Offset).Msgf("progress that belongs to no command changed nothing: its command_id is wrong or another app's, "+
			"or its command is long over; `%s --from %d --count 1` shows the last", h.show, r.Offset)
		h.told, h.at = n, now
	}
	return out, err
}
