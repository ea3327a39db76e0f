package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Exchanges are part of a trace in the order of sending. The assertions on them give an error that shows the exchanges at
// fault, so that a test can also expect it.
type Exchanges []*Exchange

// Where is the part that m accepts.
func (xs Exchanges) Where(m Match) Exchanges {
	var out Exchanges
	for _, x := range xs {
		if m(x) {
			out = append(out, x)
		}
	}
	return out
}

// Split cuts after every answer to an exchange that m accepts: what was sent later stands in the next part. With SyncGroup
// it gives one part a generation.
func (xs Exchanges) Split(m Match) []Exchanges {
	parts := []Exchanges{nil}
	var cuts []int
	for _, x := range xs {
		if m(x) && x.Answered() {
			cuts = append(cuts, x.Done.Order)
		}
	}
	slices.Sort(cuts)
	for _, x := range xs {
		for len(cuts) > 0 && x.Sent.Order > cuts[0] {
			cuts = cuts[1:]
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], x)
	}
	return parts
}

// AllBefore holds if every exchange that first accepts was answered before the earliest that then accepts was sent.
func (xs Exchanges) AllBefore(first, then Match) error {
	i := slices.IndexFunc(xs, then)
	if i < 0 {
		return nil
	}
	t := xs[i]
	for _, x := range xs {
		if first(x) && (!x.Answered() || x.Done.Order > t.Sent.Order) {
			return fmt.Errorf("this must be answered before the second is sent:\n%v\n%v", x, t)
		}
	}
	return nil
}

// NeverWhile holds if nothing that send accepts was sent while an exchange for which open(sent, x) is true was without
// answer. An answer that never came leaves its exchange without answer for good.
func (xs Exchanges) NeverWhile(send Match, open func(sent, x *Exchange) bool) error {
	for i, s := range xs {
		if !send(s) {
			continue
		}
		for _, x := range xs[:i] {
			if (!x.Answered() || x.Done.Order > s.Sent.Order) && open(s, x) {
				return fmt.Errorf("the second was sent while the first had no answer:\n%v\n%v", x, s)
			}
		}
	}
	return nil
}

// Serial holds if each step of a transactional id on a host was sent only after the answer to the one before, Produce to
// several leaders aside. A step of unknown fate is settled by a later InitProducerID.
func (xs Exchanges) Serial() error {
	steps := Key(TransactionKeys()...)
	return xs.NeverWhile(steps, func(s, x *Exchange) bool {
		if !steps(x) || x.TxnID() == "" || x.TxnID() != s.TxnID() || x.Host != s.Host || s.Key == kmsg.InitProducerID {
			return false
		}
		if s.Key == kmsg.Produce && x.Key == kmsg.Produce && s.Broker != x.Broker {
			return false
		}
		return !xs.settled(x, s)
	})
}

// settled says whether x's fate was made known between x and s: its transactional id was fenced anew, or the very same
// request was answered.
func (xs Exchanges) settled(x, s *Exchange) bool {
	return slices.ContainsFunc(xs, func(f *Exchange) bool {
		return f.Host == x.Host && f.TxnID() == x.TxnID() && f.Sent.Order > x.Sent.Order &&
			(f == s || f.Answered() && f.Done.Order < s.Sent.Order) && (f != s && f.Key == kmsg.InitProducerID || f.repeats(x))
	})
}

// repeats says whether x is o sent again.
func (x *Exchange) repeats(o *Exchange) bool {
	return x.Key == o.Key && x.Version == o.Version && x.Request != nil && o.Request != nil &&
		bytes.Equal(x.Request.AppendTo(nil), o.Request.AppendTo(nil))
}

// FencesFirst holds if in each generation of each host all InitProducerID with a transactional id were answered before the
// first OffsetFetch. It is a rule of undisturbed runs: after a fault a single task fences again.
func (xs Exchanges) FencesFirst() error {
	fence := func(x *Exchange) bool { return x.Key == kmsg.InitProducerID && x.TxnID() != "" }
	return xs.eachGeneration(func(g Exchanges) error { return g.AllBefore(fence, Key(kmsg.OffsetFetch)) })
}

// JoinsIdle holds if a host never sent JoinGroup while it waited for the answer to a step of a transaction.
func (xs Exchanges) JoinsIdle() error {
	steps := Key(TransactionKeys()...)
	return xs.NeverWhile(Key(kmsg.JoinGroup), func(s, x *Exchange) bool {
		return steps(x) && x.TxnID() != "" && x.Host == s.Host && (x.Failed.Order == 0 || x.Failed.Order > s.Sent.Order)
	})
}

// Fenced holds if every transaction that was to be committed carried an offset under the generation that its host had joined
// last, and under a member: without both the group fences nobody.
func (xs Exchanges) Fenced() error {
	generation, offset := map[string]int32{}, map[string]*Exchange{} // by host; by host and transactional id
	for _, x := range xs {
		key := x.Host + " " + x.TxnID()
		switch r := x.Request.(type) {
		case *kmsg.SyncGroupRequest:
			generation[x.Host] = r.Generation
		case *kmsg.TxnOffsetCommitRequest:
			offset[key] = x
			if g, joined := generation[x.Host]; !joined || r.Generation != g || r.MemberID == "" {
				return fmt.Errorf("generation %d, member %q, but the host joined generation %d (%v):\n%v", r.Generation, r.MemberID, g, joined, x)
			}
		case *kmsg.AddPartitionsToTxnRequest, *kmsg.InitProducerIDRequest:
			delete(offset, key)
		case *kmsg.EndTxnRequest:
			if o := offset[key]; r.Commit && (o == nil || !o.Answered() || o.Done.Order > x.Sent.Order) {
				return fmt.Errorf("no offset was answered in this transaction before its commit:\n%v", x)
			}
		}
	}
	return nil
}

func (xs Exchanges) eachGeneration(f func(Exchanges) error) error {
	var hosts []string
	for _, x := range xs {
		if !slices.Contains(hosts, x.Host) {
			hosts = append(hosts, x.Host)
		}
	}
	for _, h := range hosts {
		for _, g := range xs.Where(On(h)).Split(Key(kmsg.SyncGroup)) {
			if err := f(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tail is the last n exchanges of each host.
func (xs Exchanges) Tail(n int) Exchanges {
	left := map[string]int{}
	var out Exchanges
	for _, x := range slices.Backward(xs) {
		if left[x.Host]++; left[x.Host] <= n {
			out = append(out, x)
		}
	}
	slices.Reverse(out)
	return out
}

func (xs Exchanges) String() string {
	lines := make([]string, len(xs))
	for i, x := range xs {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}
