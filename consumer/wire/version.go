package wire

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// noID is the id of a topic of which none is known.
var noID [16]byte

// versions is the range of one request that a broker offers.
type versions struct{ min, max int16 }

// wanted is the versions of req that may be used.
//
// Upper bounds: transactions stay V1. From the versions left out on, a broker takes the request for transactions V2
// (KIP-890), or, for AddPartitionsToTxn, for one sent by a broker.
// Lower bounds: an older version is not refused but silently leaves out what exactly-once needs: batches v2 (Produce 3,
// KIP-98), isolation (Fetch 4, KIP-98; ListOffsets 2), the group's fence (TxnOffsetCommit 3, KIP-447; OffsetCommit 2),
// offsets of open transactions held back (OffsetFetch 7, KIP-447).
func wanted(req kmsg.Request) versions {
	s := versions{0, req.MaxVersion()}
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		s = versions{3, 11}
	case *kmsg.FetchRequest:
		s.min = 4
		if !fetchHasIDs(r) {
			s.max = 12
		}
	case *kmsg.ListOffsetsRequest:
		s.min = 2
	case *kmsg.OffsetFetchRequest:
		s.min = 7
		if !offsetFetchHasIDs(r) {
			s.max = 9
		}
	case *kmsg.OffsetCommitRequest:
		s.min = 2
		if !offsetCommitHasIDs(r) {
			s.max = 9
		}
	case *kmsg.AddPartitionsToTxnRequest:
		s.max = 3
	case *kmsg.AddOffsetsToTxnRequest:
		s.max = 3
	case *kmsg.EndTxnRequest:
		s.max = 4
	case *kmsg.TxnOffsetCommitRequest:
		s = versions{3, 4}
	}
	return s
}

// fetchHasIDs reports whether r can go by topic id (v13, KIP-516): in a cluster that is being upgraded, metadata can
// come from a broker without ids and the fetch go to one that has them.
func fetchHasIDs(r *kmsg.FetchRequest) bool {
	return !slices.ContainsFunc(r.Topics, func(t kmsg.FetchRequestTopic) bool { return t.TopicID == noID }) &&
		!slices.ContainsFunc(r.ForgottenTopics, func(t kmsg.FetchRequestForgottenTopic) bool { return t.TopicID == noID })
}

// offsetFetchHasIDs is fetchHasIDs for OffsetFetch v10.
func offsetFetchHasIDs(r *kmsg.OffsetFetchRequest) bool {
	return !slices.ContainsFunc(r.Groups, func(g kmsg.OffsetFetchRequestGroup) bool {
		return slices.ContainsFunc(g.Topics, func(t kmsg.OffsetFetchRequestGroupTopic) bool { return t.TopicID == noID })
	})
}

// offsetCommitHasIDs is fetchHasIDs for OffsetCommit v10.
func offsetCommitHasIDs(r *kmsg.OffsetCommitRequest) bool {
	return !slices.ContainsFunc(r.Topics, func(t kmsg.OffsetCommitRequestTopic) bool { return t.TopicID == noID })
}

// choose is the newest version of req that is wanted and offered.
func choose(req kmsg.Request, offered map[int16]versions) (int16, error) {
	want := wanted(req)
	have, ok := offered[req.Key()]
	if !ok {
		have = versions{-1, -1}
	}
	v := min(want.max, have.max)
	if v < want.min || v < have.min {
		return 0, &UnsupportedError{Key: req.Key(), Min: want.min, Max: want.max, BrokerMin: have.min, BrokerMax: have.max}
	}
	return v, nil
}
