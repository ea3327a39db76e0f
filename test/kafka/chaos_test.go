//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/visutility/retrainer/internal/trainers"
)

// size is how much chaos there is. Each state must be hit so often; what is lacking behind the acts that were planned is aimed at
// by further ones, at most so many, in at most so long.
type size struct {
	events, kills, stops, each int
	limit                      time.Duration
}

func (s size) acts() int { return s.kills + s.stops }

// most is how many acts there may be until nothing is lacking.
func (s size) most() int { return 5 * s.acts() }

// hits counts kills by what they hit: a task in that state, at its death. A running task counts only while events come in.
type hits map[string]int

const (
	open      = "with a transaction open"
	trainings = "that folds the ledger while trainings run"
)

var mustHit = []string{fencing, loading, replaying, running, open, trainings}

const mustBeActive = 3 // policies

// Two instances fold events while they are killed and stopped at random moments and at aimed ones, and now and then one of them
// starts again with a new policy; then the judge compares all that is committed with its own fold. RETRAINER_CHAOS=full is the
// run that the project stands by, RETRAINER_CHAOS_SEED repeats one's plan.
func TestChaosIsExactlyOnce(test *testing.T) {
	t := tell(test)
	three, one := size{60_000, 12, 3, 1, 40 * time.Minute}, size{50_000, 6, 2, 1, 40 * time.Minute}
	if os.Getenv("RETRAINER_CHAOS") == "full" {
		three, one = size{1_000_000, 50, 10, 4, 50 * time.Minute}, size{1_000_000, 30, 6, 4, 50 * time.Minute}
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RETRAINER_CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("RETRAINER_CHAOS_SEED: %v", err)
		}
	}
	t.Logf("RETRAINER_CHAOS_SEED=%d", seed)
	for _, c := range []struct {
		name  string
		nodes int
		size  size
	}{{"three brokers", 3, three}, {"one broker", 1, one}} {
		t.Run(c.name, func(test *testing.T) {
			test.Parallel()
			newChaos(tell(test), c.nodes, c.size, rand.New(rand.NewPCG(seed, uint64(c.nodes)))).run()
		})
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

func newChaos(t testing.TB, nodes int, s size, random *rand.Rand) *chaos {
	t.Helper()
	r := &chaos{app: newApp(t, nodes, random, patient(revision(t, 1))), deployed: 1, size: s, random: random, hits: hits{}, done: map[string]int{}}
	r.add("a", "--instance-id", "a") // a static member
	r.add("b")                       // and a dynamic one
	r.load = newLoad(t, r.c, s.events)
	r.spread(10 * time.Second)
	return r
}

// patient has one policy wait for trainers longer than the run lasts: after a kill the group forms anew within some ten seconds, and on
// a busy machine much later. By the other most commands expire, and their trainings end late.
func patient(policy string) string {
	return strings.NewReplacer("start_by: 2s", "start_by: 2h", "start_by: 1s", "start_by: 5s").Replace(policy)
}

func (r *chaos) run() {
	r.began = time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	playing, curtain := context.WithCancel(ctx)
	defer curtain()
	r.load.wg.Go(func() { r.load.events(ctx, r.size.events/4) })
	r.load.wg.Go(func() { r.load.trainers(playing, r.c) })
	for _, i := range r.all {
		i.start(nil)
	}
	r.settle(ctx, "both instances run", isReady)
	r.act(ctx)
	r.t.Logf("%d acts in %s, with %d of %d events written: %v; hits: %v", r.strikes, time.Since(r.began).Round(time.Second), r.load.sent.Load(), r.load.all(), r.done, r.hits)
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
	policies, switches := r.judgeSwitches(trainers.Seen...)
	if policies < mustBeActive || switches < 2*partitions {
		r.t.Errorf("%d policies, of %d deployed, were active, and partitions of events switched %d times; at least %d and %d are wanted", policies, r.deployed, switches, mustBeActive, 2*partitions)
	}
}

// act strikes until nothing is lacking. Whether a kill hits what it aims at is a matter of luck, and a slow machine has less of it:
// so the acts go on, within bounds that luck does not reach.
func (r *chaos) act(ctx context.Context) {
	for began := time.Now(); ; {
		lacking := r.lacking()
		if len(lacking) == 0 {
			return
		}
		if r.strikes == r.size.most() || time.Since(began) > r.size.limit {
			r.t.Errorf("still lacking after %d acts (at most %d) in %s (at most %s): %s; done: %v; kills that hit a task: %v", r.strikes, r.size.most(),
				time.Since(began).Round(time.Second), r.size.limit, strings.Join(lacking, ", "), r.done, r.hits)
			return
		}
		r.spread(time.Since(began))
		r.strike(ctx)
	}
}

// lacking is what must be done yet. Topics are looked at when nothing else is lacking.
func (r *chaos) lacking() (all []string) {
	if short := r.size.kills - r.done["kills"]; short > 0 {
		all = append(all, fmt.Sprintf("%d kills", short))
	}
	if short := r.size.stops - r.done["stops"]; short > 0 {
		all = append(all, fmt.Sprintf("%d stops", short))
	}
	for _, state := range mustHit {
		if short := r.size.each - r.hits[state]; short > 0 {
			all = append(all, fmt.Sprintf("%d kills of a task %s", short, state))
		}
	}
	if len(all) == 0 {
		if short := mustBeActive - len(r.tail("retrain.policy", 0)); short > 0 {
			all = append(all, fmt.Sprintf("%d policies that are active", short))
		}
		all = append(all, r.endings()...)
	}
	return all
}

// endings are the ways in which no training has ended yet.
func (r *chaos) endings() (lacking []string) {
	seen := map[string]bool{}
	for _, result := range r.tail("retrain.results", 0) {
		end := fmt.Sprint(result.Value["state"])
		if code := result.Value["error_code"]; end == "expired" {
			end = fmt.Sprint(code)
		}
		if result.Value["late"] == true {
			end += " late"
		}
		seen[end] = true
	}
	for _, end := range []string{"succeeded", "succeeded late", "superseded late", "failed", "unclaimed", "max_runtime"} {
		if !seen[end] {
			lacking = append(lacking, "a training that ends "+end)
		}
	}
	return lacking
}

// planned says whether the acts are still those that were planned: afterwards they are what is lacking.
func (r *chaos) planned() bool {
	return r.done["kills"] < r.size.kills || r.done["stops"] < r.size.stops
}

// spread sets the pace of the events so that they last as long as the acts that are left, by the time that those took so far. How
// many more than planned there will be nobody knows: some events are kept for them.
func (r *chaos) spread(took time.Duration) {
	done := r.done["kills"] + r.done["stops"]
	each := max(took, 10*time.Second) / time.Duration(max(1, done))
	left := int64(r.size.events) - r.load.sent.Load()
	seconds := int64(each*time.Duration(max(4, r.size.acts()-done+1))/time.Second) + 1
	r.load.pace.Store(max(1, left/seconds))
}

// strike is one act of chaos, or two: a kill at a random moment, and one aimed at the life that follows it.
func (r *chaos) strike(ctx context.Context) {
	i := r.all[r.random.IntN(len(r.all))]
	if r.strikes++; r.strikes%2 == 0 || !r.planned() { // an older revision than the other's may wait for its start
		r.deployed++
		r.deploy(i.name, patient(revision(r.t, r.deployed)))
	}
	if r.random.IntN(2) == 0 || !r.planned() { // so that what was deployed before is proposed
		r.settle(ctx, "all tasks run", isReady)
	}
	stops, kills := r.size.stops-r.done["stops"], r.size.kills-r.done["kills"]
	if stops > 0 && (kills <= 0 || r.random.IntN(r.size.acts()) < 2*r.size.stops) {
		r.stop(ctx, i)
		return
	}
	r.pause(ctx, 3*time.Second)
	if aim := r.aim(); aim == open {
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

// aim is what the next kill aims at: each in turn, every second time something that was not hit often enough. Running tasks are
// hit at random moments.
func (r *chaos) aim() string {
	turn := r.done["aimed"]
	r.done["aimed"]++
	all := []string{fencing, loading, replaying, open, open}
	short := slices.DeleteFunc(slices.Clone(all), func(state string) bool { return r.hits[state] >= r.size.each })
	if len(short) > 0 && (turn%2 == 1 || !r.planned()) {
		return short[r.random.IntN(len(short))]
	}
	return all[turn%len(all)]
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
	if s := states["retrain.ledger/0"]; (s == running || s == committing) && r.load.training.Load() > 0 {
		found[trainings] = true
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
