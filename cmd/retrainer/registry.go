package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/schemas"
	"github.com/visutility/retrainer/schemas/registry"
)

// User and password of the registry come from these variables. They are no flags: other users of a machine see those.
const (
	registryUser     = "VTY_SCHEMA_REGISTRY_USER"
	registryPassword = "VTY_SCHEMA_REGISTRY_PASSWORD"
)

// The words of --registry-id.
const (
	contentID = "content"
	globalID  = "global"
)

// registryFlags say where schemas are that values name by an id.
func (c *configuration) registryFlags(f *pflag.FlagSet) {
	f.StringVar(&c.schemaRegistry, "schema-registry", "", "`URL` of a registry with Confluent's API, for values in Confluent's framing; user and password: "+registryUser+", "+registryPassword)
	f.StringVar(&c.registryID, "registry-id", contentID, "`IDS` that values carry: content (Confluent's API) or global (Apicurio's globalId)")
}

// checkRegistry makes the client of the registry. It asks nothing yet.
func (c *configuration) checkRegistry() error {
	if err := oneOf("registry-id", c.registryID, contentID, globalID); err != nil {
		return err
	}
	if c.schemaRegistry == "" {
		if c.registryID != contentID {
			return usage("--registry-id %s needs a schema registry: --schema-registry URL says where it is", c.registryID)
		}
		return nil
	}
	cfg := registry.Config{URL: c.schemaRegistry, User: os.Getenv(registryUser), Password: os.Getenv(registryPassword), TLS: c.tlsConfig()}
	if c.registryID == globalID {
		cfg.IDs = registry.Global
	}
	var err error
	if c.registry, err = registry.New(cfg); err != nil {
		return usage("--schema-registry: %v", err)
	}
	return nil
}

// registryAnswers finds out at the start whether URL and credentials are right. A registry that is away is waited for, by those
// partitions that need it.
func (c *configuration) registryAnswers(ctx context.Context, log *zerolog.Logger) error {
	if c.registry == nil {
		return nil
	}
	err := c.registry.Check(ctx)
	if mistake := registryMistake(err); mistake != nil {
		return mistake
	}
	if err != nil && ctx.Err() == nil {
		log.Warn().Err(err).Msg("the schema registry is away: what needs a schema from it waits")
	}
	return nil
}

// registryMistake is what an operator has to mend by a registry's answer; nil: it is about something else.
func registryMistake(err error) error {
	var wrong *registry.SetupError
	if !errors.As(err, &wrong) {
		return nil
	}
	return &consumer.SetupError{Message: "--schema-registry: " + wrong.Message}
}

// missingPatience is for how long a registry may lag behind its producers.
const missingPatience = time.Minute

// resolve finds the schema that a handler needs; nil where there is no registry.
func (c *configuration) resolve() findSchema {
	if c.registry == nil {
		return nil
	}
	return func(ctx context.Context, schema string) (string, error) {
		ref, err := handlers.SchemaOf(schema)
		if err != nil {
			return "", err
		}
		return resolved(ref, func() (*schemas.Schema, error) { return c.registry.Schema(ctx, ref) })
	}
}

// resolved makes of a registry's answer what a task has to do.
func resolved(ref schemas.Ref, ask func() (*schemas.Schema, error)) (string, error) {
	s, err := ask()
	var missing *registry.MissingError
	var unreadable *registry.UnreadableError
	switch {
	case err == nil:
		return s.Text(), nil
	case errors.As(err, &missing):
		return "", &consumer.RefusedError{Patience: missingPatience,
			Dead: handlers.SchemaUnknown(ref, missing.Message+" It was asked for a minute: register the schema, or see to it that the producer writes the ids of this registry")}
	case errors.As(err, &unreadable):
		return "", &consumer.RefusedError{Dead: handlers.SchemaUnreadable(ref, unreadable.Message)}
	}
	return "", err
}
