package wire

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	// ErrClosed is the cause of every failure after Client.Close.
	ErrClosed = errors.New("client is closed")
	// ErrNotSent is matched by a RequestError whose request certainly reached no broker.
	ErrNotSent = errors.New("request was not sent")
	// ErrNotKafka is the cause when what answers at an address is no broker, or one that wants TLS.
	ErrNotKafka = errors.New("what answers there does not speak Kafka's protocol (HTTP, or TLS where none is set?)")
	// ErrUnknownNode is the cause when a request names a node that the cluster's metadata does not have.
	ErrUnknownNode = errors.New("the cluster names no such node")
)

// RequestError is every failure to get an answer. Whether the broker acted on the request is unknown unless errors.Is
// reports ErrNotSent.
type RequestError struct {
	Key     int16
	Node    int32  // AnyNode where any broker would have done
	Address string // empty if it came to no address
	NotSent bool
	Err     error
}

func (e *RequestError) Error() string {
	where := "any broker"
	if e.Node != AnyNode {
		where = fmt.Sprintf("node %d", e.Node)
	}
	if e.Address != "" {
		where += " at " + e.Address
	}
	fate := "no answer"
	if e.NotSent {
		fate = "not sent"
	}
	return fmt.Sprintf("%s request to %s: %s: %v", kmsg.NameForKey(e.Key), where, fate, e.Err)
}

func (e *RequestError) Unwrap() error { return e.Err }

func (e *RequestError) Is(target error) bool { return target == ErrNotSent && e.NotSent }

// RefusedError says that the two ends of a connection do not agree on TLS or on the login, and what to do about it.
//
// First is the line between what ends a process and what it waits for. A client that no broker has ever answered was given the wrong
// files, password or port: no repetition mends that. One that was answered before was given the right ones: then a broker was started
// again with other settings, or a password changed, and if that ended processes, one mistake would end all instances at once. They
// wait, and say so, until it is put right or they are started again with what is right now.
type RefusedError struct {
	Address string
	Code    int16  // Kafka's, of a login: 33, 34, 58; 0: it is about TLS
	Reason  string // what is wrong, and what to do
	First   bool
	Err     error
}

func (e *RefusedError) Error() string { return e.Reason }

func (e *RefusedError) Unwrap() error { return e.Err }

// UnsupportedError says that a broker offers no version of a request that this package can use. Retrying does not help:
// the broker has to be upgraded (or is too new).
type UnsupportedError struct {
	Key                  int16
	Min, Max             int16 // what was wanted
	BrokerMin, BrokerMax int16 // what the broker offers; -1, -1: it does not know the request
}

func (e *UnsupportedError) Error() string {
	name := kmsg.NameForKey(e.Key)
	if e.BrokerMax < 0 {
		return fmt.Sprintf("broker does not know %s requests (key %d); versions %d to %d would do", name, e.Key, e.Min, e.Max)
	}
	return fmt.Sprintf("broker offers %s (key %d) in versions %d to %d; versions %d to %d would do",
		name, e.Key, e.BrokerMin, e.BrokerMax, e.Min, e.Max)
}

// CorruptError says that record batches cannot be read on. Offset is the base offset of the batch in question.
type CorruptError struct {
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("record batch at offset %d is corrupt: %s", e.Offset, e.Reason)
}
