package consumer

import (
	"context"
	"fmt"
)

// shownBy is the key of what a context knows of who shows what is waited for.
type shownBy struct{}

// shows shows what is waited for: a request that has no answer yet, or with failed one that was tried in vain.
type shows func(why string, failed bool)

// showing is a context under which requests tell show what is waited for. What that is, at length, is known to the requests alone,
// and who is asked about it is far above them.
func showing(ctx context.Context, show shows) context.Context {
	return context.WithValue(ctx, shownBy{}, show)
}

// shownAsked tells whoever shows it that a node has been asked.
func shownAsked(ctx context.Context, what string, node int32) {
	if show, ok := ctx.Value(shownBy{}).(shows); ok {
		show(fmt.Sprintf("%s: node %d has not answered yet", what, node), false)
	}
}

// shownFailed tells whoever shows it why it goes on waiting.
func shownFailed(ctx context.Context, why error) {
	if show, ok := ctx.Value(shownBy{}).(shows); ok {
		show(why.Error(), true)
	}
}
