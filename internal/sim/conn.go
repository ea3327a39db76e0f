package sim

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// conn knows the frames on its connection; answers come in the order of the requests. One goroutine writes, one reads.
type conn struct {
	net.Conn
	host *Host
	to   string
	gone chan struct{}
	once sync.Once

	mu          sync.Mutex
	read, write time.Time // deadlines
	open        []pending // sent, not answered

	out []byte // a request not yet whole
	in  []byte // a whole answer not yet read
}

type pending struct {
	x *Exchange
	f fate
}

// cut ends our side; silent does not tell the broker.
func (c *conn) cut(silent bool) {
	c.once.Do(func() {
		close(c.gone)
		if silent {
			c.Conn.SetDeadline(time.Unix(1, 0))
		} else {
			c.Conn.Close()
		}
		c.lose(ErrReset)
	})
}

// leave ends our side and hands the connection to a request that is still on its way.
func (c *conn) leave() {
	c.once.Do(func() {
		close(c.gone)
		c.Conn.SetDeadline(time.Unix(1, 0))
		c.lose(ErrReset)
	})
	c.host.forget(c)
}

func (c *conn) lose(why error) {
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	for _, p := range open {
		c.host.net.trace.lost(p.x, why)
	}
}

func (c *conn) Close() error {
	c.host.forget(c)
	c.cut(false)
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.read, c.write = t, t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.read = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.write = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) deadlines() (read, write time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read, c.write
}

// sleep waits d, but not beyond the deadline nor the connection's life.
func (c *conn) sleep(d time.Duration, deadline time.Time) error {
	if d <= 0 {
		return nil
	}
	late := !deadline.IsZero() && time.Until(deadline) < d
	if late {
		d = time.Until(deadline)
	}
	select {
	case <-after(d):
		if late {
			return os.ErrDeadlineExceeded
		}
		return nil
	case <-c.gone:
		return ErrReset
	}
}

func (c *conn) Write(b []byte) (int, error) {
	c.out = append(c.out, b...)
	for len(c.out) >= 8 {
		n := 4 + int(binary.BigEndian.Uint32(c.out))
		if len(c.out) < n {
			break
		}
		frame := slices.Clone(c.out[:n])
		c.out = append(c.out[:0], c.out[n:]...)
		if err := c.send(frame); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (c *conn) send(frame []byte) error {
	if err := c.host.gate(c.gone); err != nil {
		return err
	}
	x, f := c.host.begin(c.to, frame)
	err := c.carry(x, f, frame)
	if err != nil {
		c.host.net.trace.lost(x, err)
	}
	return err
}

// carry takes one request to the broker, or does not.
func (c *conn) carry(x *Exchange, f fate, frame []byte) error {
	switch f.Act {
	case Before:
		c.host.Crash(false)
		return ErrCrashed
	case Reset:
		c.cut(false)
		return ErrReset
	case Late, Stray:
		c.leave()
		c.wander(x, f, frame)
		if f.Act == Stray {
			return ErrReset
		}
		c.host.Crash(false)
		return ErrCrashed
	case StopBefore:
		c.host.stopped(f)
		if err := c.host.gate(c.gone); err != nil {
			return err
		}
	}
	_, deadline := c.deadlines()
	if !deadline.IsZero() && !time.Now().Before(deadline) { // the pause has eaten it: the write leaves, nobody waits
		c.leave()
		c.wander(x, fate{}, frame)
		return os.ErrDeadlineExceeded
	}
	latency, up := c.host.way(c.to)
	if !up {
		return c.sleep(time.Hour, deadline)
	}
	wait := latency
	if !f.Act.Stops() { // there it is how long the host stands still
		wait += f.Delay
	}
	began := time.Now()
	if err := c.sleep(wait, deadline); err == os.ErrDeadlineExceeded { // the sender has given up, the packets have not
		c.leave()
		c.wander(x, fate{Fault: Fault{Delay: wait - time.Since(began)}}, frame)
		return err
	} else if err != nil {
		return err
	}
	c.mu.Lock()
	c.open = append(c.open, pending{x, f})
	c.mu.Unlock()
	_, err := c.Conn.Write(frame)
	return err
}

// wander takes a request to the broker that nobody waits for any more.
func (c *conn) wander(x *Exchange, f fate, frame []byte) {
	n := c.host.net
	n.later(func() {
		if f.passed != nil {
			defer close(f.passed)
		}
		defer c.Conn.Close()
		if !n.wait(f, nil) {
			return
		}
		c.Conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := c.Conn.Write(frame); err != nil {
			return
		}
		if answer, err := readFrame(c.Conn); err == nil {
			n.trace.landed(x, answer)
		}
	})
}

// readFrame reads one whole frame, its size included.
func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, 4+int(binary.BigEndian.Uint32(size[:])))
	copy(b, size[:])
	_, err := io.ReadFull(r, b[4:])
	return b, err
}

func (c *conn) Read(b []byte) (int, error) {
	if len(c.in) == 0 {
		frame, err := c.receive()
		if err != nil {
			c.lose(err)
			return 0, err
		}
		c.in = frame
	}
	n := copy(b, c.in)
	c.in = c.in[n:]
	return n, nil
}

// receive brings one answer from the broker, or does not.
func (c *conn) receive() ([]byte, error) {
	frame, err := readFrame(c.Conn)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if len(c.open) == 0 {
		c.mu.Unlock()
		return nil, ErrReset
	}
	p := c.open[0]
	c.open = c.open[1:]
	c.mu.Unlock()
	if err := c.deliver(p); err != nil {
		c.host.net.trace.landed(p.x, frame)
		c.host.net.trace.lost(p.x, err)
		return nil, err
	}
	c.host.net.trace.answered(p.x, frame)
	return frame, nil
}

// deliver takes an answer's way to the host.
func (c *conn) deliver(p pending) error {
	switch p.f.Act {
	case After:
		c.host.Crash(false)
		return ErrCrashed
	case Lose:
		c.cut(false)
		return ErrReset
	case StopAfter:
		c.host.stopped(p.f)
	}
	deadline, _ := c.deadlines()
	if _, up := c.host.way(c.to); !up {
		if err := c.sleep(time.Hour, deadline); err != nil {
			return err
		}
		return ErrReset
	}
	if err := c.sleep(p.f.Answer, deadline); err != nil {
		return err
	}
	if err := c.host.gate(c.gone); err != nil {
		return err
	}
	if deadline, _ = c.deadlines(); !deadline.IsZero() && time.Now().After(deadline) {
		return os.ErrDeadlineExceeded
	}
	return nil
}
