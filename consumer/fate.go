package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// fate is what an answer means for the one who asked.
type fate int8

const (
	fateDone   fate = iota // the request did what it says
	fateAgain              // the same request once more (Produce: same sequence), until the step's deadline
	fateRoute              // as fateAgain, after asking who leads or coordinates now
	fateDrop               // drop the handler and fence again: the producer's epoch or sequence is not ours any more, or a fate is unknown
	fateEnd                // the task ends: its generation of the group is over
	fateDenied             // a right is missing: until all tasks have run fateStop; then somebody took it away, and it is waited for
	fateStop               // the process ends with a sentence: no repetition mends this
)

func (f fate) String() string {
	return [...]string{"done", "again", "route", "drop", "end", "denied", "stop"}[f]
}

// fates is the one table of what each error code means to a task. A code that is not in it is fateAgain if kerr calls it
// retriable, else fateStop.
var fates = map[int16]fate{
	0: fateDone,

	// Routing: somebody else leads or coordinates by now, or is not elected yet.
	3: fateRoute, 5: fateRoute, 6: fateRoute, 8: fateRoute, 9: fateRoute, 13: fateRoute, 15: fateRoute, 16: fateRoute,
	55: fateAgain, // OPERATION_NOT_ATTEMPTED: another partition of the request was refused
	-1: fateRoute, // UNKNOWN_SERVER_ERROR: the broker failed at it, as it may on a full disk; whether it did it is not known
	56: fateRoute, 72: fateRoute, 74: fateRoute, 75: fateRoute, 100: fateRoute, 103: fateRoute,

	7:  fateAgain, // REQUEST_TIMED_OUT: perhaps appended; the same sequence is taken once
	14: fateAgain, // COORDINATOR_LOAD_IN_PROGRESS: also when a leader's check with the coordinator was overtaken
	19: fateAgain, // NOT_ENOUGH_REPLICAS: also when that check failed; for as long as the coordinator is dead
	20: fateAgain, // NOT_ENOUGH_REPLICAS_AFTER_APPEND
	51: fateAgain, // CONCURRENT_TRANSACTIONS: the transaction before is still being ended
	78: fateAgain, // OFFSET_NOT_AVAILABLE: a new leader does not know its high watermark yet
	88: fateAgain, // UNSTABLE_OFFSET_COMMIT: a transaction with offsets of this group is open
	89: fateAgain, // THROTTLING_QUOTA_EXCEEDED

	// The fence: another owner has a later epoch, or the coordinator gave up on our transaction.
	45:  fateDrop, // OUT_OF_ORDER_SEQUENCE_NUMBER
	46:  fateDrop, // DUPLICATE_SEQUENCE_NUMBER: an old batch; what became of the new one is not known
	47:  fateDrop, // INVALID_PRODUCER_EPOCH
	48:  fateDrop, // INVALID_TXN_STATE
	49:  fateDrop, // INVALID_PRODUCER_ID_MAPPING
	59:  fateDrop, // UNKNOWN_PRODUCER_ID
	52:  fateDrop, // TRANSACTION_COORDINATOR_FENCED
	90:  fateDrop, // PRODUCER_FENCED
	120: fateDrop, // TRANSACTION_ABORTABLE

	// The group goes on without this generation.
	22: fateEnd, // ILLEGAL_GENERATION
	25: fateEnd, // UNKNOWN_MEMBER_ID
	27: fateEnd, // REBALANCE_IN_PROGRESS
	79: fateEnd, // MEMBER_ID_REQUIRED
	82: fateEnd, // FENCED_INSTANCE_ID

	// A right that was taken away while the service runs (denied.go). A fetch is asked again in place, for it changes nothing.
	29: fateDenied, // TOPIC_AUTHORIZATION_FAILED: in a transaction drop, and the fence tries the same partitions before it loads
	30: fateDenied, // GROUP_AUTHORIZATION_FAILED: of a heartbeat or a join the generation ends, and the member asks until it may; in a transaction the task is dropped
	31: fateDenied, // CLUSTER_AUTHORIZATION_FAILED: of a tick, no right to write to any topic; tried again every second
	53: fateDenied, // TRANSACTIONAL_ID_AUTHORIZATION_FAILED: drop, and the fence is tried until it may
}

func fateOf(code int16) fate {
	if f, ok := fates[code]; ok {
		return f
	}
	if kerr.IsRetriable(kerr.ErrorForCode(code)) {
		return fateAgain
	}
	return fateStop
}

// fault is an error with the fate it leads to.
type fault struct {
	fate  fate
	what  string // the step, and what it was about
	cause string // one of our causes of drops, "" where code or err says it
	code  int16  // Kafka's error code, 0 if there was no answer
	err   error  // the transport's error, nil if there was an answer
	want  string // the right that was wanted, where the answer is that there is none: operation and resource
}

func (f *fault) Error() string {
	if f.err != nil {
		return fmt.Sprintf("%s: %v", f.what, f.err)
	}
	s := fmt.Sprintf("%s: error %d", f.what, f.code)
	if e := kerr.ErrorForCode(f.code); e != nil {
		s += ": " + e.Error()
	}
	if f.want != "" && fates[f.code] == fateDenied {
		s += fmt.Sprintf(" (give the principal the right %s; `retrainer topics plan` prints all that are needed)", f.want)
	} else if m := remedies[f.code]; m != "" {
		s += " " + m
	}
	return s
}

func (f *fault) Unwrap() error {
	if f.err != nil {
		return f.err
	}
	return kerr.ErrorForCode(f.code)
}

// rights are what a request needs, by the answer to one who has it not.
type rights map[int16]string

func toDescribe(topic string) string {
	return "Describe on topic " + topic + ", which Read, Write or Alter on it gives as well"
}

// mistakes are the answers that speak of rights and settings, whatever was asked.
var mistakes = map[int16]bool{
	17: true, // INVALID_TOPIC_EXCEPTION
	26: true, // INVALID_SESSION_TIMEOUT
	29: true, // TOPIC_AUTHORIZATION_FAILED
	30: true, // GROUP_AUTHORIZATION_FAILED
	31: true, // CLUSTER_AUTHORIZATION_FAILED
	35: true, // UNSUPPORTED_VERSION: of the broker
	37: true, // INVALID_PARTITIONS
	38: true, // INVALID_REPLICATION_FACTOR
	40: true, // INVALID_CONFIG
	44: true, // POLICY_VIOLATION: the broker's own rules for topics
	50: true, // INVALID_TRANSACTION_TIMEOUT
	53: true, // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
	58: true, // SASL_AUTHENTICATION_FAILED
}

// remedies says what to do where an operator can do something.
var remedies = map[int16]string{
	10: "(raise max.message.bytes of the topic)",
	29: "(grant the principal the topic right that `retrainer topics plan` prints)",
	30: "(grant the principal Read on the group)",
	50: "(raise the broker's transaction.max.timeout.ms to at least 10 s)",
	53: "(grant the principal Write on the transactional ids)",
}

// drop is the fault that makes a task recover, for one of our causes.
func drop(cause, what string, err error) error {
	return &fault{fate: fateDrop, cause: cause, what: what, err: err}
}

// stop is the fault that ends the process.
func stop(format string, a ...any) error {
	return &fault{fate: fateStop, what: "consumer", err: fmt.Errorf(format, a...)}
}

// fateOfError tells what an error means for a task: a fault says it itself; what was cancelled ends; anything else no
// repetition mends.
func fateOfError(err error) fate {
	var f *fault
	switch {
	case err == nil:
		return fateDone
	case errors.As(err, &f):
		return f.fate
	case errors.Is(err, context.Canceled):
		return fateEnd
	default:
		return fateStop
	}
}
