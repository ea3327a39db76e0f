package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// broker answers what it is asked with the next of its answers, each of which becomes one with a length.
type broker struct {
	io.Reader
	asked int
}

func (b *broker) Write(p []byte) (int, error) { b.asked++; return len(p), nil }

func answers(bodies ...[]byte) *broker {
	var all []byte
	for _, b := range bodies {
		all = binary.BigEndian.AppendUint32(all, uint32(len(b)))
		all = append(all, b...)
	}
	return &broker{Reader: bytes.NewReader(all)}
}

func numbered(correlation int32, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(correlation)), body...)
}

func metadataCall() (*exchange, *conn) {
	e := &exchange{call: &call{format: kmsg.NewRequestFormatter(), req: brokersOnly(), res: new(kmsg.MetadataResponse)}}
	return e, &conn{offered: map[int16]versions{3: {0, 9}}}
}

func TestBadAnswersAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		b      *broker
		reason string
	}{
		"nothing":                {answers(), "EOF"},
		"another request's":      {answers(numbered(7, 0, 0, 0)), "answer to request 7"},
		"shorter than a header":  {answers([]byte{0, 0}), "answer of 2 bytes"},
		"longer than any":        {&broker{Reader: strings.NewReader("\x7f\xff\xff\xff")}, "answer of 2147483647 bytes"},
		"of negative length":     {&broker{Reader: strings.NewReader("\xff\xff\xff\xff")}, "answer of -1 bytes"},
		"cut short":              {&broker{Reader: strings.NewReader("\x00\x00\x00\x40\x00\x00\x00\x01")}, "unexpected EOF"},
		"with endless tags":      {answers(numbered(1, 0xff, 0xff, 0xff, 0xff, 0x0f)), "header is cut short"},
		"with an array too long": {answers(numbered(1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)), "reading the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			e, k := metadataCall()
			if err := e.run(k, c.b); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%v, expected an error about %q", err, c.reason)
			}
		})
	}
}

// A length is believed only as far as bytes have come.
func TestAnnouncedLengthIsNotAllocated(t *testing.T) {
	for _, sent := range []int{0, 10, readStep, 3 * readStep} {
		announced := binary.BigEndian.AppendUint32(nil, maxAnswer)
		buf, err := readAnswer(bytes.NewReader(append(announced, make([]byte, sent)...)), nil)
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", sent, err)
		}
		if cap(buf) > 4*(sent+readStep) {
			t.Errorf("%d bytes of an announced %d made a buffer of %d", sent, maxAnswer, cap(buf))
		}
	}
}

// A broker that does not know ApiVersions v4 answers in v0 (KIP-511), and is asked again in v0.
func TestVersionsOfAnOldBroker(t *testing.T) {
	v0 := kmsg.ApiVersionsResponse{ApiKeys: []kmsg.ApiVersionsResponseApiKey{{ApiKey: 3, MaxVersion: 5}}}
	refused := kmsg.ApiVersionsResponse{ErrorCode: 35}
	e, k := metadataCall()
	k.offered = nil
	metadata := kmsg.MetadataResponse{Version: 5, Brokers: []kmsg.MetadataResponseBroker{{NodeID: 4}}}
	b := answers(numbered(1, refused.AppendTo(nil)...), numbered(2, v0.AppendTo(nil)...), numbered(3, metadata.AppendTo(nil)...))
	if err := e.run(k, b); err != nil {
		t.Fatal(err)
	}
	if res := e.res.(*kmsg.MetadataResponse); res.Version != 5 || res.Brokers[0].NodeID != 4 || b.asked != 3 {
		t.Errorf("%+v after %d requests", res, b.asked)
	}
	e, k = metadataCall()
	k.offered = nil
	twice := answers(numbered(1, refused.AppendTo(nil)...), numbered(2, refused.AppendTo(nil)...))
	if err := e.run(k, twice); err == nil || k.offered != nil {
		t.Errorf("a broker that knows no version at all: %v", err)
	}
}
