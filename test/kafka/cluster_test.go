//go:build kafka

package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const top = "../.." // of the repository

// patience is within what a whole test takes where others keep the machine busy; nothing is measured by it.
const patience = 20 * time.Minute

// startOne has one cluster start at a time: each finds its ports free, and the first downloads Apache Kafka where it is missing.
var startOne sync.Mutex

// firstPorts are those of clusters of this process: brokers from one on, controllers 1000 further.
var firstPorts = map[int]bool{}

// freePorts begins ports for a cluster's brokers and controllers that no other cluster of this process has.
func freePorts(random *rand.Rand) int {
	for {
		port := 20_000 + 2000*random.IntN(5) + 10*random.IntN(100)
		if !firstPorts[port] {
			firstPorts[port] = true
			return port
		}
	}
}

// drawn starts a program on ports that start draws, with others where another process has them.
func drawn(start func() (said string, err error)) (said string, err error) {
	for range 6 {
		if said, err = start(); err == nil || !strings.Contains(said, "is taken by another process") {
			break
		}
	}
	return said, err
}

// cluster is a running Apache Kafka.
type cluster struct {
	t       testing.TB
	dir     string
	env     []string
	nodes   int
	brokers string
	client  *kgo.Client
}

// startCluster starts brokers on ports of their own; they end with the test.
func startCluster(t testing.TB, nodes int, random *rand.Rand) *cluster {
	t.Helper()
	return startClusterWith(t, nodes, random, nil)
}

// startClusterWith is startCluster with more properties of the brokers, where they listen on ports from port on.
func startClusterWith(t testing.TB, nodes int, random *rand.Rand, extra func(port int) string) *cluster {
	t.Helper()
	startOne.Lock()
	defer startOne.Unlock()
	c := &cluster{t: t, nodes: nodes}
	out, err := drawn(func() (string, error) {
		dir, err := os.MkdirTemp("", "kafka-")
		if err != nil {
			t.Fatal(err)
		}
		port := freePorts(random)
		c.dir = dir
		file := ""
		if extra != nil {
			file = filepath.Join(dir, "extra.properties")
			if err := os.WriteFile(file, []byte(extra(port)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.env = append(os.Environ(), "KAFKA_DIR="+dir, "KAFKA_PORT="+strconv.Itoa(port), "KAFKA_NODES="+strconv.Itoa(nodes), "KAFKA_EXTRA="+file)
		began := time.Now()
		out, err := c.script("start")
		if err != nil {
			_, _ = c.script("clean")
			return out, err
		}
		_, c.brokers, _ = strings.Cut(strings.TrimSpace(out), "KAFKA_BROKERS=")
		t.Logf("Apache Kafka, %d brokers at %s after %.1f s", nodes, c.brokers, time.Since(began).Seconds())
		return out, nil
	})
	if err != nil {
		t.Fatalf("kafka-local start: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := c.script("clean"); err != nil {
			t.Errorf("kafka-local clean: %v\n%s", err, out)
		}
	})
	if c.client, err = kgo.NewClient(c.seeds(), kgo.DialTimeout(time.Second), kgo.RequestTimeoutOverhead(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	return c
}

// seeds are its brokers, for a client of their own.
func (c *cluster) seeds() kgo.Opt { return kgo.SeedBrokers(strings.Split(c.brokers, ",")...) }

func (c *cluster) script(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(top, "tools/kafka/kafka-local"), args...)
	cmd.Env = c.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// signal goes to a broker's process at once: kafka-local itself would take as long as a whole transaction does.
func (c *cluster) signal(node int32, s syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(c.dir, strconv.Itoa(int(node)), "pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, s)
}

// coordinators are the brokers that coordinate transactional ids.
func (c *cluster) coordinators(ctx context.Context, ids []string) (map[string]int32, error) {
	return c.coordinatorsOf(ctx, 1, ids)
}

// coordinatorsOf are those of groups (kind 0) or transactional ids (kind 1).
func (c *cluster) coordinatorsOf(ctx context.Context, kind int8, ids []string) (map[string]int32, error) {
	nodes := map[string]int32{}
	for len(nodes) < len(ids) {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType, req.CoordinatorKeys = kind, ids
		res, err := req.RequestWith(ctx, c.client)
		if err != nil {
			return nil, err
		}
		for _, x := range res.Coordinators {
			if err := kerr.ErrorForCode(x.ErrorCode); err == nil {
				nodes[x.Key] = x.NodeID
			} else if !kerr.IsRetriable(err) {
				return nil, err
			}
		}
		if len(nodes) < len(ids) {
			if err := wait(ctx, 100*time.Millisecond); err != nil {
				return nil, fmt.Errorf("coordinators of %d of %d ids: %w", len(nodes), len(ids), err)
			}
		}
	}
	return nodes, nil
}

// open are those of the transactional ids that have a transaction open at this moment.
func (c *cluster) open(ctx context.Context, ids []string) ([]string, error) {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = ids
	res, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, s := range res.TransactionStates {
		if s.State == "Ongoing" {
			open = append(open, s.TransactionalID)
		}
	}
	return open, nil
}

// assigned is what the coordinator of the app's group says of its members: the partitions of each, by instance id; of those only whose
// heartbeat it takes under the generation.
func (c *cluster) assigned(ctx context.Context, generation int32) map[string]string {
	c.t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{"retrain"}
	res, err := req.RequestWith(ctx, c.client)
	if err != nil || len(res.Groups) != 1 || res.Groups[0].ErrorCode != 0 {
		c.t.Fatalf("describing the group: %v, %+v", err, res)
	}
	all := map[string]string{}
	for _, m := range res.Groups[0].Members {
		beat := kmsg.NewPtrHeartbeatRequest()
		beat.Group, beat.Generation, beat.MemberID, beat.InstanceID = "retrain", generation, m.MemberID, m.InstanceID
		answer, err := beat.RequestWith(ctx, c.client)
		if err != nil {
			c.t.Fatal(err)
		}
		var a kmsg.ConsumerMemberAssignment
		if err := a.ReadFrom(m.MemberAssignment); err != nil || m.InstanceID == nil {
			c.t.Fatalf("member %s, instance %v: %v", m.MemberID, m.InstanceID, err)
		}
		if answer.ErrorCode == 0 {
			all[*m.InstanceID] = fmt.Sprint(a.Topics)
		}
	}
	return all
}

// wait passes real time: a broker's and a process's own deadlines are what is waited for.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until waits for a condition.
func until(ctx context.Context, t testing.TB, what string, good func() bool) {
	t.Helper()
	if !comes(ctx, good) {
		t.Fatalf("waiting until %s: not within ten minutes", what)
	}
}

// comes tells whether a condition comes true in time.
func comes(ctx context.Context, good func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // on two busy cores it takes seconds
	defer cancel()
	for !good() {
		if wait(ctx, 30*time.Millisecond) != nil {
			return false
		}
	}
	return true
}
