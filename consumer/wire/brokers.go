package wire

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AnyNode stands for whichever broker answers.
const AnyNode = int32(-1)

// Refresh asks the cluster for its brokers. Any Metadata answer that comes through Do renews the table of addresses as
// well, and one that names a coordinator adds to it; Refresh is for when there is nothing else to ask.
func (c *Client) Refresh(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	_, err := Do[*kmsg.MetadataResponse](ctx, c, AnyNode, req)
	return err
}

// address is where a node listens; the cluster is asked once if that is not known.
func (c *Client) address(ctx context.Context, node int32) (string, error) {
	if a, ok := c.lookup(node); ok {
		return a, nil
	}
	select {
	case c.learn <- struct{}{}:
		defer func() { <-c.learn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if a, ok := c.lookup(node); ok {
		return a, nil
	}
	if err := c.Refresh(ctx); err != nil {
		return "", err
	}
	if a, ok := c.lookup(node); ok {
		return a, nil
	}
	return "", ErrUnknownNode
}

func (c *Client) lookup(node int32) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.nodes[node]
	return a, ok
}

// candidates is every known address once: the one that answered last, the cluster's, the configured ones.
func (c *Client) candidates() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	add := func(a string) {
		if a != "" && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	add(c.preferred)
	for _, node := range slices.Sorted(maps.Keys(c.nodes)) {
		add(c.nodes[node])
	}
	for _, a := range c.config.Brokers {
		add(a)
	}
	return all
}

func (c *Client) prefer(address string) {
	c.mu.Lock()
	c.preferred = address
	c.mu.Unlock()
}

// transport is the pool of connections to address; nil after Close.
func (c *Client) transport(address string) *kafka.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	t := c.transports[address]
	if t == nil {
		t = &kafka.Transport{
			Dial:           c.dial,
			DialTimeout:    dialTimeout,
			IdleTimeout:    idleTimeout,
			MetadataTTL:    pingInterval,
			MetadataTopics: []string{},
			ClientID:       c.config.ClientID,
			Context:        c.ctx,
		}
		if c.config.TLS != nil || c.config.SASL != nil {
			t.DialTimeout = secureTimeout
		}
		c.transports[address] = t
	}
	return t
}

// distrust closes the idle connections to address after a failure, so that the next request meets a new one instead of
// another that may hang until its deadline. Requests under way go on.
func (c *Client) distrust(address string, t *kafka.Transport) {
	c.mu.Lock()
	if c.transports[address] == t {
		delete(c.transports, address)
	}
	c.mu.Unlock()
	t.CloseIdleConnections()
}

// settle closes the pool that a request may have opened in a transport which was dropped meanwhile.
func (c *Client) settle(address string, t *kafka.Transport) {
	c.mu.Lock()
	current := c.transports[address] == t
	c.mu.Unlock()
	if !current {
		t.CloseIdleConnections()
	}
}

// note takes the addresses of nodes out of an answer.
func (c *Client) note(res kmsg.Response) {
	switch r := res.(type) {
	case *kmsg.MetadataResponse:
		c.replace(r.Brokers)
	case *kmsg.FindCoordinatorResponse:
		if r.ErrorCode == 0 {
			c.add(r.NodeID, r.Host, r.Port)
		}
		for i := range r.Coordinators {
			if k := &r.Coordinators[i]; k.ErrorCode == 0 {
				c.add(k.NodeID, k.Host, k.Port)
			}
		}
	case *kmsg.FetchResponse: // a new leader's address (KIP-951)
		for i := range r.Brokers {
			c.add(r.Brokers[i].NodeID, r.Brokers[i].Host, r.Brokers[i].Port)
		}
	case *kmsg.ProduceResponse:
		for i := range r.Brokers {
			c.add(r.Brokers[i].NodeID, r.Brokers[i].Host, r.Brokers[i].Port)
		}
	}
}

func (c *Client) add(node int32, host string, port int32) {
	if node < 0 || host == "" {
		return
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	c.mu.Lock()
	c.nodes[node] = address
	c.mu.Unlock()
}

// replace makes the table what Metadata says, and lets go of pools whose brokers are gone.
func (c *Client) replace(brokers []kmsg.MetadataResponseBroker) {
	if len(brokers) == 0 {
		return
	}
	nodes := make(map[int32]string, len(brokers))
	for i := range brokers {
		nodes[brokers[i].NodeID] = net.JoinHostPort(brokers[i].Host, strconv.Itoa(int(brokers[i].Port)))
	}
	keep := slices.Concat(slices.Collect(maps.Values(nodes)), c.config.Brokers)
	var gone []*kafka.Transport
	c.mu.Lock()
	c.nodes = nodes
	for address, t := range c.transports {
		if !slices.Contains(keep, address) {
			delete(c.transports, address)
			gone = append(gone, t)
		}
	}
	c.mu.Unlock()
	for _, t := range gone {
		t.CloseIdleConnections()
	}
}
