package sim

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Life is one run in a bubble of its own, under a judge for the host that is put to the test. It gives the bubble's trace and
// what was wrong with the outcome, if anything.
type Life func(t *testing.T, judge Judge) (Exchanges, error)

// Finding is a run whose outcome was wrong.
type Finding struct {
	Host    string
	Index   int
	Verdict Verdict
	Trace   Exchanges
	Err     error
}

// Enumerate runs life undisturbed, then once for every request that host sent in it and every verdict, until it has found as
// many wrong outcomes as are enough. hit is how many runs had their request, by act and kind of request.
func Enumerate(t *testing.T, host string, verdicts []Verdict, life Life, enough int) (hit map[string]int, found []Finding) {
	t.Helper()
	hit = map[string]int{}
	xs, err := life(t, nil)
	if err != nil {
		return hit, []Finding{{Host: host, Trace: xs, Err: err}}
	}
	n := len(xs.Where(On(host)))
	for i := 1; i <= n; i++ {
		for _, v := range verdicts {
			xs, err := life(t, At(host, i, v))
			for _, x := range xs.Where(On(host)) {
				if x.Index == i {
					hit[v.Act.String()+" "+x.Key.Name()]++
				}
			}
			if err != nil {
				found = append(found, Finding{host, i, v, xs, err})
			}
			if len(found) >= enough || t.Failed() {
				return hit, found
			}
		}
	}
	return hit, found
}

// Everywhere is Enumerate for a life that must always come out right. It gives the number of runs.
func Everywhere(t *testing.T, host string, verdicts []Verdict, life Life) (runs int) {
	t.Helper()
	hit, found := Enumerate(t, host, verdicts, life, 1)
	for _, f := range found {
		t.Errorf("%s#%d %s: %v\n%v", f.Host, f.Index, f.Verdict.Act, f.Err, f.Trace[max(0, len(f.Trace)-200):])
	}
	for _, n := range hit {
		runs += n
	}
	if runs == 0 {
		t.Errorf("no request of %s was ever hit", host)
	}
	t.Logf("%d runs: %v", runs, hit)
	return runs
}

// Crashes are the three ways to die at a request: it never left, its answer was never read, or it is still in the network and
// reaches the broker so late.
func Crashes(late time.Duration) []Verdict {
	return []Verdict{{Act: Before}, {Act: After}, {Act: Late, Delay: late}}
}

// Breaks are the same for a connection, with the instance still alive.
func Breaks(stray time.Duration) []Verdict {
	return []Verdict{{Act: Reset}, {Act: Lose}, {Act: Stray, Delay: stray}}
}

// Overtaking is Late or Stray once for each key: the request reaches the broker just before host, the successor of a late
// one, sends its next request of that kind. Between some of its steps nothing else would arrive, for they are one instant.
func Overtaking(act Act, host string, keys ...kmsg.Key) (vs []Verdict) {
	for _, k := range keys {
		vs = append(vs, Verdict{Act: act, Delay: time.Minute, Until: All(On(host), Key(k))})
	}
	return vs
}
