//go:build kafka

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"
)

// aimAtStart starts an instance and kills it when a task of it says that it is in the state; a fence is held by stopping
// the broker that coordinates it.
func (r *chaos) aimAtStart(ctx context.Context, i *instance, state string) {
	why, coordinators := "while "+state, map[string]int32{}
	if state == fencing {
		var ids []string
		for p := range partitions {
			ids = append(ids, fmt.Sprintf("retrain.monitoring.performance.%d", p))
		}
		var err error
		if coordinators, err = r.c.coordinators(ctx, ids); err != nil {
			r.missed(i, why, err)
			return
		}
	}
	r.shoot(ctx, i, why, func(aim func(task, state string)) { i.start(aim) }, state, coordinators)
}

// aimAtCommit kills a running instance when a task of it begins to commit; every second time its coordinator's broker is
// stopped first, so that the transaction stays open for sure.
func (r *chaos) aimAtCommit(ctx context.Context, i *instance) {
	why, coordinators := "in a commit", map[string]int32{}
	if r.random.IntN(2) == 0 {
		var ids []string
		for task := range i.states() {
			ids = append(ids, transactional(task))
		}
		if len(ids) > 0 {
			var err error
			if coordinators, err = r.c.coordinators(ctx, ids); err != nil {
				r.missed(i, why, err)
				return
			}
		}
	}
	r.shoot(ctx, i, why, i.setAim, committing, coordinators)
}

var errMissed = errors.New("no task came into the state")

// missed is an aim that came to nothing; another will be taken.
func (r *chaos) missed(i *instance, why string, err error) {
	r.done["missed"]++
	r.t.Logf("%5.1f s: %s not killed %s: %v", time.Since(r.began).Seconds(), i.name, why, err)
}

// shot is fired once, by the goroutine that reads a log, or given up: then it is never fired.
type shot struct {
	once sync.Once
	hit  chan int32 // the broker that was stopped, 0: none
}

func newShot() *shot { return &shot{hit: make(chan int32, 1)} }

func (s *shot) fire(act func() (node int32)) { s.once.Do(func() { s.hit <- act() }) }

// wait says whether it was fired.
func (s *shot) wait(ctx context.Context) (node int32, fired bool) {
	select {
	case node = <-s.hit:
		return node, true
	case <-time.After(30 * time.Second): // a group forms anew within about 10 s
	case <-ctx.Done():
	}
	s.once.Do(func() { close(s.hit) })
	node, fired = <-s.hit
	return node, fired
}

// shoot waits for a log line with the state and kills at once, from the goroutine that reads the log.
func (r *chaos) shoot(ctx context.Context, i *instance, why string, arm func(func(task, state string)), state string, coordinators map[string]int32) {
	s := newShot()
	arm(func(task, now string) {
		node, held := coordinators[transactional(task)]
		if now != state || len(coordinators) > 0 && !held {
			return
		}
		s.fire(func() int32 {
			if held {
				_ = r.c.signal(node, syscall.SIGSTOP) // a broker that cannot be stopped is seen when it is resumed
			} else {
				_ = i.signal(syscall.SIGKILL) // and so is a process
			}
			return node
		})
	})
	node, fired := s.wait(ctx)
	if !fired {
		i.setAim(nil)
		r.missed(i, why, errMissed)
		return
	}
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
}

// stop holds a process until others have taken over, then lets it wake: nothing of it may be committed any more.
func (r *chaos) stop(ctx context.Context, i *instance) {
	if r.random.IntN(2) == 0 { // aimed
		s := newShot()
		i.setAim(func(_, state string) {
			if state == committing {
				s.fire(func() int32 { _ = i.signal(syscall.SIGSTOP); return 0 }) // sent again below, where an error is seen
			}
		})
		s.wait(ctx)
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
