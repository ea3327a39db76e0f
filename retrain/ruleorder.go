package retrain

import "slices"

// doubtOrder reports a rule that asks for more than one before it which fires wherever it does: of an event that breaches both the
// lesser action is decided first, and a model has one command at a time. Of rules with a memory nobody can say that.
func (r *Rule) doubtOrder(before []*Rule, n node) {
	mine, ok := r.observer.(*threshold)
	i := slices.IndexFunc(before, func(b *Rule) bool { return b.firesWhere(r) && b.Action.severity() < r.Action.severity() })
	if !ok || i < 0 {
		return
	}
	level := before[i].observer.(*threshold).level
	n.doubt("%s %s %s is never decided first: rules[%d], %s %s %s, fires at the same events and stands before it, and a model has one command at a time; put it before that one",
		r.Action, mine.level.side(), number(mine.level.value), i, before[i].Action, level.side(), number(level.value))
}

// firesWhere tells of a threshold whether each event that has another threshold fire has this one fire, at once or already.
func (r *Rule) firesWhere(other *Rule) bool {
	x, ok := r.observer.(*threshold)
	y, too := other.observer.(*threshold)
	return ok && too && r.Field == other.Field && (r.method == "" || r.method == other.method) &&
		x.level.below == y.level.below && !y.level.beyond(x.level.value) && x.minChecks <= y.minChecks &&
		(r.minSampleSize == nil || other.minSampleSize != nil && *r.minSampleSize <= *other.minSampleSize)
}
