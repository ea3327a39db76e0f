package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// A trainer with a wrong command_id is told of at once, then at most once a minute, with how often that was.
func TestProgressThatBelongsToNoCommandIsSaidAtABoundedRate(t *testing.T) {
	var log said
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var h record.Handler = &unknownCommands{Ledger: handlers.NewLedger(handlers.Settings{App: "retrain"}), log: zerolog.New(&log), show: "retrainer tail retrain.ledger",
		now: func() time.Time { return now }}
	if _, ok := h.(record.Timed); !ok {
		t.Fatal("it wants no ticks any more")
	}
	offset := int64(0)
	fold := func(value []byte) {
		t.Helper()
		if _, err := h.Fold(&record.Record{Topic: "retrain.ledger", Offset: offset, Time: now.UnixMilli(), Value: value}, nil); err != nil {
			t.Fatal(err)
		}
		offset++
	}
	policy, err := retrain.BuiltIn("")
	if err != nil {
		t.Fatal(err)
	}
	fold(recordOf(t, "Policy", fmt.Sprintf(`{"revision":0,"policy":%q,"ledger_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","author":"ann"}`, base64.StdEncoding.EncodeToString(policy.Canonical()))))
	unknown := recordOf(t, "Progress", `{"command_id":"nobody's","kind":"started","at":0}`)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{0, `"records":1,"offset":1,`}, {time.Second, ""}, {58 * time.Second, ""}, {time.Second, `"records":3,"offset":4,`}, {time.Hour, `"records":1,"offset":5,`},
	} {
		now = now.Add(c.after)
		before := log.String()
		fold(unknown)
		line := strings.TrimPrefix(log.String(), before)
		if !strings.Contains(line, c.want) || (line == "") != (c.want == "") {
			t.Errorf("after %v it says %q; want %q", c.after, line, c.want)
		}
	}
	fold(handlers.TickValue())
	if n := strings.Count(log.String(), "\n"); n != 3 || !strings.Contains(log.String(), "`retrainer tail retrain.ledger --from 5 --count 1` shows the last") {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}
