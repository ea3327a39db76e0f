package consumer

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/wire"
)

type coordinatorKey struct {
	kind int8 // groups or transactions
	name string
}

// Kinds of what is coordinated.
const (
	groups       int8 = 0
	transactions int8 = 1
)

// coordinator tells the node that coordinates a group or a transactional id.
func (c *cluster) coordinator(ctx context.Context, kind int8, name string) (int32, error) {
	c.mu.Lock()
	node, ok := c.coords[coordinatorKey{kind, name}]
	c.mu.Unlock()
	if ok {
		return node, nil
	}
	what := "coordinator of " + name
	found, err := c.coordinators(ctx, kind, name)
	if err != nil {
		return 0, asFault(what, err)
	}
	if len(found) != 1 {
		return 0, &fault{fate: fateRoute, what: what, err: errors.New("an answer without it")}
	}
	if code := found[0].ErrorCode; code != 0 {
		want := rights{30: "Read on group " + name, 53: "Write on transactional-id " + name}
		return 0, &fault{fate: fateOf(code), what: what, code: code, want: want[code]}
	}
	return found[0].NodeID, nil
}

// coordinators asks who coordinates them, and remembers it. A broker before v4 of the request tells it of the first alone.
func (c *cluster) coordinators(ctx context.Context, kind int8, names ...string) ([]kmsg.FindCoordinatorResponseCoordinator, error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorType, req.CoordinatorKeys = names[0], kind, names
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	res, err := wire.Do[*kmsg.FindCoordinatorResponse](ctx, c.client, wire.AnyNode, req)
	if err != nil {
		return nil, err
	}
	found := res.Coordinators
	if len(found) == 0 {
		found = []kmsg.FindCoordinatorResponseCoordinator{{Key: names[0], NodeID: res.NodeID, ErrorCode: res.ErrorCode}}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range found {
		if found[i].ErrorCode == 0 {
			c.coords[coordinatorKey{kind, found[i].Key}] = found[i].NodeID
		}
	}
	return found, nil
}

// coordinate has the coordinators known of all that are not: one request, where otherwise each task would begin with one of its own.
// Whoever is without afterwards asks alone, and is told why.
func (c *cluster) coordinate(ctx context.Context, kind int8, names []string) {
	c.mu.Lock()
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, ok := c.coords[coordinatorKey{kind, n}]; return ok })
	c.mu.Unlock()
	if len(names) > 1 {
		_, _ = c.coordinators(ctx, kind, names...) // see above
	}
}

// misrouted forgets a coordinator that turned out wrong or unreachable.
func (c *cluster) misrouted(kind int8, name string) {
	c.mu.Lock()
	delete(c.coords, coordinatorKey{kind, name})
	c.mu.Unlock()
}

func (c *cluster) toCoordinator(kind int8, name string) (route func(context.Context) (int32, error), lost func(context.Context)) {
	return func(ctx context.Context) (int32, error) { return c.coordinator(ctx, kind, name) },
		func(context.Context) { c.misrouted(kind, name) }
}
