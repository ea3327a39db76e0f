package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Life is one run in a bubble of its own, under faults for the host that is put to the test. It gives the bubble's trace and
// what was wrong with the outcome, if anything.
type Life func(t *testing.T, faults Faults) (Exchanges, error)

// Finding is a run whose outcome was wrong.
type Finding struct {
	Host  string
	Key   kmsg.Key
	Nth   int // of the host's requests of that kind
	Fault Fault
	Trace Exchanges
	Err   error
}

func (f Finding) String() string {
	return fmt.Sprintf("%s, %s %d, %s: %v", f.Host, f.Key.Name(), f.Nth, f.Fault.Act, f.Err)
}

// reading are the requests that change nothing at the broker.
var reading = Key(kmsg.ApiVersions, kmsg.Metadata, kmsg.FindCoordinator, kmsg.ListOffsets, kmsg.OffsetFetch, kmsg.Fetch)

// same says that a request only reads, and that so the fault leaves the same behind as Before or Reset do: nobody has the answer.
func same(asked *Exchange, f Fault) bool {
	return reading(asked) && f.Until == nil && (f.Act == After || f.Act == Late || f.Act == Lose || f.Act == Stray)
}

// Enumerate runs life undisturbed, then once for every request of host that which accepts and every fault, but for those that
// are the same to a request that only reads, until it has found as many wrong outcomes as are enough. hit is how many runs had their request, by act and kind of request.
func Enumerate(t *testing.T, host string, which Match, faults []Fault, life Life, enough int) (hit map[string]int, found []Finding) {
	t.Helper()
	hit = map[string]int{}
	xs, err := life(t, nil)
	if err != nil {
		return hit, []Finding{{Host: host, Trace: xs, Err: err}}
	}
	nth := map[kmsg.Key]int{}
	for _, asked := range xs.Where(On(host)) {
		// A request is known again by its kind and number of that kind: the order of different kinds is not always the same.
		key := asked.Key
		nth[key]++
		if !which(asked) {
			continue
		}
		for _, f := range faults {
			if same(asked, f) {
				continue
			}
			this := All(On(host), Key(key))
			xs, err := life(t, Nth(nth[key], this, f))
			if len(xs.Where(this)) >= nth[key] {
				hit[f.Act.String()+" "+key.Name()]++
			}
			if err != nil {
				found = append(found, Finding{host, key, nth[key], f, xs, err})
			}
			if len(found) >= enough || t.Failed() {
				return hit, found
			}
		}
	}
	return hit, found
}

// Everywhere is Enumerate over all requests, for a life that must always come out right. It gives the number of runs.
func Everywhere(t *testing.T, host string, faults []Fault, life Life) (runs int) {
	t.Helper()
	return Wherever(t, host, func(*Exchange) bool { return true }, faults, life)
}

// Wherever is Everywhere for some requests.
func Wherever(t *testing.T, host string, which Match, faults []Fault, life Life) (runs int) {
	t.Helper()
	hit, found := Enumerate(t, host, which, faults, life, 1)
	for _, f := range found {
		t.Errorf("%v\n%v", f, f.Trace.Tail(100))
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

// Writing are the requests that change something at the broker.
var Writing = Not(reading)

// Crashes are the three ways to die at a request: it never left, its answer was never read, or it is still in the network and
// reaches the broker so late.
func Crashes(late time.Duration) []Fault {
	return []Fault{{Act: Before}, {Act: After}, {Act: Late, Delay: late}}
}

// Breaks are the same for a connection, with the instance still alive.
func Breaks(stray time.Duration) []Fault {
	return []Fault{{Act: Reset}, {Act: Lose}, {Act: Stray, Delay: stray}}
}

// Overtaking is Late or Stray once for each key: the request reaches the broker just before host, the successor of a late
// one, sends its next request of that kind. Between some of its steps nothing else would arrive, for they are one instant.
func Overtaking(act Act, host string, keys ...kmsg.Key) (all []Fault) {
	for _, k := range keys {
		all = append(all, Fault{Act: act, Delay: time.Minute, Until: All(On(host), Key(k))})
	}
	return all
}
