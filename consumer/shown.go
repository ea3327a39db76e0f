package consumer

import "context"

// shownBy is the key of what a context knows of who shows what is waited for.
type shownBy struct{}

// showing is a context under which requests that are tried in vain tell show why. What waits at length is known to the requests
// alone, and who is asked about it is far above them.
func showing(ctx context.Context, show func(why string)) context.Context {
	return context.WithValue(ctx, shownBy{}, show)
}

// shown tells whoever shows it what is waited for.
func shown(ctx context.Context, why error) {
	if show, ok := ctx.Value(shownBy{}).(func(string)); ok {
		show(why.Error())
	}
}
