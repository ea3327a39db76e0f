package embedded

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A folder in whose place stands a file cannot be written to, as on a full disk.
func TestABrokerThatCannotWriteEndsAndNothingIsCommitted(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"decided", "partitions"} { // ours, and kfake's
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			b := start(t, data)
			ctx, stop := b.While(t.Context())
			defer stop()
			wreck := func() {
				if err := os.Rename(filepath.Join(data, folder), filepath.Join(data, "away")); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(data, folder), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if folder == "partitions" {
				wreck()
			}
			c := connect(t, b, kgo.TransactionalID("app.in.0"))
			if err := c.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			err := c.ProduceSync(ctx, &kgo.Record{Topic: "one", Value: []byte("lost")}).FirstErr()
			if folder == "decided" {
				wreck()
				err = c.EndTransaction(ctx, kgo.TryCommit)
			}
			if cause := context.Cause(ctx); err == nil || cause == nil || cause != b.Failure() || !strings.HasPrefix(cause.Error(), "the embedded broker cannot write to its data folder: ") {
				t.Errorf("%v; %v", err, cause)
			}
			c.Close()
			if err := os.Remove(filepath.Join(data, folder)); err != nil {
				t.Fatal(err)
			}
			_ = os.Rename(filepath.Join(data, "away"), filepath.Join(data, folder)) // it was made with the first partition
			b.Close()
			b = start(t, data)
			defer b.Close()
			if got := committed(t, b); strings.Contains(got, "lost") {
				t.Errorf("%q", got)
			}
		})
	}
}
