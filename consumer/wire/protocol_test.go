package wire

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What HTTP says, read as Kafka's, is an answer of more than a gigabyte.
func TestAnAddressWithoutABrokerIsToldAsThat(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HT"))
			_, _ = c.Write([]byte("TP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	c := NewClient(Config{Brokers: []string{l.Addr().String()}})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := Do[*kmsg.MetadataResponse](ctx, c, AnyNode, kmsg.NewPtrMetadataRequest()); !errors.Is(err, ErrNotKafka) || !errors.Is(err, ErrNotSent) {
		t.Errorf("%v, expected ErrNotKafka, and nothing sent", err)
	}
}
