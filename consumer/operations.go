package consumer

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Operation is what a right allows to do with a topic, as kafka-acls names it.
type Operation = kmsg.ACLOperation

// The operations that a service needs.
const (
	Read  = kmsg.ACLOperationRead
	Write = kmsg.ACLOperationWrite
)

var operationNames = map[Operation]string{Read: "Read", Write: "Write"}

// unknownOperations is the answer of a broker that does not tell.
const unknownOperations = math.MinInt32

// Need is a *SetupError where this client's principal may not do one of them with the topic, by what the broker said of it (KIP-430):
// so that what is needed seldom is missed at the start.
func (t *Topic) Need(operations ...Operation) error {
	for _, o := range operations {
		if t.operations == unknownOperations || t.operations&(1<<o) != 0 {
			continue
		}
		return setup(&fault{fate: fateDenied, what: "topic " + t.Name, code: kerr.TopicAuthorizationFailed.Code, want: operationNames[o] + " on topic " + t.Name})
	}
	return nil
}
