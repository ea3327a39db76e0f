package retrain

import (
	"testing"

	"pgregory.net/rapid"
)

// Open are the commands without a result, after a restart too.
func TestOpenCommandsAreThoseWithoutAResult(t *testing.T) {
	var of *Controller
	var open map[string]bool
	most := 0
	ledgers(t, func(rt *rapid.T, c *Controller, _ entryAt, out []Output) {
		if c != of {
			of, open = c, map[string]bool{}
		}
		for _, o := range out {
			switch o := o.(type) {
			case *Command:
				open[o.CommandID] = true
			case *Result:
				delete(open, o.CommandID)
			}
		}
		most = max(most, len(open))
		if got := c.OpenCommands(); got != len(open) {
			rt.Fatalf("%d commands are open, %d by the results", got, len(open))
		}
		if c.policy == nil {
			return // nothing to restart from
		}
		if got := copyOf(t, c).OpenCommands(); got != len(open) {
			rt.Fatalf("after a restart %d commands are open, %d by the results", got, len(open))
		}
	})
	if most < 2 {
		t.Errorf("at most %d commands were open at once: nothing is shown", most)
	}
}
