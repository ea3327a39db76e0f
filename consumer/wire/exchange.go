package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	readStep  = 1 << 20   // bytes: how far an answer's announced length is believed beyond what has arrived
	maxAnswer = 256 << 20 // bytes
	keepOut   = 1 << 20   // bytes of request buffer that a connection keeps

	smallAnswer = 256 // bytes: enough for most answers but fetches

	softwareName, softwareVersion = "retrainer", "1" // KIP-511: for the broker's own statistics
)

// call is one request and its answer, over as many brokers as it takes.
type call struct {
	format *kmsg.RequestFormatter
	req    kmsg.Request
	res    kmsg.Response
	buf    []byte // the answer's bytes go here; res may point into it
	unsafe bool   // strings of res may point into buf as well
}

// exchange is one try of a call on one connection. It is a message that kafka-go lets read and write the connection
// itself (protocol.RawExchanger).
type exchange struct {
	*call
	ctx   context.Context
	phase atomic.Int32
	done  chan struct{} // closed when the connection's goroutine has let go of the call
	err   error         // readable once done is closed
}

// errSessionOver is of a connection that is too old for its login; the request goes over a new one.
var errSessionOver = errors.New("the login of this connection is about to expire")

// The phases of an exchange. Either the connection's goroutine begins it, or its caller gives it up: then the goroutine,
// should it ever come to it, touches nothing.
const (
	waiting int32 = iota
	begun
	givenUp
)

func (e *exchange) ApiKey() protocol.ApiKey { return protocol.ApiKey(e.req.Key()) }

func (e *exchange) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange runs on the connection's goroutine. An error closes the connection.
func (e *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !e.phase.CompareAndSwap(waiting, begun) {
		return e, nil
	}
	defer close(e.done)
	n, ok := rw.(net.Conn).LocalAddr().(*note)
	if !ok {
		e.err = errors.New("connection lost its note")
		return nil, e.err
	}
	if until := n.conn.until; !until.IsZero() && time.Now().After(until) {
		e.err = errSessionOver
		return nil, e.err
	}
	stop := context.AfterFunc(e.ctx, n.conn.cut)
	e.err = e.run(n.conn, rw)
	if !stop() {
		return nil, context.Cause(e.ctx) // the connection is cut, even if the answer is whole
	}
	if e.err != nil && !errors.As(e.err, new(*UnsupportedError)) {
		return nil, e.err
	}
	return e, nil
}

func (e *exchange) run(c *conn, rw io.ReadWriter) error {
	if c.offered == nil {
		offered, err := e.negotiate(c, rw)
		if err != nil {
			return fmt.Errorf("asking the broker for its versions: %w", err)
		}
		c.offered = offered
	}
	version, err := choose(e.req, c.offered)
	if err != nil {
		return err
	}
	e.req.SetVersion(version)
	var body []byte
	body, e.buf, err = e.roundTrip(c, rw, e.req, e.buf)
	if err != nil {
		return err
	}
	e.res.SetVersion(version)
	if u, ok := e.res.(interface{ UnsafeReadFrom([]byte) error }); ok && e.unsafe {
		err = u.UnsafeReadFrom(body)
	} else {
		err = e.res.ReadFrom(body)
	}
	if err != nil {
		return fmt.Errorf("reading the answer (version %d, %d bytes): %w", version, len(body), err)
	}
	return nil
}

// negotiate asks what versions the broker offers (KIP-511: a broker that does not know the version asked with answers in
// version 0, with error 35).
func (e *exchange) negotiate(c *conn, rw io.ReadWriter) (map[int16]versions, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = softwareName, softwareVersion
	res := kmsg.ApiVersionsResponse{ErrorCode: kerr.UnsupportedVersion.Code}
	for _, version := range []int16{4, 0} {
		req.SetVersion(version)
		body, _, err := e.roundTrip(c, rw, req, nil)
		if err != nil {
			return nil, err
		}
		if len(body) >= 2 && int16(binary.BigEndian.Uint16(body)) == kerr.UnsupportedVersion.Code {
			continue
		}
		res = kmsg.NewApiVersionsResponse()
		res.SetVersion(version)
		if err := res.ReadFrom(body); err != nil {
			return nil, err
		}
		break
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return nil, err
	}
	offered := make(map[int16]versions, len(res.ApiKeys))
	for _, k := range res.ApiKeys {
		offered[k.ApiKey] = versions{k.MinVersion, k.MaxVersion}
	}
	return offered, nil
}

// roundTrip writes req and gives the answer's body, which is a part of the buffer that it gives as well.
func (e *exchange) roundTrip(c *conn, rw io.ReadWriter, req kmsg.Request, buf []byte) (body, grown []byte, err error) {
	c.correlation++
	out := e.format.AppendRequest(c.out[:0], req, c.correlation)
	if cap(out) <= keepOut {
		c.out = out
	}
	if _, err := rw.Write(out); err != nil {
		return nil, buf, err
	}
	if buf, err = readAnswer(rw, buf); err != nil {
		return nil, buf, err
	}
	if got := int32(binary.BigEndian.Uint32(buf)); got != c.correlation {
		return nil, buf, fmt.Errorf("answer to request %d where %d was asked", got, c.correlation)
	}
	body = buf[4:]
	if req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		r := kbin.Reader{Src: body}
		kmsg.SkipTags(&r)
		if !r.Ok() {
			return nil, buf, errors.New("answer's header is cut short")
		}
		body = r.Src
	}
	return body, buf, nil
}

// readAnswer reads one answer without its length into buf, which grows with what arrives.
func readAnswer(r io.Reader, buf []byte) ([]byte, error) {
	buf = slices.Grow(buf[:0], smallAnswer)[:4]
	if _, err := io.ReadFull(r, buf); err != nil {
		return buf, err
	}
	size := int(int32(binary.BigEndian.Uint32(buf)))
	if size < 4 || size > maxAnswer {
		return buf, fmt.Errorf("answer of %d bytes (4 to %d are accepted)", size, maxAnswer)
	}
	buf = buf[:0]
	for len(buf) < size {
		n := size - len(buf)
		if cap(buf) < size {
			n = min(n, max(readStep, len(buf)))
			buf = slices.Grow(buf, n)
		}
		at := len(buf)
		buf = buf[:at+n]
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			return buf, err
		}
	}
	return buf, nil
}
