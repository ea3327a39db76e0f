package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one line of a plan: what happens to request Index of a host. Faults are set by request index, never by time: on a
// network without latency a whole transaction is one instant, and a moment drawn at random would always hit its first
// request.
type Fault struct {
	Host  string
	Index int
	Verdict
}

// Plan is a list of faults, each at another request.
type Plan []Fault

// NewPlan draws faults from a seed: on each of the instances' lives about one in every so many requests, up to n faults a
// life. The last fault of a life is a crash, but for the last life, which has none.
func NewPlan(seed uint64, instances []string, lives, n, every int) Plan {
	rng := rand.New(rand.NewPCG(seed, 0))
	mild := []Act{Reset, Lose, Stray, StopBefore, StopAfter, Pass}
	crashes := []Act{Before, After, Late}
	var p Plan
	for _, name := range instances {
		for life := 1; life <= lives; life++ {
			index := 0
			for i := range n {
				index += 1 + rng.IntN(2*every)
				f := Fault{Host: name + "." + strconv.Itoa(life), Index: index}
				if i == n-1 && life < lives {
					f.Act = crashes[rng.IntN(len(crashes))]
				} else {
					f.Act = mild[rng.IntN(len(mild))]
				}
				switch f.Act {
				case Pass:
					f.Delay = time.Duration(rng.IntN(3000)) * time.Millisecond
					f.Answer = time.Duration(rng.IntN(3000)) * time.Millisecond
				case Late, Stray:
					f.Delay = time.Duration(100+rng.IntN(20000)) * time.Millisecond
				case StopBefore, StopAfter:
					f.Delay = time.Duration(10+rng.IntN(25000)) * time.Millisecond
				}
				p = append(p, f)
			}
		}
	}
	return p
}

// Judge makes the plan happen.
func (p Plan) Judge() Judge {
	type at struct {
		host  string
		index int
	}
	m := map[at]Verdict{}
	for _, f := range p {
		m[at{f.Host, f.Index}] = f.Verdict
	}
	return func(x *Exchange) Verdict { return m[at{x.Host, x.Index}] }
}

// String is one line a fault, as ParsePlan reads it: host#index act, then delay= and answer= where they are not 0.
func (p Plan) String() string {
	var b strings.Builder
	for _, f := range p {
		fmt.Fprintf(&b, "%s#%d %s", f.Host, f.Index, f.Act)
		if f.Delay != 0 {
			fmt.Fprintf(&b, " delay=%v", f.Delay)
		}
		if f.Answer != 0 {
			fmt.Fprintf(&b, " answer=%v", f.Answer)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// ParsePlan reads what String wrote; empty lines do not count.
func ParsePlan(s string) (Plan, error) {
	var p Plan
	for n, line := range strings.Split(s, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words)
		if err != nil {
			return nil, fmt.Errorf("plan, line %d %q: %w", n+1, line, err)
		}
		p = append(p, f)
	}
	return p, nil
}

func parseFault(words []string) (f Fault, err error) {
	host, index, ok := strings.Cut(words[0], "#")
	if !ok || len(words) < 2 {
		return f, fmt.Errorf("want host#index act")
	}
	f.Host = host
	if f.Index, err = strconv.Atoi(index); err != nil {
		return f, err
	}
	if f.Act, err = parseAct(words[1]); err != nil {
		return f, err
	}
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		d, err := time.ParseDuration(value)
		if err != nil {
			return f, err
		}
		switch name {
		case "delay":
			f.Delay = d
		case "answer":
			f.Answer = d
		default:
			return f, fmt.Errorf("unknown word %q: want delay= or answer=", name)
		}
	}
	return f, nil
}

// Shrink drops faults as long as fails is still true of the rest: halves first, then ever smaller pieces. What is left fails,
// and without any one of its faults it does not.
func (p Plan) Shrink(fails func(Plan) bool) Plan {
	for size := (len(p) + 1) / 2; size > 0; {
		dropped := false
		for at := 0; at < len(p); {
			rest := slices.Delete(slices.Clone(p), at, min(at+size, len(p)))
			if fails(rest) {
				p, dropped = rest, true
			} else {
				at += size
			}
		}
		switch {
		case size > 1:
			size /= 2
		case !dropped:
			return p
		}
	}
	return p
}
