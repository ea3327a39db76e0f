package consumer

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/consumer/wire"
)

// ClientConfig says which cluster a Client talks to, and how.
type ClientConfig struct {
	Brokers  []string // host:port to begin with; required
	ClientID string
	Access
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP
	Now     func() time.Time                                                     // nil: time.Now
	Log     zerolog.Logger                                                       // says what is waited for
	Waiting func(why error)                                                      // nil, or told what is waited for, and with nil that the cluster has answered

	// OnRecord sees each record that a Reader is asked for, and may give its value another form; an error is that of Next. nil: nobody looks.
	OnRecord func(ctx context.Context, r *record.Record) error
}

// Client reads, appends and looks after topics, for programs that run no Consumer. It is safe for concurrent use.
//
// A cluster that does not answer is waited for until the context is done; a *SetupError says what an operator has to mend: a
// topic that is not there, a right, a setting.
type Client struct {
	cfg     ClientConfig
	wire    *wire.Client
	cluster *cluster
}

// Connect makes a Client; nothing is dialled before the first request.
func Connect(cfg ClientConfig) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, &SetupError{Message: "no brokers given: at least one host:port is needed"}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	w := wire.NewClient(wire.Config{Brokers: cfg.Brokers, Dial: cfg.Dial, TLS: cfg.TLS, SASL: cfg.SASL, ClientID: cfg.ClientID})
	return &Client{cfg: cfg, wire: w, cluster: newCluster(w, cfg.Brokers, cfg.Now)}, nil
}

// Close ends every request under way and returns when all connections are closed.
func (c *Client) Close() { c.wire.Close() }

// NeedTopics sees to it that topics are there: a missing one is a *SetupError.
func (c *Client) NeedTopics(ctx context.Context, names ...string) error {
	return c.wait(ctx, func(ctx context.Context) error { return c.cluster.need(ctx, names...) })
}

// metadata asks for the brokers and the controller, and for the topics named.
func (c *Client) metadata(ctx context.Context, names ...string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	req.IncludeTopicAuthorizedOperations = true
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, t)
	}
	var res *kmsg.MetadataResponse
	err := c.wait(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		var err error
		if res, err = wire.Do[*kmsg.MetadataResponse](ctx, c.wire, wire.AnyNode, req); err != nil {
			return asFault("metadata", err)
		}
		return nil
	})
	return res, err
}

// wait repeats what fails for reasons that pass by themselves, and says what it waits for: at once, then ever more seldom.
func (c *Client) wait(ctx context.Context, do func(ctx context.Context) error) error {
	retry, said := delays(50*time.Millisecond), delays(time.Second)
	var silent time.Time
	for {
		err := do(ctx)
		if c.cfg.Waiting != nil && (err == nil || ctx.Err() == nil && passes(err)) { // what was cancelled waits for nothing
			c.cfg.Waiting(err)
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passes(err):
			return setup(err)
		}
		if now := c.cfg.Now(); !now.Before(silent) {
			c.cfg.Log.Warn().Err(err).Strs("brokers", c.cfg.Brokers).Msg("waiting for the cluster")
			silent = now.Add(10 * said.NextBackOff())
		}
		if pause(ctx, retry.NextBackOff()) != nil {
			return context.Cause(ctx)
		}
	}
}

// passes tells whether the same request may be answered otherwise in a while.
func passes(err error) bool {
	var f *fault
	if !errors.As(err, &f) || errors.As(err, new(*wire.UnsupportedError)) {
		return false
	}
	return f.err != nil && f.fate != fateStop || f.code != 0 && (fateOf(f.code) == fateAgain || fateOf(f.code) == fateRoute)
}

// setup marks an answer that speaks of rights and settings as one for an operator; any other error stays what it is.
func setup(err error) error {
	if r := (*wire.RefusedError)(nil); errors.As(err, &r) && r.First {
		return &SetupError{Message: "broker at " + r.Address + ": " + r.Reason, cause: err}
	}
	if f := (*fault)(nil); errors.As(err, &f) && (mistakes[f.code] || errors.As(f.err, new(*wire.UnsupportedError))) {
		return &SetupError{Message: err.Error(), cause: err}
	}
	return err
}
