package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

func produceCommand(c *configuration) *cobra.Command {
	var file, keyField string
	cmd := command(c, "produce TOPIC", "Write JSON lines from standard input to a topic, as Avro", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		schema, err := c.schemaFor(args[0], file)
		if err != nil {
			return err
		}
		p := producing{topic: args[0], schema: schema, keyField: keyField, ids: schemas.IDs{}}
		return c.withClient(cmd, func(ctx context.Context, client *consumer.Client) error {
			if c.wire == confluent {
				if p.ids[p.topic], err = c.register(ctx, p.topic, schema); err != nil {
					return err
				}
			}
			p.display = c.display
			p.display.begin("writing to "+p.topic, sizeOf(cmd.InOrStdin()))
			err := p.run(ctx, client, cmd.InOrStdin())
			if told := p.tell(cmd.OutOrStdout(), c.json); told != nil && err == nil {
				err = told
			}
			return err
		})
	})
	cmd.Flags().StringVar(&file, "schema", "", "`FILE` with the Avro schema of the records; without it the topic says which of ours it is")
	c.wireFlag(cmd.Flags())
	cmd.Flags().StringVar(&keyField, "key", "", "`FIELD` of a line whose value is the record's key; without it there is none, and partition 0 gets all")
	return cmd
}

// schemaFor is the schema of what a topic takes.
func (c *configuration) schemaFor(topic, file string) (*schemas.Schema, error) {
	if err := c.writable(topic); err != nil {
		return nil, err
	}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, unread("--schema", err)
		}
		s, err := schemas.Parse(string(text))
		if err != nil {
			return nil, usage("--schema %s: %v", file, err)
		}
		return s, nil
	}
	var name string
	switch n := c.names(); {
	case slices.Contains(c.drift, topic):
		name = "DriftEvent"
	case slices.Contains(c.performance, topic):
		name = "PerformanceEvent"
	case topic == n.progress():
		name = "Progress"
	case topic == n.requests():
		name = "Request"
	default:
		return nil, usage("topic %s is none of --drift-topic, --performance-topic, %s and %s, so what it takes is not known: --schema FILE says it%s",
			topic, n.progress(), n.requests(), suggestedTopics(topic, append(c.events(), n.progress(), n.requests())))
	}
	s, ok := schemas.ByName(name)
	if !ok {
		return nil, fmt.Errorf("this build has no schema %s", name)
	}
	return s, nil
}

// writable refuses what the program itself remembers by: a record too many there would stop it.
func (c *configuration) writable(topic string) error {
	switch n := c.names(); {
	case topic == n.policy():
		return usage("topic %s is written by the program alone: `%s` makes a policy the active one", topic, c.given.command("serve --policy FILE"))
	case topic == n.ledger(), strings.HasPrefix(topic, n.checkpoint("")):
		return usage("topic %s is the program's own memory and written by it alone: events go to %s, and `%s` asks for a retrain",
			topic, strings.Join(c.events(), ", "), c.given.command("trigger MODEL --action full"))
	}
	return nil
}

// producing writes lines to a topic.
type producing struct {
	topic, keyField string
	schema          *schemas.Schema
	ids             schemas.IDs
	last            int   // the line of the record made last
	largest         int   // the line of the largest record among those that are written together
	bytes           int   // of that record
	empty           bool  // the input had no line
	read, written   int   // records: those that lines were made into, and those that the cluster has
	end             int64 // of the line of the record made last, in bytes of the input

	display *display
}

// Lines that are there already are written together, up to so many of so many bytes.
const (
	mostLines = 1000
	mostBytes = 512 << 10
	longest   = 16 << 20 // bytes of one line
)

// line is one line of input, or the error that ended it.
type line struct {
	number int
	end    int64 // in bytes of the input
	text   []byte
	err    error
}

// run writes until the input ends, or until the first line that cannot be written; what stands before it is written.
func (p *producing) run(ctx context.Context, client *consumer.Client, in io.Reader) error {
	if err := client.NeedTopics(ctx, p.topic); err != nil { // at once, not after the first line
		return p.ended(ctx, err)
	}
	a := client.NewAppender()
	lines := make(chan line, mostLines)
	go read(ctx, in, lines) // ends with the input, with ctx, or with the process: a terminal's read cannot be interrupted
	for {
		records, bad := p.collect(ctx, lines)
		p.read += len(records)
		if err := a.Append(ctx, records...); err != nil {
			return p.ended(ctx, p.placed(err))
		}
		p.written += len(records)
		p.display.to(p.end)
		p.display.saw(len(records))
		if errors.Is(bad, io.EOF) {
			p.empty = p.read == 0
			return nil
		}
		if bad != nil {
			return p.ended(ctx, bad)
		}
	}
}

// sizeOf is how long an input is; 0: it is no file, and nobody knows.
func sizeOf(in io.Reader) int64 {
	if file, ok := in.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// placed says which lines an error of writing is about: the cluster refuses what was written together.
func (p *producing) placed(err error) error {
	return fmt.Errorf("writing up to line %d, whose largest record is line %d with %s: %w", p.last, p.largest, phrases.Count(p.bytes, "byte"), err)
}

// ended says how far it came where an error is an interruption.
func (p *producing) ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	text := fmt.Sprintf("%d of %s read were written", p.written, phrases.Count(p.read, "record"))
	if p.written < p.read {
		text += ", others perhaps"
	}
	return &interruption{text}
}

// read gives the lines of in that are not empty, then how it ended.
func read(ctx context.Context, in io.Reader, lines chan<- line) {
	defer close(lines)
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 0, 64<<10), longest)
	give := func(l line) bool {
		select {
		case lines <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	number, end := 0, int64(0)
	for s.Scan() {
		number++
		text := s.Bytes()
		end += int64(len(text)) + 1
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if text = bytes.TrimSpace(text); len(text) > 0 && !give(line{number: number, end: end, text: bytes.Clone(text)}) {
			return
		}
	}
	if err := s.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("it is longer than %d MiB", longest>>20)
		}
		give(line{number: number + 1, err: err})
	}
}

// collect waits for a line and takes what else is there. With the records before it comes what ends the input: io.EOF or a bad line.
func (p *producing) collect(ctx context.Context, lines <-chan line) (records []record.Output, end error) {
	size := 0
	p.largest, p.bytes = 0, 0
	for len(records) < mostLines && size < mostBytes {
		var l line
		var ok bool
		if len(records) == 0 {
			select {
			case l, ok = <-lines:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		} else {
			select {
			case l, ok = <-lines:
			default:
				return records, nil
			}
		}
		if !ok {
			return records, io.EOF
		}
		r, err := p.record(l)
		if err != nil {
			return records, fmt.Errorf("line %d: %w; nothing of it or behind it was written", l.number, err)
		}
		records = append(records, r)
		size += len(r.Value)
		p.end = l.end
		if p.last = l.number; len(r.Value) >= p.bytes {
			p.largest, p.bytes = l.number, len(r.Value)
		}
	}
	return records, nil
}

func (p *producing) record(l line) (record.Output, error) {
	if l.err != nil {
		return record.Output{}, l.err
	}
	if !json.Valid(l.text) || l.text[0] != '{' {
		return record.Output{}, notObject(l.text)
	}
	value, err := p.schema.FromJSON(schemas.AppendHeader(nil, p.schema.Fingerprint()), l.text)
	if err != nil {
		return record.Output{}, err
	}
	r := record.Output{Topic: p.topic, Value: p.ids.Frame(p.topic, value)}
	if p.keyField != "" {
		r.Key, err = keyOf(l.text, p.keyField)
	}
	return r, err
}

// notObject says what a line is taken for that is no JSON object.
func notObject(text []byte) error {
	var object map[string]any
	err := json.Unmarshal(text, &object)
	return fmt.Errorf("%.60q is not one JSON object (%w): one JSON object a line is needed; `jq -c .` makes lines of JSON that is laid out, CSV has to be made JSON", text, err)
}

// keyOf is the value of a line's field as a key: a text as it is, anything else as it stands in the JSON.
func keyOf(object []byte, field string) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, err
	}
	raw, ok := fields[field]
	if !ok || string(raw) == "null" {
		return nil, fmt.Errorf("it has no field %s (--key)%s", field, suggestion(field, slices.Sorted(maps.Keys(fields))))
	}
	if raw[0] != '"' {
		return raw, nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return []byte(text), err
}

// tell prints how many records were written.
func (p *producing) tell(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, map[string]any{"topic": p.topic, "written": p.written})
	}
	empty := ""
	if p.empty {
		empty = ": standard input was empty"
	}
	_, err := fmt.Fprintf(out, "wrote %s to %s%s\n", phrases.Count(p.written, "record"), p.topic, empty)
	return err
}
