package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/visutility/retrainer/retrain"
)

// ModelRegistry knows the versions of models. RetrainController.Registry is the first one; another may be given by
// Config.Registry. Its errors are of the kind retrain.ErrRegistry, whether it says so or not. It is called by several goroutines.
type ModelRegistry interface {
	// LatestModel is the model that a stream feeds, in its newest version; "" if none is known.
	LatestModel(ctx context.Context, stream retrain.StreamID) (retrain.ModelID, error)
	// RegisterVersion gives the version that was trained from base, as name/version.
	RegisterVersion(ctx context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error)
}

// What RegisterVersion is told in its metadata, where it is known; metrics and best parameters stand behind the prefixes.
const (
	MetaParent    = "parent"  // the base's version
	MetaVersion   = "version" // the name that the trainer has given
	MetaCommandID = "command_id"
	MetaAction    = "action"
	MetaDataset   = "dataset"
	MetaMetric    = "metric."
	MetaParam     = "param."
)

// How an outer registry and the controller's own go together. The controller's own is part of the ledger: the success of a
// training registers its version in the step that folds it, and base_version, trials and what waits to be deployed are decided
// by it alone. The outer one is asked twice, never within a step:
//
//   - before the fold of a data drift event that names no model, on a stream that no bind line names: the name of its LatestModel
//     is the model of the event. Its version is not taken: that it is the newest does not say that the stream runs through it, and
//     the evidence of the version in use must not be laid to one that nobody has deployed. If the registry fails, so does the event.
//   - after a training that succeeded: the version of its RegisterVersion goes into the success, and so into the ledger. If the
//     registry fails, so has the training, with the code registry, to be decided again after the back-off. (A version it has
//     registered all the same is nobody's: the ledger does not know it.)

// ownRegistry is the ledger's.
type ownRegistry struct{ c *RetrainController }

// Registry is the controller's own registry. Its LatestModel is the one of the stream's models with the newest version. Its
// RegisterVersion names the version that a success from base registers (metadata has the action); what registers it is the
// success. An outer registry may leave the numbers to it.
func (c *RetrainController) Registry() ModelRegistry { return ownRegistry{c} }

func (r ownRegistry) LatestModel(_ context.Context, stream retrain.StreamID) (retrain.ModelID, error) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.ledger.controller.LatestModel(stream), nil
}

func (r ownRegistry) RegisterVersion(_ context.Context, base retrain.ModelID, metadata map[string]string) (retrain.ModelID, error) {
	action := retrain.RetrainAction(metadata[MetaAction])
	if action != retrain.SoftRetrain && action != retrain.FullRetrain {
		return "", fmt.Errorf("%w: a version of %s is numbered by the action that trained it: %s in the metadata is %q, soft or full is needed",
			retrain.ErrRegistry, base, MetaAction, action)
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.ledger.controller.NextVersion(base, action), nil
}

// model asks the outer registry which model a data drift event concerns, if the policy leaves that open.
func (c *RetrainController) model(event retrain.MetricEvent, e *retrain.Event) error {
	stream := retrain.StreamID(e.Stream)
	if event.On() != retrain.OnDrift || c.config.Registry == nil || len(e.ModelID) > 0 || stream == "" || c.config.Policy.Binds(stream) {
		return nil
	}
	id, err := c.ask(c.ctx, func(ctx context.Context) (retrain.ModelID, error) {
		return c.config.Registry.LatestModel(ctx, stream)
	})
	if err != nil {
		return fmt.Errorf("which model the stream %q feeds cannot be told: %w", stream, err)
	}
	if name, _ := retrain.SplitModel(string(id)); name != "" {
		e.ModelID = []byte(name)
	}
	return nil
}

// register has the outer registry name the version that was trained.
func (c *RetrainController) register(ctx context.Context, cmd *retrain.Command, trained *retrain.Trained) (*retrain.Trained, error) {
	base := cmd.Model
	if cmd.BaseVersion != nil {
		base += "/" + *cmd.BaseVersion
	}
	// A success that comes late is registered as well: the ledger says what becomes of it.
	id, err := c.ask(context.WithoutCancel(ctx), func(ctx context.Context) (retrain.ModelID, error) {
		return c.config.Registry.RegisterVersion(ctx, retrain.ModelID(base), metadataOf(cmd, trained))
	})
	if err != nil {
		return nil, fmt.Errorf("the version trained from %s is not registered: %w", base, err)
	}
	version, ok := strings.CutPrefix(string(id), cmd.Model+"/")
	if !ok || version == "" {
		return nil, fmt.Errorf("%w: it gave %q for what was trained from %s; %s/VERSION is needed", retrain.ErrRegistry, id, base, cmd.Model)
	}
	named := *trained
	named.NewVersion = version
	return &named, nil
}

// ask calls the registry, which may hang or panic, and gives its error the kind of a registry's.
func (c *RetrainController) ask(ctx context.Context, call func(ctx context.Context) (retrain.ModelID, error)) (id retrain.ModelID, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.RegistryTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = panicked("the registry", p)
		}
		if err != nil && !errors.Is(err, retrain.ErrRegistry) {
			err = fmt.Errorf("%w: %w", retrain.ErrRegistry, err)
		}
	}()
	return call(ctx)
}

func metadataOf(cmd *retrain.Command, trained *retrain.Trained) map[string]string {
	m := map[string]string{MetaCommandID: cmd.CommandID, MetaAction: string(cmd.Action)}
	if cmd.BaseVersion != nil {
		m[MetaParent] = *cmd.BaseVersion
	}
	if cmd.Dataset != nil {
		m[MetaDataset] = *cmd.Dataset
	}
	if trained.NewVersion != "" {
		m[MetaVersion] = trained.NewVersion
	}
	for name, v := range trained.Metrics {
		m[MetaMetric+name] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	for name, text := range trained.BestParams {
		m[MetaParam+name] = text
	}
	return m
}

// copied keeps what the trainer gave from what it does with it later.
func copied(t *retrain.Trained) *retrain.Trained {
	if t == nil {
		return nil
	}
	return &retrain.Trained{NewVersion: t.NewVersion, Metrics: maps.Clone(t.Metrics), BestParams: maps.Clone(t.BestParams)}
}
