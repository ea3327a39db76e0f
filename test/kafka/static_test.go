//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// generations are those that living instances say they are in, by name, and how often each has loaded a partition.
func (a *app) generations() (in map[string]int32, loads map[string]int) {
	a.t.Helper()
	in, loads = map[string]int32{}, map[string]int{}
	for _, i := range a.all {
		if i.alive() {
			r, err := i.readiness()
			if err != nil {
				a.t.Fatal(err)
			}
			i.mu.Lock()
			in[i.name], loads[i.name] = r.Generation, i.loads
			i.mu.Unlock()
		}
	}
	return in, loads
}

// decides writes a drop for each of n models and waits until there are as many commands.
func (a *app) decides(prefix string, n, commands int) {
	a.t.Helper()
	var lines []string
	for m := range n {
		lines = append(lines, drop(fmt.Sprintf("%s-%d/v1", prefix, m), fmt.Sprint(prefix, m), time.Now()))
	}
	a.produce("monitoring.performance", lines...)
	if got := a.tail("retrain.commands", commands); len(got) != commands {
		a.t.Errorf("%d commands after %s; want %d", len(got), prefix, commands)
	}
}

// Static members are killed, restarted in place or not, rolled, joined by another; partitions are added; an instance id is given
// twice; a topic is made anew.
func TestStaticMembers(test *testing.T) {
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), "defaults: {train: {start_by: 1h}}\n")
	for _, name := range []string{"a", "b", "c"} {
		a.add(name, "--instance-id", name).start(nil)
	}
	a.settle(ctx, "all instances run", isReady)
	a.restartInPlace(ctx)
	a.losesOne(ctx)
	a.rollsOverNewPartitions(ctx)
	a.sameID(ctx)
	a.end(ctx)
	a.judge()
	a.madeAnew(ctx)
}

// restartInPlace: peers keep their partitions and the generation.
func (a *app) restartInPlace(ctx context.Context) {
	a.t.Helper()
	before, loaded := a.generations()
	b := a.all[1]
	killed := time.Now()
	b.kill()
	b.start(nil)
	a.settle(ctx, "b is back", isReady)
	after, again := a.generations()
	if after["a"] != before["a"] || after["b"] != before["b"] || again["a"] != loaded["a"] || again["c"] != loaded["c"] {
		a.t.Errorf("a member was killed and restarted in place: generations %v, then %v; partitions loaded %v, then %v", before, after, loaded, again)
	}
	a.t.Logf("killed and restarted in place: all run after %.1f s, in generation %d still", time.Since(killed).Seconds(), after["a"])
	a.decides("in-place", 5, 5)
}

// losesOne: its peers decide in its place when its session is over, and it comes back.
func (a *app) losesOne(ctx context.Context) {
	a.t.Helper()
	killed := time.Now()
	a.all[1].kill()
	a.decides("lost", 5, 10)
	a.settle(ctx, "the others have all partitions", isReady)
	a.t.Logf("killed and not restarted: peers have decided and run after %.1f s, of which the session is 6", time.Since(killed).Seconds())
	a.all[1].start(nil)
	a.settle(ctx, "b is back", isReady)
}

// rollsOverNewPartitions: partitions that were added are shared out though each member finds its old assignment, once, and those
// that have no checkpoint partition yet wait alone, until they have one.
func (a *app) rollsOverNewPartitions(ctx context.Context) {
	a.t.Helper()
	before, _ := a.generations()
	for _, i := range a.all {
		i.stop()
	}
	a.c.widen(ctx, "monitoring.performance", partitions+1)
	for _, i := range a.all {
		i.start(nil)
	}
	a.more = 1
	a.settle(ctx, "the new partition waits for its checkpoint", func(ready readiness) bool {
		for _, t := range ready.Tasks {
			waits := t.State != running && strings.Contains(t.Why, "`retrainer topics apply` adds the missing ones")
			if t.Topic == "monitoring.performance" && t.Partition == partitions && !waits || t.Partition < partitions && t.State != running {
				return false
			}
		}
		return len(ready.Tasks) > 0
	})
	command(a.t, a.program, "topics", "apply", "--brokers", a.c.brokers)
	a.settle(ctx, "the new partition runs", isReady)
	a.add("d", "--instance-id", "d").start(nil)
	a.settle(ctx, "a fourth member runs", isReady)
	if after, _ := a.generations(); after["a"] > before["a"]+4 { // a rebalance for the partition, one for the member; twice as many where they meet
		a.t.Errorf("generations %v, then %v", before, after)
	}
	a.decides("new", 5, 15)
}

// sameID: the process that has the id given twice for longer ends, with a sentence and exit 1, and the others go on.
func (a *app) sameID(ctx context.Context) {
	a.t.Helper()
	older := a.all[3]
	older.expect("another process joined the group with the same instance id: give each instance its own --instance-id")
	younger := a.add("d2", "--instance-id", "d")
	younger.start(nil)
	if code := older.gone(); code != 1 {
		a.t.Errorf("exit %d of the older process of two with one instance id; want 1", code)
	}
	a.settle(ctx, "the younger one has taken its place", isReady)
}

// madeAnew: the new topic is refused with a sentence, and what that says mends it.
func (a *app) madeAnew(ctx context.Context) {
	a.t.Helper()
	const topic = "monitoring.performance"
	a.c.remove(ctx, topic)
	a.c.create(ctx, topic, partitions)
	args := append([]string{}, a.all[0].args...)
	refused, err := exec.CommandContext(ctx, a.program, args...).CombinedOutput()
	const sentence = "stop all instances, delete retrain.checkpoint." + topic + ", run `retrainer topics apply` and start again"
	if err == nil || !strings.Contains(string(refused), sentence) {
		a.t.Errorf("serve with a topic made anew: %v, and no sentence %q in %s", err, sentence, refused)
	}
	a.c.remove(ctx, "retrain.checkpoint."+topic)
	command(a.t, a.program, "topics", "apply", "--brokers", a.c.brokers)
	a.more = 0
	a.all[0].start(nil)
	a.settle(ctx, "it runs with the new topic", isReady)
	a.decides("anew", 2, 17)
	a.all[0].expect(sentence) // the same while it runs
	a.c.remove(ctx, topic)
	a.c.create(ctx, topic, partitions)
	if code := a.all[0].gone(); code != 1 {
		a.t.Errorf("exit %d of a process whose topic was made anew; want 1", code)
	}
	if log, err := os.ReadFile(a.all[0].log.Name()); err != nil || strings.Count(string(log), "is lost: the state is built again") > 0 {
		a.t.Errorf("%v; a checkpoint was taken for lost", err)
	}
}
