package sim

import (
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Match picks exchanges. It must not keep x nor call the trace.
type Match func(x *Exchange) bool

// All is true where every m is.
func All(ms ...Match) Match {
	return func(x *Exchange) bool {
		for _, m := range ms {
			if !m(x) {
				return false
			}
		}
		return true
	}
}

// Not is true where m is not.
func Not(m Match) Match { return func(x *Exchange) bool { return !m(x) } }

// Key is true for requests of these kinds.
func Key(keys ...kmsg.Key) Match {
	return func(x *Exchange) bool { return slices.Contains(keys, x.Key) }
}

// On is true for requests of these hosts.
func On(hosts ...string) Match {
	return func(x *Exchange) bool { return slices.Contains(hosts, x.Host) }
}

// Txn is true for requests of one transactional id.
func Txn(id string) Match { return func(x *Exchange) bool { return x.TxnID() == id } }

// Topic is true for requests that name a topic, by its name or id.
func Topic(name string) Match {
	return func(x *Exchange) bool { return slices.Contains(x.Topics(), name) }
}

// Commit is true for EndTxn that commits, or with false that aborts.
func Commit(commit bool) Match {
	return func(x *Exchange) bool {
		r, ok := x.Request.(*kmsg.EndTxnRequest)
		return ok && r.Commit == commit
	}
}

// Answered is true for exchanges whose answer the host has.
func Answered(x *Exchange) bool { return x.Answered() }

// Code is true where the broker answered with this error code somewhere.
func Code(code int16) Match {
	return func(x *Exchange) bool { return slices.Contains(x.Codes(), code) }
}

// TransactionKeys are the requests of a transaction in V1 form, in their usual order.
func TransactionKeys() []kmsg.Key {
	return []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn}
}

// TxnID is the transactional id that the request names, or "".
func (x *Exchange) TxnID() string {
	switch r := x.Request.(type) {
	case *kmsg.InitProducerIDRequest:
		return text(r.TransactionalID)
	case *kmsg.ProduceRequest:
		return text(r.TransactionID)
	case *kmsg.AddPartitionsToTxnRequest:
		return r.TransactionalID
	case *kmsg.AddOffsetsToTxnRequest:
		return r.TransactionalID
	case *kmsg.TxnOffsetCommitRequest:
		return r.TransactionalID
	case *kmsg.EndTxnRequest:
		return r.TransactionalID
	}
	return ""
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Topics are the names of the topics in the request, those of a Fetch session's earlier requests aside.
func (x *Exchange) Topics() (names []string) {
	r := reflect.ValueOf(x.Request)
	if !r.IsValid() || r.IsNil() {
		return nil
	}
	ts := r.Elem().FieldByName("Topics")
	if !ts.IsValid() {
		return nil
	}
	for i := range ts.Len() {
		switch t := ts.Index(i); t.Kind() {
		case reflect.String:
			names = append(names, t.String())
		case reflect.Struct:
			switch n := t.FieldByName("Topic"); n.Kind() {
			case reflect.String:
				names = append(names, n.String())
			case reflect.Pointer:
				if !n.IsNil() {
					names = append(names, n.Elem().String())
				}
			}
		}
	}
	return names
}

// Codes are the error codes in the answer, wherever they stand in it, without zeros and repeats.
func (x *Exchange) Codes() (codes []int16) {
	if x.Response != nil {
		collectCodes(reflect.ValueOf(x.Response), &codes)
	}
	return codes
}

func collectCodes(v reflect.Value, codes *[]int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collectCodes(v.Elem(), codes)
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Struct || k == reflect.Pointer {
			for i := range v.Len() {
				collectCodes(v.Index(i), codes)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if c := v.Field(i); f.Name != "ErrorCode" {
				if f.IsExported() {
					collectCodes(c, codes)
				}
			} else if n := int16(c.Int()); n != 0 && !slices.Contains(*codes, n) {
				*codes = append(*codes, n)
			}
		}
	}
}
