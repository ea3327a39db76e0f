package wire

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fetcher does the fetches of one loop into the same answer and buffer. It is not safe for concurrent use.
type Fetcher struct {
	client *Client
	res    kmsg.FetchResponse
	buf    []byte
}

// NewFetcher makes a Fetcher of c.
func (c *Client) NewFetcher() *Fetcher { return &Fetcher{client: c} }

// Do is the client's Do. The answer, and everything in it, is valid until the next Do.
func (f *Fetcher) Do(ctx context.Context, node int32, req *kmsg.FetchRequest) (*kmsg.FetchResponse, error) {
	f.res = kmsg.FetchResponse{Topics: f.res.Topics[:0]} // what the next answer leaves out must not stay
	q := &call{req: req, res: &f.res, buf: f.buf, unsafe: true}
	err := f.client.send(ctx, node, q)
	f.buf = q.buf
	if err != nil {
		return nil, err
	}
	return &f.res, nil
}
