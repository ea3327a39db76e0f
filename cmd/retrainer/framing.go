package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/schemas"
	"github.com/visutility/retrainer/schemas/registry"
)

// Framings of what is written, as --wire names them.
const (
	singleObject = "single-object"
	confluent    = "confluent"
)

// wireFlag is for commands that write records.
func (c *configuration) wireFlag(f *pflag.FlagSet) {
	f.StringVar(&c.wire, "wire", "", "`FRAMING` of what is written, ledger and checkpoints aside: single-object or confluent; by default confluent where --schema-registry is given")
}

// checkWire settles how records are framed.
func (c *configuration) checkWire() error {
	switch {
	case c.wire == "" && c.schemaRegistry == "":
		c.wire = singleObject
	case c.wire == "":
		c.wire = confluent
	case c.wire == confluent && c.schemaRegistry == "":
		return usage("--wire confluent needs the ids of a schema registry: --schema-registry URL says where it is")
	default:
		return oneOf("wire", c.wire, singleObject, confluent)
	}
	return nil
}

// records names the record of ours that each topic of the app has, ledger and checkpoints aside: those need no registry to be read.
func (n names) records() map[string]string {
	return map[string]string{
		n.commands(): "Command", n.decisions(): "Decision", n.results(): "Result", n.models(): "Model", n.policy(): "Policy",
		n.progress(): "Progress", n.requests(): "Request",
	}
}

// schemaIDs registers what topics of the app take; nil where it is not framed so.
func (c *configuration) schemaIDs(ctx context.Context, topics ...string) (schemas.IDs, error) {
	if c.wire != confluent {
		return nil, nil
	}
	ids, records := schemas.IDs{}, c.names().records()
	for _, t := range topics {
		s, ok := schemas.ByName(records[t])
		if !ok {
			return nil, fmt.Errorf("this build has no schema for topic %s", t)
		}
		var err error
		if ids[t], err = c.register(ctx, t, s); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// published are the topics that the ledger's task writes for others.
func (n names) published() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(n.records())), func(t string) bool { return t == n.progress() || t == n.requests() })
}

// plain turns what stands in a topic of the app in Confluent's framing into single-object encoding, as this program reads it. What
// the registry cannot explain stays as it is: whoever reads it says what is wrong.
func (c *configuration) plain(ctx context.Context, r *record.Record) error {
	if c.registry == nil || !strings.HasPrefix(r.Topic, c.app+".") {
		return nil
	}
	if _, _, err := schemas.SplitHeader(r.Value); err == nil && handlers.SchemaIDHeader(r) == nil {
		return nil // it is single-object already
	}
	if c.names().records()[r.Topic] == "" {
		return nil
	}
	s, body, err := c.writtenBy(ctx, r)
	if s == nil || err != nil {
		return err
	}
	r.Value = append(schemas.AppendHeader(make([]byte, 0, schemas.HeaderSize+len(body)), s.Fingerprint()), body...)
	return nil
}

// writtenBy finds the schema by which a value was written, ours or that of a registry, and its Avro bytes; nil: none is known.
func (c *configuration) writtenBy(ctx context.Context, r *record.Record) (*schemas.Schema, []byte, error) {
	ref, body, err := schemas.Split(r.Value, handlers.SchemaIDHeader(r))
	switch {
	case err != nil:
		return nil, nil, nil
	case ref.Kind == schemas.RefFingerprint:
		s, _ := schemas.ByFingerprint(ref.Fingerprint)
		return s, body, nil
	case c.registry == nil:
		return nil, nil, nil
	}
	var s *schemas.Schema
	err = c.askRegistry(ctx, func() (err error) { s, err = c.registry.Schema(ctx, ref); return err })
	if errors.As(err, new(*registry.MissingError)) || errors.As(err, new(*registry.UnreadableError)) {
		return nil, nil, nil
	}
	return s, body, err
}

// register has the registry know a schema.
func (c *configuration) register(ctx context.Context, topic string, s *schemas.Schema) (id uint32, err error) {
	err = c.askRegistry(ctx, func() (err error) { id, err = c.registry.Register(ctx, topic, s); return err })
	return id, err
}

// askRegistry asks until the registry answers: one that is away is waited for, as a broker is.
func (c *configuration) askRegistry(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if mistake := registryMistake(err); mistake != nil {
			return mistake
		}
		switch {
		case err == nil, errors.As(err, new(*registry.MissingError)), errors.As(err, new(*registry.UnreadableError)):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		c.registryAway(err)
		select {
		case <-time.After(registryPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// registryPause is after how long a registry that did not answer is asked again.
const registryPause = time.Second

// registryAway tells whoever waits what for.
func (c *configuration) registryAway(err error) {
	if c.onRegistryAway != nil {
		c.onRegistryAway(err)
		return
	}
	c.wait.tellRegistry(err)
}
