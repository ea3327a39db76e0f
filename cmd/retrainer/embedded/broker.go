package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Broker is a running broker.
type Broker struct {
	fake      *kfake.Cluster
	lock      *os.File
	decisions *decisions
	address   string

	failed context.Context // done once something could not be written
	fail   context.CancelCauseFunc
}

// Start starts a broker that listens on address (host:port) and keeps its data in the folder data, which is made if it is not
// there. What a kill -9 left behind there is repaired first.
func Start(address, data string, log zerolog.Logger) (b *Broker, err error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w: host:port is needed", address, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: the port must be a number from 0 to 65535", address)
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, unusable(data, err)
	}
	held, err := lock(filepath.Join(data, "lock"))
	if errors.Is(err, errInUse) {
		return nil, fmt.Errorf("the data folder %s is in use by another process; stop that one, or give another --data", data)
	}
	if err != nil {
		return nil, unusable(data, err)
	}
	defer func() {
		if err != nil {
			_ = held.Close()
		}
	}()
	b = &Broker{lock: held}
	b.failed, b.fail = context.WithCancelCause(context.Background())
	if b.decisions, err = openDecisions(filepath.Join(data, "decided"), b.unwritten); err != nil {
		return nil, unusable(data, err)
	}
	if err := repair(data, b.decisions, log); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be repaired after a crash: %w; keep a copy if it matters, and begin with another --data", data, err)
	}
	b.fake, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(int(n)), kfake.DataDir(data), kfake.SyncWrites(),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": strconv.FormatInt(never.Milliseconds(), 10)}),
		kfake.WithLogger(logger{b, log}),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, address) }))
	if onFile := (*fs.PathError)(nil); errors.As(err, &onFile) { // of several that say the same
		return nil, unusable(data, onFile)
	}
	if err != nil {
		return nil, fmt.Errorf("the embedded broker cannot start on %s: %w; is another one running there? --listen gives another address", address, err)
	}
	b.address = b.fake.ListenAddrs()[0]
	b.control()
	return b, nil
}

// errInUse is that another process has a folder's lock.
var errInUse = errors.New("in use")

func unusable(data string, err error) error {
	return fmt.Errorf("the data folder %s cannot be used: %w; give another --data", data, err)
}

// never is when kfake would compact.
const never = 100 * 365 * 24 * time.Hour

// Address is where the broker listens.
func (b *Broker) Address() string { return b.address }

// Close stops the broker and writes what it holds in memory.
func (b *Broker) Close() {
	b.fake.Close()
	_ = b.lock.Close()
}

// control has requests seen before kfake handles them. kfake handles one request at a time.
func (b *Broker) control() {
	see := func(key kmsg.Key, f func(kmsg.Request)) {
		b.fake.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			b.fake.KeepControl()
			f(req)
			err := b.Failure()
			return nil, err, err != nil // the connection is closed, and nobody is told that it was done
		})
	}
	see(kmsg.Produce, func(req kmsg.Request) { b.produce(req.(*kmsg.ProduceRequest)) })
	see(kmsg.TxnOffsetCommit, func(req kmsg.Request) {
		r := req.(*kmsg.TxnOffsetCommitRequest)
		for i := range r.Topics {
			if info := b.fake.TopicIDInfo(r.Topics[i].TopicID); r.Topics[i].Topic == "" && info != nil {
				r.Topics[i].Topic = info.Topic
			}
		}
		b.decisions.offsets(r)
	})
	see(kmsg.EndTxn, func(req kmsg.Request) { b.decisions.end(req.(*kmsg.EndTxnRequest)) })
	see(kmsg.InitProducerID, func(req kmsg.Request) { b.decisions.fence(req.(*kmsg.InitProducerIDRequest)) })
}

// produce stamps what goes to a topic with LogAppendTime, and notes which partitions a transaction has written to.
func (b *Broker) produce(req *kmsg.ProduceRequest) {
	now := time.Now().UnixMilli()
	for i := range req.Topics {
		t := &req.Topics[i]
		name, appendTime := b.topic(req, t)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if appendTime {
				p.Records = stamp(p.Records, now)
			}
			b.decisions.wrote(name, p.Partition, p.Records)
		}
	}
}

func (b *Broker) topic(req *kmsg.ProduceRequest, t *kmsg.ProduceRequestTopic) (name string, appendTime bool) {
	info := b.fake.TopicInfo(t.Topic)
	if req.Version >= 13 {
		info = b.fake.TopicIDInfo(t.TopicID)
	}
	if info == nil {
		return t.Topic, false
	}
	kind := info.Configs["message.timestamp.type"]
	return info.Topic, kind != nil && *kind == "LogAppendTime"
}

// logger hands kfake's words on.
type logger struct {
	b   *Broker
	log zerolog.Logger
}

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	event := l.log.Debug()
	if err := unwrittenByKfake(format, args); err != nil {
		l.b.unwritten(err)
	}
	switch {
	case l.b.Failure() != nil: // whoever runs the broker says it, and what comes later follows from it
	case level == kfake.LogLevelError:
		event = l.log.Error()
	case level == kfake.LogLevelWarn && !strings.HasPrefix(format, "txn: "): // of transactions it warns that they take milliseconds
		event = l.log.Warn()
	}
	event.Str("broker", "embedded").Msgf(format, args...)
}
