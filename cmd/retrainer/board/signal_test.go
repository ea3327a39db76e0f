package board

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

// withoutSignal wants the pages of the story with all on them but the signal, and why that is missing.
func (s *served) withoutSignal(why string) {
	s.t.Helper()
	for _, url := range []string{"/model?name=m0", "/decision?offset=0"} {
		s.shows(url, http.StatusOK, "m0 lost 0.16 mAP", "limit: below -0.05", why)
		if _, body := s.get(s.t, url); strings.Contains(body, "cluster") || strings.Contains(body, "<svg") {
			s.t.Errorf("%s: there is more:\n%s", url, body)
		}
	}
}

func TestATopicThatIsGoneCostsAPageItsSignalAlone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	s.shows("/model?name=m0", http.StatusOK, "5 values of mAP_change")
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.TopicNames = []string{"events"}
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = new("events")
	remove.Topics = append(remove.Topics, topic)
	if res, err := remove.RequestWith(context.Background(), s.client); err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatal(res, err)
	}
	clear(s.signals.drawn) // what was read before
	s.withoutSignal(gone)
	if _, ok := s.signals.known("events"); !ok {
		t.Error("the next alert of this topic waits for it again")
	}
}

func TestAnEventThatCannotBeReadCostsAPageItsSignalAlone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	s.signals.cfg.Written = func(context.Context, *record.Record) (*schemas.Schema, []byte, error) {
		return nil, nil, errors.New("no registry")
	}
	s.withoutSignal(garbled)
}

func TestWhoeverWaitsForASignalIsToldSo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	<-s.signals.turn // another reads
	s.withoutSignal(busy)
	s.signals.turn <- struct{}{}
	s.shows("/model?name=m0", http.StatusOK, "5 values of mAP_change") // that one had to wait is not remembered
}

func TestASignalIsReadForAWhileOnly(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.story()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	s.signals.cfg.Written = func(ctx context.Context, _ *record.Record) (*schemas.Schema, []byte, error) {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}
	e := &retrain.Evidence{Topic: "events", Partition: 2, Offset: 4}
	if points, missing := s.signals.of(ctx, e); len(points) > 0 || missing != late {
		t.Errorf("%d values; %s", len(points), missing)
	}
}

func TestTheSignalThatWasReadFirstMakesRoomAlone(t *testing.T) {
	s := offline().signals
	now := time.Now()
	for i := range mostDrawn + 1 {
		s.keep(fmt.Sprint(i), drawn{read: now.Add(time.Duration(i-mostDrawn) * time.Second), until: now.Add(time.Hour)})
	}
	if _, ok := s.known("0"); ok || len(s.drawn) != mostDrawn {
		t.Errorf("%d are kept, the first: %v", len(s.drawn), ok)
	}
}

func TestAPageSaysThatItDoesNotDrawEverySignal(t *testing.T) {
	t.Parallel()
	s := serve(t)
	evidence := slices.Repeat([]retrain.Evidence{{AlertID: "a", Model: new("m0"), On: retrain.OnPerformance, Action: retrain.SoftRetrain, Field: "mAP_change", Topic: "events"}}, plotsOnAPage+2)
	m := &retrain.Model{Name: "m0", Phase: retrain.PhaseTraining, Action: retrain.SoftRetrain, Reason: retrain.ReasonAlert, Alerts: evidence}
	d := &retrain.Decision{Model: "m0", Action: retrain.SoftRetrain, Reason: retrain.ReasonAlert, Evidence: evidence}
	s.write("models", 0, value(t, handlers.ModelCodec, m))
	s.write("decisions", 0, value(t, handlers.DecisionCodec, d))
	s.shows("/model?name=m0", http.StatusOK, "6 alerts count for it now; the first 4 are shown, the decision has the rest.")
	s.shows("/decision?offset=0", http.StatusOK, "The signals of the first 4:")
	m.Alerts, d.Evidence = evidence[:plotsOnAPage], evidence[:plotsOnAPage]
	s.write("models", 0, value(t, handlers.ModelCodec, m))
	s.write("decisions", 0, value(t, handlers.DecisionCodec, d))
	s.kept.state.ended = time.Time{}
	s.shows("/model?name=m0", http.StatusOK, "4 alerts count for it now.")
	if _, body := s.get(t, "/decision?offset=1"); strings.Contains(body, "of the first") || strings.Count(body, `class="alert"`) != plotsOnAPage {
		t.Error(body)
	}
}

func TestWhoeverWaitsForTheListIsNotToldThatTheClusterIsAway(t *testing.T) {
	t.Parallel()
	b := offline()
	<-b.kept.turn // another reads
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := &visit{gone: func() bool { return false }, ctx: ctx}
	if err := b.kept.look(ctx, func() {}); err == nil || v.withoutCluster(err) || strings.Contains(b.problem(err).What, "cluster") {
		t.Error(err)
	}
}
