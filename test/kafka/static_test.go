//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// generations are those that living instances say they are in, by name.
func (a *app) generations() map[string]int32 {
	a.t.Helper()
	in := map[string]int32{}
	for _, i := range a.all {
		if i.alive() {
			r, err := i.readiness()
			if err != nil {
				a.t.Fatal(err)
			}
			in[i.name] = r.Generation
		}
	}
	return in
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

// staticSession is within what a start takes on a busy machine as well.
const staticSession = 12 * time.Second

// Static members are killed, restarted in place or not, rolled under load, joined by another; partitions are added; an instance id is
// given twice; a topic is made anew. On three brokers and on one.
func TestStaticMembersAreRestartedInPlaceOrReplaced(test *testing.T) {
	for _, c := range []struct {
		name   string
		nodes  int
		policy func(t testing.TB) string
		steps  []func(*app, context.Context)
	}{
		{"three brokers", 3, func(t testing.TB) string { return revision(t, 1) }, []func(*app, context.Context){(*app).underLoad}},
		{"one broker", 1, func(testing.TB) string { return "defaults: {train: {start_by: 1h}}\n" }, []func(*app, context.Context){(*app).restartInPlace,
			(*app).losesOne, (*app).rollsOverNewPartitions, (*app).sameID, (*app).end, func(a *app, _ context.Context) { a.judge() }, (*app).madeAnew}},
	} {
		test.Run(c.name, func(test *testing.T) {
			test.Parallel()
			t := tell(test)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			a := newApp(t, c.nodes, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), c.policy(t))
			for _, name := range []string{"a", "b", "c"} {
				a.add(name, "--instance-id", name, "--session-timeout", fmt.Sprint(staticSession)).start(nil)
			}
			a.settle(ctx, "all instances run", isReady)
			for _, step := range c.steps {
				step(a, ctx)
			}
		})
	}
}

// underLoad: each is stopped and started again in place, one after the other; then one is lost for good, and another added. What is
// committed is right all the same.
func (a *app) underLoad(ctx context.Context) {
	a.t.Helper()
	l := newLoad(a.t, a.c, 12_000)
	l.pace.Store(200)
	l.wg.Go(func() { l.events(ctx, 0) })
	began := time.Now()
	for _, i := range a.all {
		a.inPlace(ctx, i, i.stop)
	}
	a.t.Logf("rolled three static members in place in %.1f s, %d events written meanwhile", time.Since(began).Seconds(), l.sent.Load())
	lost := time.Now()
	a.all[1].kill()
	a.settle(ctx, "the others have all partitions", isReady)
	a.t.Logf("killed and not restarted: peers run after %.1f s, of which the session is %v", time.Since(lost).Seconds(), staticSession)
	a.add("d", "--instance-id", "d").start(nil)
	a.settle(ctx, "another runs in its place", isReady)
	l.pace.Store(0)
	l.wg.Wait()
	if err := l.client.Flush(ctx); err != nil {
		a.t.Error(err)
	}
	if err := l.failed.Load(); err != nil {
		a.t.Errorf("the load: %v", *err)
	}
	a.end(ctx)
	a.judge()
}

// inPlace ends a member and starts it again in its place: the group's coordinator must know the generation and the assignment of
// before. (A task may load again for another reason: on a busy machine an answer comes too late.) There a start may even take longer
// than the session: then it is done again.
func (a *app) inPlace(ctx context.Context, i *instance, end func()) {
	a.t.Helper()
	for try := 1; ; try++ {
		generation, began := a.generations()["a"], time.Now()
		before := a.c.assigned(ctx, generation)
		if len(before) != 3 {
			a.t.Fatalf("the coordinator knows %v in generation %d; want three members", before, generation)
		}
		end()
		i.start(nil)
		a.settle(ctx, i.name+" is back", isReady)
		after := a.c.assigned(ctx, generation)
		if maps.Equal(before, after) {
			return
		}
		said := fmt.Sprintf("%s was restarted in place: in generation %d the coordinator knew %v, then %v", i.name, generation, before, after)
		if took := time.Since(began); took < staticSession || try == 3 {
			a.t.Errorf("%s, after %v", said, took)
			return
		}
		a.t.Log(said)
	}
}

// restartInPlace: peers keep their partitions and the generation.
func (a *app) restartInPlace(ctx context.Context) {
	a.t.Helper()
	b, killed := a.all[1], time.Now()
	a.inPlace(ctx, b, func() { b.kill() })
	a.t.Logf("killed and restarted in place: all run after %.1f s, in the same generation", time.Since(killed).Seconds())
	a.decides("in-place", 5, 5)
}

// losesOne: its peers decide in its place when its session is over, and it comes back.
func (a *app) losesOne(ctx context.Context) {
	a.t.Helper()
	killed := time.Now()
	a.all[1].kill()
	a.decides("lost", 5, 10)
	a.settle(ctx, "the others have all partitions", isReady)
	a.t.Logf("killed and not restarted: peers have decided and run after %.1f s, of which the session is %v", time.Since(killed).Seconds(), staticSession)
	a.all[1].start(nil)
	a.settle(ctx, "b is back", isReady)
}

// rollsOverNewPartitions: partitions that were added are shared out though each member finds its old assignment, once, and those
// that have no checkpoint partition yet wait alone, until they have one.
func (a *app) rollsOverNewPartitions(ctx context.Context) {
	a.t.Helper()
	before, began := a.generations(), time.Now()
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
	most := int32(4) // a rebalance for the partition, one for the member; twice as many where they meet
	if time.Since(began) > staticSession {
		most += 2 * int32(len(before)) // on a busy machine each may have been away for too long: then it is out, and comes back
	}
	command(a.t, a.program, "topics", "apply", "--brokers", a.c.brokers)
	a.settle(ctx, "the new partition runs", isReady)
	a.add("d", "--instance-id", "d").start(nil)
	a.settle(ctx, "a fourth member runs", isReady)
	if after := a.generations(); after["a"] > before["a"]+most {
		a.t.Errorf("generations %v, then %v; at most %d later was expected", before, after, most)
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
