package retrain

// observer is the running form of a rule. It owns nothing: the memory of each series is handed to it, words of a block that
// it alone knows how to read, all zero at first. A checkpoint copies them as they are.
type observer interface {
	words() int                                                     // of memory
	valid(value float64) bool                                       // on the rule's scale
	observe(memory []uint64, value float64, time int64) observation // folds one valid value
	tree() map[string]any                                           // the rule's own keys, with every default
	sentence() string                                               // when it fires, behind the name of the field
}

// observation is what an observer says of one value.
type observation struct {
	alarm    bool  // the series goes into breach: an alert fires
	inBreach bool  // the series is
	beyond   bool  // this value is beyond the level: a firing alert may be sent again
	since    int64 // when the drift began
}

// limit is a level with its bad side.
type limit struct {
	value float64
	below bool // below it is bad
}

// beyond is strict.
func (l limit) beyond(v float64) bool {
	if l.below {
		return v < l.value
	}
	return v > l.value
}

func (l limit) side() string {
	if l.below {
		return "below"
	}
	return "above"
}
