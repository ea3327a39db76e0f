package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// conn is a connection to a broker and what is remembered of it. One request at a time uses it.
type conn struct {
	net.Conn
	raw    net.Conn // what Conn is, or what it makes TLS on
	client *Client
	once   sync.Once
	until  time.Time // from then on it is not used: the broker ends a login's session (KIP-368); zero: it does not

	note        note
	offered     map[int16]versions // nil until the broker was asked
	correlation int32
	out         []byte // reused for requests

	first [4]byte // of what the broker says: the length of its first answer
	got   int     // how many of them have come
}

// note is the local address of a conn, and carries the conn: LocalAddr is what kafka-go's protocol.Conn and tls.Conn pass
// on from the connection under them.
type note struct {
	net.Addr
	conn *conn
}

func (c *conn) LocalAddr() net.Addr { return &c.note }

// Read looks at how long the first answer says it is. Another protocol's greeting read as Kafka's is an answer of gigabytes, for
// which kafka-go would make room.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.got == len(c.first) {
		return n, err
	}
	c.got += copy(c.first[c.got:], b[:n])
	if c.got == len(c.first) && binary.BigEndian.Uint32(c.first[:]) > longestFirst {
		if c.first[0] == 21 && c.first[1] == 3 { // of a record of TLS: an alert, and the version
			return 0, fmt.Errorf("%w: %w", ErrNotKafka, errAlert)
		}
		return 0, fmt.Errorf("%w: its answer begins with %q", ErrNotKafka, c.first[:])
	}
	return n, err
}

// longestFirst is far above the bytes of any broker's first answer, which names the requests that it knows.
const longestFirst = 1 << 20

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.client.forget(c) })
	return err
}

// cut ends whatever waits on the connection; its owner closes it then. TLS would say goodbye first, and wait for that.
func (c *conn) cut() { c.raw.Close() }

// errAlert is the answer of a listener that wants TLS to one who comes without.
var errAlert = errors.New("it answers by an alert of TLS")

// dial opens a connection that Close can cut and waits for.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	c.open.Add(1)
	c.mu.Unlock()

	nc, err := c.config.Dial(ctx, network, address)
	if err != nil {
		c.open.Done()
		return nil, err
	}
	secure, err := c.shake(ctx, nc, address)
	if err != nil {
		_ = nc.Close()
		c.open.Done()
		return nil, err
	}
	k := &conn{Conn: secure, raw: nc, client: c}
	k.note = note{nc.LocalAddr(), k}
	c.mu.Lock()
	c.conns[k] = struct{}{}
	closed := c.closed
	c.mu.Unlock()
	if closed {
		_ = k.Close()
		return nil, ErrClosed
	}
	if err := c.login(ctx, k); err != nil {
		_ = k.Close()
		return nil, err
	}
	return k, nil
}

func (c *Client) forget(k *conn) {
	c.mu.Lock()
	delete(c.conns, k)
	c.mu.Unlock()
	c.open.Done()
}
