package retrain

import (
	"errors"
	"strings"
	"testing"
)

// says is an observer that always says the same.
type says struct {
	action RetrainAction
	err    error
	told   int
}

func (s *says) OnEvent(MetricEvent) (RetrainAction, error) {
	s.told++
	return s.action, s.err
}

type panics struct{}

func (panics) OnEvent(MetricEvent) (RetrainAction, error) { panic("no such thing") }
func (panics) String() string                             { return "the one that panics" }

func TestDispatchGivesTheMostSevereAction(t *testing.T) {
	all := []RetrainAction{NoAction, SoftRetrain, FullRetrain}
	for i, a := range all {
		for j, b := range all {
			o := NewObservable()
			o.Subscribe(&says{action: a})
			o.Subscribe(&says{action: b})
			if got, err := o.Dispatch(PerformanceDrop{}); got != all[max(i, j)] || err != nil {
				t.Errorf("%s and %s: %s, %v", a, b, got, err)
			}
		}
	}
	if got, err := NewObservable().Dispatch(DataDrift{}); got != NoAction || err != nil {
		t.Errorf("nobody: %s, %v", got, err)
	}
}

func TestAnObserversErrorIsKeptFromTheOthersAndToldBesideTheAction(t *testing.T) {
	lost, first, last := errors.New("connection lost"), &says{action: SoftRetrain}, &says{action: NoAction}
	o := NewObservable()
	for _, x := range []Observer{first, &says{action: FullRetrain, err: lost}, panics{}, &says{action: "rebuild"}, last} {
		o.Subscribe(x)
	}
	for range 3 {
		action, err := o.Dispatch(PerformanceDrop{})
		if action != SoftRetrain {
			t.Errorf("an observer that failed was heard: %s", action)
		}
		for _, want := range []string{"observer 2 (*retrain.says): connection lost", "observer 3 (the one that panics): internal: panic: no such thing", `observer 4 (*retrain.says): internal: it asks for "rebuild"`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %v", want, err)
			}
		}
		var of *ObserverError
		if !errors.Is(err, lost) || !errors.Is(err, ErrInternal) || !errors.As(err, &of) {
			t.Errorf("the errors cannot be told apart: %v", err)
		}
	}
	if first.told != 3 || last.told != 3 {
		t.Errorf("told %d and %d times, expected 3", first.told, last.told)
	}
	failures := o.Failures()
	if len(failures) != 3 || failures[0].Failures != 3 || failures[0].Err != lost || !strings.HasPrefix(failures[1].Observer, "observer 3") {
		t.Errorf("recorded: %v", failures)
	}
	if list := o.Observers(); len(list) != 5 || list[0] != Observer(first) {
		t.Errorf("observers: %v", list)
	}
}
