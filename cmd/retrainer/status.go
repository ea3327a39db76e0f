package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
	"github.com/visutility/retrainer/schemas"
)

func statusCommand(c *configuration) *cobra.Command {
	return command(c, "status [MODEL]", "Show the models: what each is doing, why, and until when", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			models, err := c.models(ctx, client)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return c.printModels(cmd.OutOrStdout(), models)
			}
			m, ok := models[args[0]]
			if !ok {
				return fmt.Errorf("no model %s: no alert has concerned one of that name yet%s", args[0], suggestion(args[0], slices.Sorted(maps.Keys(models))))
			}
			if c.json {
				return writeLine(cmd.OutOrStdout(), m.text)
			}
			return m.print(cmd.OutOrStdout())
		})
	})
}

// shown is a value of one of our records with the JSON of its bytes.
type shown[T any] struct {
	value T
	text  []byte
}

// read decodes a record's value.
func (s *shown[T]) read(codec *schemas.Codec[T], r *record.Record) error {
	err := codec.Decode(r.Value, &s.value)
	if err != nil {
		return fmt.Errorf("%s/%d at %d: %w; this topic belongs to the program, other records must be removed", r.Topic, r.Partition, r.Offset, err)
	}
	_, s.text, _ = decode(r.Value) // what the codec takes can be shown
	return nil
}

func writeLine(w io.Writer, text []byte) error {
	_, err := w.Write(append(text, '\n'))
	return err
}

type shownModel struct{ shown[retrain.Model] }

// models are the last words on all models.
func (c *configuration) models(ctx context.Context, client *consumer.Client) (map[string]shownModel, error) {
	codec, models := schemas.MustCodec[retrain.Model]("Model"), map[string]shownModel{}
	err := each(ctx, client, c.names().models(), func(r *record.Record) error {
		if r.Value == nil {
			delete(models, string(r.Key))
			return nil
		}
		var m shownModel
		err := m.read(codec, r)
		models[m.value.Name] = m
		return err
	})
	return models, err
}

func (c *configuration) printModels(out io.Writer, models map[string]shownModel) error {
	if c.json {
		for _, name := range slices.Sorted(maps.Keys(models)) {
			if err := writeLine(out, models[name].text); err != nil {
				return err
			}
		}
		return nil
	}
	if len(models) == 0 {
		_, err := fmt.Fprintln(out, "no models yet: a model exists from the first alert that concerns it")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tLATEST\tPHASE\tACTION\tREASON\tUNTIL\tALERTS")
	for _, name := range slices.Sorted(maps.Keys(models)) {
		m := models[name].value
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", m.Name, orDash(m.Latest), m.Phase, m.Action, m.Reason, orMoment(m.Until), len(m.Alerts))
	}
	return w.Flush()
}

// print shows one model whole.
func (m *shownModel) print(out io.Writer) error {
	v := m.value
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{{"model", v.Name}, {"latest version", orDash(v.Latest)}, {"phase", string(v.Phase)}, {"action", string(v.Action)},
		{"reason", string(v.Reason)}, {"until", orMoment(v.Until)}, {"command", orDash(v.CommandID)}, {"worker", orDash(v.Worker)},
		{"decision", orDash(v.DecisionID)}, {"updated", timeText(v.UpdatedAt)}} {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := printEvidence(out, "alerts that count", v.Alerts); err != nil {
		return err
	}
	if len(v.Versions) == 0 {
		return nil
	}
	fmt.Fprintln(out, "versions")
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, x := range v.Versions {
		fmt.Fprintf(w, "  %s\tfrom %s\tregistered %s\tcommand %s\n", x.Version, orDash(x.Parent), timeText(x.RegisteredAt), orDash(x.CommandID))
	}
	return w.Flush()
}

func orMoment(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return timeText(*ms)
}

// printEvidence lists alerts by where their events stand.
func printEvidence(out io.Writer, title string, evidence []retrain.Evidence) error {
	if len(evidence) == 0 {
		return nil
	}
	fmt.Fprintln(out, title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range evidence {
		fmt.Fprintf(w, "  %s/%d/%d\t%s\t%s\t%s=%s%s\t%s\trule %s\n", e.Topic, e.Partition, e.Offset, timeText(e.EventTime), subjectOf(&e),
			e.Field, orNumber(e.Value), limit(e.Level), e.Action, e.Rule)
	}
	return w.Flush()
}

func subjectOf(e *retrain.Evidence) string {
	var parts []string
	if e.Stream != nil {
		parts = append(parts, "stream "+*e.Stream)
	}
	if e.Model != nil {
		parts = append(parts, "model "+*e.Model)
	}
	if e.ModelVersion != nil {
		parts = append(parts, *e.ModelVersion)
	}
	return strings.Join(parts, " ")
}

func orNumber(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%g", *v)
}

func limit(level *float64) string {
	if level == nil {
		return ""
	}
	return fmt.Sprintf(" (limit %g)", *level)
}
