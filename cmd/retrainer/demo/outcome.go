package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/retrain"
)

// end waits for the last decisions, compares all that stands in the topics with what must, has the program verify its ledger, and shows it.
func (s *story) end(ctx context.Context) error {
	if err := s.seen.until(ctx, "the last decisions", func(p *published) bool {
		return !slices.ContainsFunc(slices.Collect(maps.Keys(s.expected)), func(m string) bool { return len(p.decisionsOn(m)) < len(s.expected[m]) })
	}); err != nil {
		return err
	}
	stands, err := s.read(ctx)
	if err != nil {
		return err
	}
	if err := s.compare(stands); err != nil {
		return err
	}
	verify, err := start(s.Program, s.Dir, "verify", "verify", "--brokers", s.Broker)
	if err != nil {
		return err
	}
	if <-verify.done; verify.err != nil {
		return fmt.Errorf("verify: %w: %s", verify.err, verify.lastWords())
	}
	s.teller.chapter("What stands in the topics")
	s.teller.table(s.models(stands))
	s.teller.table(refusals(stands))
	s.teller.table(letters(stands))
	s.teller.good("%d events, %d commands, each exactly once; compared with what the story says, and by `retrainer verify`.", s.stage.written, len(stands.commands))
	s.teller.title("\nHow to go on:")
	for _, way := range [][2]string{
		{s.Called + " demo --stay", "this story again, and it stays: look at it in a browser, ask it with status, explain and tail"},
		{s.Called + " dev", "the same broker and service for you to play with; README.md has the first event"},
		{"docs/start.md", "your own Kafka: ten minutes to the first event and the first training"},
	} {
		s.teller.print(fmt.Sprintf("  %-*s  %s", len(s.Called+" demo --stay"), way[0], way[1]))
	}
	return nil
}

// read reads the topics from their beginning, as any consumer of committed records does.
func (s *story) read(ctx context.Context) (*published, error) {
	p := &published{}
	for _, topic := range s.Topics.published() {
		r, err := s.seen.client.NewReader(ctx, consumer.ReaderConfig{Topic: topic, ToEnd: true})
		if err != nil {
			return nil, err
		}
		for err == nil {
			rec, failed := r.Next(ctx)
			if err = failed; err == nil {
				err = p.add(&s.Topics, rec)
			}
		}
		if r.Close(); !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return p, nil
}

// compare says what does not stand there as it must.
func (s *story) compare(p *published) error {
	var wrong []string
	found := map[string][]turn{}
	for _, d := range p.decisions {
		found[d.Model] = append(found[d.Model], turn{d.Action, d.Reason})
	}
	for name, want := range s.expected {
		if !slices.Equal(found[name], want) {
			wrong = append(wrong, fmt.Sprintf("decisions on %s: %v, not %v", name, found[name], want))
		}
		delete(found, name)
	}
	for name, all := range found {
		wrong = append(wrong, fmt.Sprintf("decisions on %s, of which there should be none: %v", name, all))
	}
	wrong = append(wrong, p.unpaired()...)
	if len(p.letters) != s.poisoned {
		wrong = append(wrong, fmt.Sprintf("%d dead letters, not %d", len(p.letters), s.poisoned))
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("what stands in the topics is not what must: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// unpaired are the decisions, commands and results that do not belong to each other one to one.
func (p *published) unpaired() (wrong []string) {
	commands, results := map[string]int{}, map[string]int{}
	for _, c := range p.commands {
		commands[c.CommandID]++
	}
	for _, r := range p.results {
		results[r.CommandID]++
	}
	decided := 0
	for _, d := range p.decisions {
		if d.CommandID == nil {
			continue
		}
		decided++
		if n := commands[*d.CommandID]; n != 1 {
			wrong = append(wrong, fmt.Sprintf("command %s stands there %d times", *d.CommandID, n))
		}
		if n := results[*d.CommandID]; n != 1 {
			wrong = append(wrong, fmt.Sprintf("command %s has %d results", *d.CommandID, n))
		}
	}
	if decided != len(p.commands) || decided != len(p.results) {
		wrong = append(wrong, fmt.Sprintf("%d decisions to act, %d commands, %d results", decided, len(p.commands), len(p.results)))
	}
	return wrong
}

// models is a row for each model.
func (s *story) models(p *published) [][]string {
	rows := [][]string{{"MODEL", "COMMANDS", "RESULTS", "VERSION", "LAST DECISION"}}
	for _, m := range append([]model{s.cast.hard, s.cast.slow, s.cast.passing, s.cast.refused, s.cast.failing}, s.cast.cameras...) {
		var commands, results []string
		version, last := m.version, "none was needed"
		for _, c := range p.commandsFor(m.name) {
			commands = append(commands, string(c.Action))
			r := p.endOf(c.CommandID)
			results = append(results, string(r.State))
			if r.NewVersion != nil {
				version = *r.NewVersion
			}
		}
		versions := m.version
		if version != m.version {
			versions += " -> " + version
		}
		if all := p.decisionsOn(m.name); len(all) > 0 {
			last = fmt.Sprintf("%s, %s", all[len(all)-1].Action, all[len(all)-1].Reason)
		}
		rows = append(rows, []string{m.name, orDash(commands), orDash(results), versions, last})
	}
	return rows
}

func orDash(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

// refusals is a row for each decision to do nothing although something counted.
func refusals(p *published) [][]string {
	rows := [][]string{{"REFUSED", "ALERTS", "WHY", "UNTIL", "THEN"}}
	for _, d := range p.decisions {
		if d.Action != retrain.NoAction || d.Reason == retrain.ReasonQuiet {
			continue
		}
		then := "-"
		for _, later := range p.decisionsOn(d.Model) {
			if later.DecisionNumber == d.DecisionNumber+1 {
				then = fmt.Sprintf("%s, %s", later.Action, later.Reason)
			}
		}
		until := "-"
		if d.Until != nil {
			until = time.UnixMilli(*d.Until).UTC().Format(time.TimeOnly) + " UTC"
		}
		rows = append(rows, []string{d.Model, strconv.Itoa(len(d.Evidence)), string(d.Reason), until, then})
	}
	return rows
}

func letters(p *published) [][]string {
	rows := [][]string{{"DEAD LETTER", "REASON"}}
	for _, l := range p.letters {
		rows = append(rows, []string{l.place, l.reason})
	}
	return rows
}

// table prints rows below their head.
func (t *teller) table(rows [][]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes everything
	head, rest, _ := strings.Cut(strings.TrimSuffix(b.String(), "\n"), "\n")
	t.print(t.strong("%s", head) + "\n" + rest + "\n")
}

// stays says where what was played can be asked.
func (s *story) stays() {
	s.teller.title("\nEverything stays until ^C:")
	s.teller.print("  " + s.Called + " status --brokers " + s.Broker)
	s.teller.print("  " + s.Called + " explain model " + s.cast.refused.name + " --brokers " + s.Broker)
	s.teller.print("  http://" + s.stage.http + "/ in a browser: the models, each decision with its evidence; also /readyz and /metrics")
}
