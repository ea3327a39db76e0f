//go:build kafka

package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An unclean election may take the marker of a checkpoint's last transaction and nothing else: to the partition's leader that
// transaction is open for ever, to its coordinator it has ended. Here the marker is cut out of the log of a stopped broker.
func TestMarkerThatWasCutOffIsClosedByTheNextOwner(test *testing.T) {
	test.Parallel()
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), "defaults: {cooldown: 2s}\n")
	i := a.add("a")
	i.start(nil)
	a.settle(ctx, "it runs", isReady)
	now := time.Now()
	a.produce("monitoring.performance", drop("object_detection/v5.4", "e1", now))
	a.tail("retrain.commands", 1)
	at := a.tail("monitoring.performance", 1)[0]
	a.end(ctx)

	for _, act := range []string{"stop", "start"} {
		if act == "start" {
			a.cutMarker(fmt.Sprintf("retrain.checkpoint.monitoring.performance-%d", at.Partition))
		}
		if out, err := a.c.script(act); err != nil {
			t.Fatalf("kafka-local %s: %v\n%s", act, err, out)
		}
	}
	i.start(nil)
	a.settle(ctx, "it runs again", isReady)
	log, err := os.ReadFile(i.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "the checkpoint partition cannot be read to its end"); n != 1 {
		t.Errorf("the loss was said %d times; want one sentence", n)
	}
	a.produce("monitoring.performance", drop("object_detection/v5.4", "e1", now), drop("marker/v1", "e2", now))
	if last := a.tail("retrain.decisions", 2)[1]; last.Key != "marker" {
		t.Errorf("the same event again led to %+v", last)
	}
	a.end(ctx)
	a.judge()
}

// cutMarker takes the last batch, which must be a transaction's marker, out of a partition's log, and has the broker build
// what it knows of producers anew.
func (a *app) cutMarker(partition string) {
	a.t.Helper()
	data := filepath.Join(a.c.dir, "1", "data")
	segments, err := filepath.Glob(filepath.Join(data, partition, "*.log"))
	if err != nil || len(segments) != 1 {
		a.t.Fatalf("segments of %s: %v, %v", partition, segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		a.t.Fatal(err)
	}
	// A batch: base offset (8), length of the rest (4), leader epoch (4), magic (1), CRC (4), attributes (2): bit 5 is control.
	last := 0
	for at := 0; at+23 <= len(text) && binary.BigEndian.Uint32(text[at+8:]) > 0; at += 12 + int(binary.BigEndian.Uint32(text[at+8:])) {
		last = at
	}
	if binary.BigEndian.Uint16(text[last+21:])&0x20 == 0 {
		a.t.Fatalf("the last batch of %s is no marker", partition)
	}
	if err := os.Truncate(segments[0], int64(last)); err != nil {
		a.t.Fatal(err)
	}
	for _, pattern := range []string{partition + "/*.index", partition + "/*.timeindex", partition + "/*.txnindex", partition + "/*.snapshot", ".kafka_cleanshutdown"} {
		files, err := filepath.Glob(filepath.Join(data, pattern))
		if err != nil {
			a.t.Fatal(err)
		}
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				a.t.Fatal(err)
			}
		}
	}
}
