//go:build kafka

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// size is how much chaos there is.
type size struct{ events, kills, stops int }

func (s size) acts() int { return s.kills + s.stops }

// hits counts kills by what they hit: a task in that state, at its death. A running task counts only while events come in.
type hits map[string]int

const open = "with a transaction open"

var mustHit = []string{fencing, loading, replaying, running, open}

// Two instances fold events while they are killed and stopped at random moments and at aimed ones, and now and then one of them
// starts again with a new policy; then the judge compares all that is committed with its own fold. RETRAINER_CHAOS=full is the
// run that the project stands by, RETRAINER_CHAOS_SEED repeats one's plan.
func TestChaosIsExactlyOnce(t *testing.T) {
	three, one, least := size{60_000, 12, 3}, size{50_000, 6, 2}, 1
	if os.Getenv("RETRAINER_CHAOS") == "full" {
		three, one, least = size{1_000_000, 50, 10}, size{1_000_000, 30, 6}, 8
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RETRAINER_CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("RETRAINER_CHAOS_SEED: %v", err)
		}
	}
	t.Logf("RETRAINER_CHAOS_SEED=%d", seed)
	sum := hits{}
	for _, c := range []struct {
		name  string
		nodes int
		size  size
	}{{"three brokers", 3, three}, {"one broker", 1, one}} {
		t.Run(c.name, func(t *testing.T) {
			r := newChaos(t, c.nodes, c.size, rand.New(rand.NewPCG(seed, uint64(c.nodes))))
			r.run()
			for k, n := range r.hits {
				sum[k] += n
			}
		})
	}
	t.Logf("kills that hit a task, over both: %v", sum)
	for _, state := range mustHit {
		if sum[state] < least {
			t.Errorf("%d kills hit a task %s; at least %d are wanted", sum[state], state, least)
		}
	}
}

// chaos is one run on one cluster.
type chaos struct {
	*app
	size     size
	random   *rand.Rand
	load     *load
	hits     hits
	done     map[string]int // kills and stops that hit something, idle ones, aims that were missed
	strikes  int
	deployed int // the greatest revision
	began    time.Time
}

func newChaos(t *testing.T, nodes int, s size, random *rand.Rand) *chaos {
	t.Helper()
	r := &chaos{app: newApp(t, nodes, random, revision(t, 1)), deployed: 1, size: s, random: random, hits: hits{}, done: map[string]int{}}
	r.add("a", "--instance-id", "a") // a static member
	r.add("b")                       // and a dynamic one
	r.load = newLoad(t, r.c, s.events)
	r.spread(10 * time.Second)
	return r
}

func (r *chaos) run() {
	r.began = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Minute)
	defer cancel()
	playing, curtain := context.WithCancel(ctx)
	defer curtain()
	r.load.wg.Go(func() { r.load.events(ctx, r.size.events/4) })
	r.load.wg.Go(func() { r.load.trainers(playing, r.c) })
	for _, i := range r.all {
		i.start(nil)
	}
	r.settle(ctx, "both instances run", isReady)
	for acting := time.Now(); r.done["kills"] < r.size.kills || r.done["stops"] < r.size.stops; {
		if ctx.Err() != nil || r.t.Failed() {
			break
		}
		r.spread(time.Since(acting))
		r.strike(ctx)
	}
	r.t.Logf("%v after %s, with %d of %d events written; hits: %v", r.done, time.Since(r.began).Round(time.Second), r.load.sent.Load(), r.load.all(), r.hits)
	r.load.pace.Store(0)
	r.settle(ctx, "all events are written and folded", func(ready readiness) bool {
		return isIdle(ready) && r.load.sent.Load() == int64(r.load.all())
	})
	curtain()
	r.load.wg.Wait()
	if err := r.load.client.Flush(ctx); err != nil {
		r.t.Error(err)
	}
	if err := r.load.failed.Load(); err != nil {
		r.t.Errorf("the load: %v", *err)
	}
	r.end(ctx)
	r.t.Logf("%d commands; partitions loaded %d times; whole run %s", r.load.commands.Load(), r.all[0].loads+r.all[1].loads, time.Since(r.began).Round(time.Second))
	policies, switches := r.judgeSwitches()
	if policies < 3 || switches < 2*partitions {
		r.t.Errorf("%d policies, of %d deployed, were active, and partitions of events switched %d times; at least 3 and %d are wanted", policies, r.deployed, switches, 2*partitions)
	}
}

// spread sets the pace of the events so that they last as long as the acts that are left, by the time that those took so far.
func (r *chaos) spread(took time.Duration) {
	done := r.done["kills"] + r.done["stops"]
	each := max(took, 10*time.Second) / time.Duration(max(1, done))
	left := int64(r.size.events) - r.load.sent.Load()
	seconds := int64(each*time.Duration(r.size.acts()-done+1)/time.Second) + 1
	r.load.pace.Store(max(1, left/seconds))
}

// strike is one act of chaos, or two: a kill at a random moment, and one aimed at the life that follows it.
func (r *chaos) strike(ctx context.Context) {
	i := r.all[r.random.IntN(len(r.all))]
	if r.strikes++; r.strikes%2 == 0 { // an older revision than the other's may wait for its start
		r.deployed++
		r.deploy(i.name, revision(r.t, r.deployed))
	}
	if r.random.IntN(2) == 0 {
		r.settle(ctx, "all tasks run", isReady)
	}
	if r.done["stops"] < r.size.stops && r.random.IntN(r.size.kills+r.size.stops) < 2*r.size.stops || r.done["kills"] >= r.size.kills {
		r.stop(ctx, i)
		return
	}
	r.pause(ctx, 3*time.Second)
	if aim := []string{fencing, loading, replaying, open, open}[r.done["aimed"]%5]; aim == open {
		r.aimAtCommit(ctx, i)
	} else {
		r.kill(ctx, i, "at a random moment")
		if r.random.IntN(3) == 0 {
			_ = wait(ctx, 7*time.Second) // long enough for the other to take over
		}
		r.aimAtStart(ctx, i, aim)
	}
	r.pause(ctx, 2*time.Second)
	if !i.alive() {
		i.start(nil)
	}
}

func (r *chaos) pause(ctx context.Context, most time.Duration) {
	_ = wait(ctx, time.Duration(r.random.Int64N(int64(most))))
}

// kill counts what it hits: the states at its death, and whether the coordinators know an open transaction of its tasks.
func (r *chaos) kill(ctx context.Context, i *instance, why string) {
	r.count(ctx, i, i.kill(), why)
}

// count says whether it hit anything: a kill of an idle process is none.
func (r *chaos) count(ctx context.Context, i *instance, states map[string]string, why string) {
	var ids []string
	for task := range states {
		ids = append(ids, transactional(task))
	}
	slices.Sort(ids)
	found := map[string]bool{}
	if len(ids) > 0 {
		hanging, err := r.c.open(ctx, ids)
		if err != nil {
			r.t.Logf("%s: which transactions are open is not known: %v", i.name, err)
		}
		if len(hanging) > 0 {
			found[open] = true
		}
	}
	for _, s := range states {
		if s == committing {
			s = running // whether its transaction was still open, the coordinator said
		}
		if s != running || r.load.sent.Load() < int64(r.load.all()) {
			found[s] = true
		}
	}
	for s := range found {
		r.hits[s]++
	}
	if len(found) == 0 {
		r.done["idle"]++
	} else {
		r.done["kills"]++
	}
	r.t.Logf("%5.1f s: %s killed %s: %d tasks, %v", time.Since(r.began).Seconds(), i.name, why, len(states), slices.Sorted(maps.Keys(found)))
}

// aimAtStart starts an instance and kills it when a task of it says that it is in the state; a fence is held by stopping
// the broker that coordinates it.
func (r *chaos) aimAtStart(ctx context.Context, i *instance, state string) {
	r.done["aimed"]++
	coordinators := map[string]int32{}
	if state == fencing {
		var ids []string
		for p := range partitions {
			ids = append(ids, fmt.Sprintf("retrain.monitoring.performance.%d", p))
		}
		var err error
		if coordinators, err = r.c.coordinators(ctx, ids); err != nil {
			r.t.Error(err)
			return
		}
	}
	r.shoot(ctx, i, "while "+state, func(aim func(task, state string)) { i.start(aim) }, state, coordinators)
}

// aimAtCommit kills a running instance when a task of it begins to commit; every second time its coordinator's broker is
// stopped first, so that the transaction stays open for sure.
func (r *chaos) aimAtCommit(ctx context.Context, i *instance) {
	r.done["aimed"]++
	coordinators := map[string]int32{}
	if r.done["aimed"]%2 == 0 {
		var ids []string
		for task := range i.states() {
			ids = append(ids, transactional(task))
		}
		if len(ids) > 0 {
			var err error
			if coordinators, err = r.c.coordinators(ctx, ids); err != nil {
				r.t.Error(err)
				return
			}
		}
	}
	r.shoot(ctx, i, "in a commit", i.setAim, committing, coordinators)
}

var errMissed = errors.New("no task came into the state")

// shoot waits for a log line with the state and kills at once, from the goroutine that reads the log.
func (r *chaos) shoot(ctx context.Context, i *instance, why string, arm func(func(task, state string)), state string, coordinators map[string]int32) {
	hit := make(chan int32, 1)
	var once sync.Once
	arm(func(task, now string) {
		if now != state {
			return
		}
		node, held := coordinators[transactional(task)]
		if len(coordinators) > 0 && !held {
			return
		}
		once.Do(func() {
			if held {
				_ = r.c.signal(node, syscall.SIGSTOP) // a broker that cannot be stopped is seen when it is resumed
			} else {
				_ = i.signal(syscall.SIGKILL) // and so is a process
			}
			hit <- node
		})
	})
	select {
	case node := <-hit:
		if node != 0 {
			_ = wait(ctx, 100*time.Millisecond)
		}
		states := i.kill()
		if node != 0 {
			if err := r.c.signal(node, syscall.SIGCONT); err != nil {
				r.t.Error(err)
			}
			why += ", its coordinator held"
		}
		r.count(ctx, i, states, why)
	case <-time.After(20 * time.Second):
		i.setAim(nil)
		r.done["missed"]++
		r.t.Logf("%s: %v %s", i.name, errMissed, why)
	case <-ctx.Done():
	}
}

// stop holds a process until others have taken over, then lets it wake: nothing of it may be committed any more.
func (r *chaos) stop(ctx context.Context, i *instance) {
	if r.random.IntN(2) == 0 { // aimed
		hit := make(chan struct{})
		var once sync.Once
		i.setAim(func(_, state string) {
			if state == committing {
				once.Do(func() { _ = i.signal(syscall.SIGSTOP); close(hit) }) // sent again below, where an error is seen
			}
		})
		select {
		case <-hit:
		case <-time.After(20 * time.Second):
		}
		i.setAim(nil)
	} else {
		r.pause(ctx, 2*time.Second)
	}
	if err := i.signal(syscall.SIGSTOP); err != nil {
		r.t.Error(err)
		return
	}
	states := i.states()
	if len(states) > 0 {
		r.done["stops"]++
	}
	r.t.Logf("%5.1f s: %s stopped with %d tasks, %v", time.Since(r.began).Seconds(), i.name, len(states), slices.Compact(slices.Sorted(maps.Values(states))))
	_ = wait(ctx, 8*time.Second+time.Duration(r.random.Int64N(int64(4*time.Second)))) // the session is 6 s, a transaction 10 s
	if err := i.signal(syscall.SIGCONT); err != nil {
		r.t.Error(err)
	}
}
