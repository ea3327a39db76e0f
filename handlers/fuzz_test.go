package handlers

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

// What folding a record may allocate: so many bytes for each of its own, and what comes of any record whatever its size: a dead letter
// with its text, or a source with its state, an alert and the entry of it. Reading an event takes no memory; progress becomes maps,
// whose shortest entries have 4 bytes here and some 70 in a map, with a key to sort and the entry of the ledger.
const (
	perByte, perByteOfProgress = 16, 24
	ofAnyRecord                = 16 << 10
)

// foreign are schemas of other writers, by their id: 1 and on.
var foreign = []string{
	`{"type":"record","name":"D","fields":[{"name":"stream_id","type":["null","string"]},{"name":"p_value","type":["null","int","float","double"]},{"name":"timestamp","type":"long"}]}`,
	`{"type":"record","name":"D","fields":[{"name":"extra","type":{"type":"array","items":["null",{"type":"map","values":"null"}]}},{"name":"model_id","type":"bytes"},
		{"name":"mAP_change","type":"float"},{"name":"labels","type":{"type":"map","values":["null","string"]}},{"name":"timestamp","type":"int"}]}`,
	`{"type":"record","name":"P","fields":[{"name":"command_id","type":"string"},{"name":"kind","type":"string"},{"name":"metrics","type":{"type":"map","values":"int"}},
		{"name":"best_params","type":["null",{"type":"map","values":["string","null"]}]},{"name":"at","type":["null","long"]},{"name":"retryable","type":"boolean"}]}`,
	`{"type":"record","name":"R","fields":[{"name":"request_id","type":"string"},{"name":"verb","type":"string"},{"name":"model","type":"string"},
		{"name":"action","type":{"type":"enum","name":"A","symbols":["soft","full","none"]}},{"name":"create","type":"boolean"}]}`,
}

// newFolder makes the handler of drift, performance, progress or requests.
func newFolder(t testing.TB, which uint8, revision record.Revision) record.Handler {
	t.Helper()
	s := Settings{App: "retrain", Registry: true}
	h := []func() record.Handler{
		func() record.Handler { return NewDrift(s) }, func() record.Handler { return NewPerformance(s) },
		func() record.Handler { return NewProgress(s) }, func() record.Handler { return NewRequests(s) },
	}[which%4]()
	if r, ok := h.(interface{ Use(record.Revision) error }); ok {
		if err := r.Use(revision); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range foreign {
		h.(record.Supplied).Supply(schemaKey(schemas.Ref{Kind: schemas.RefID, ID: uint32(i + 1)}), text)
	}
	return h
}

func thresholds(t testing.TB) record.Revision {
	t.Helper()
	_, revision := policy(t, `{"observe":[{"on":"drift","rules":[{"threshold":{"of":"p_value","below":0.6},"action":"full"}]}]}`)
	return revision
}

// folded is what folding a record again allocates; other goroutines' share is counted too, so that a large number is looked at again.
func folded(h record.Handler, r *record.Record, most uint64) (n uint64) {
	var before, after runtime.MemStats
	for range 5 {
		r.Offset++
		runtime.ReadMemStats(&before)
		_, _ = h.Fold(r, nil)
		runtime.ReadMemStats(&after)
		if n = after.TotalAlloc - before.TotalAlloc; n <= most {
			break
		}
	}
	return n
}

// FuzzFold gives any value, with any header, to each handler of records from outside: it is taken, or refused with a reason that is
// known, and takes little memory.
func FuzzFold(f *testing.F) {
	for i := range foreign {
		f.Add(uint8(i), []byte{0, 0, 0, 0, byte(i + 1), 2, 's', 4, 4, 0, 0, 0, 0, 0, 0, 0}, []byte(nil))
		f.Add(uint8(i), []byte{2, 's', 0, 2, 0}, []byte{0, 0, 0, 0, byte(i + 1)})
	}
	for i, name := range []string{"DriftEvent", "PerformanceEvent", "Progress", "Request"} {
		s, _ := schemas.ByName(name)
		f.Add(uint8(i), append(schemas.AppendHeader(nil, s.Fingerprint()), 2, 2, 's', 2, 0, 2, 0), []byte(nil))
	}
	f.Add(uint8(2), manyParameters(300), []byte(nil))
	reasons, revision := map[string]bool{}, thresholds(f)
	for _, reason := range DeadLetterReasons() {
		reasons[reason] = true
	}
	f.Fuzz(func(t *testing.T, which uint8, value, header []byte) {
		h := newFolder(t, which, revision)
		r := &record.Record{Topic: "t", Time: moment, Value: value}
		if len(header) > 0 {
			r.Headers = []record.Header{{Key: schemas.SchemaIDHeader, Value: header}}
		}
		_, err := h.Fold(r, nil)
		var dead *record.Dead
		if err != nil && !errors.As(err, new(*record.Needs)) && (!errors.As(err, &dead) || !reasons[dead.Reason] || dead.Message == "" || len(dead.Message) > 4<<10) {
			t.Fatalf("refused with %v", err)
		}
		per := uint64(perByte)
		if which%4 == 2 {
			per = perByteOfProgress
		}
		if most := per*uint64(len(value)+len(header)) + ofAnyRecord; folded(h, r, most) > most {
			t.Fatalf("%d bytes made it allocate more than %d", len(value)+len(header), most)
		}
	})
}

// manyParameters is progress with n parameters that have no value, the shortest that there are.
func manyParameters(n int) []byte {
	b := []byte{0, 0, 0, 0, 3, 2, 'c', 12, 'f', 'a', 'i', 'l', 'e', 'd', 0, 2}
	for i := range n {
		k := fmt.Sprintf("%x", i)
		b = append(append(append(b, 2, byte(2*len(k))), k...), 0, 0)
	}
	return append(b, 0, 0, 0)
}

// Records of any shape that is made for it take no more memory either.
func TestARecordTakesMemoryByItsSize(t *testing.T) {
	revision := thresholds(t)
	for name, x := range map[string]struct {
		which uint8
		b     []byte
		n     uint64
	}{
		"parameters":        {2, manyParameters(8000), perByteOfProgress},
		"more parameters":   {2, manyParameters(60_000), perByteOfProgress},
		"items of no bytes": {1, append(append([]byte{0, 0, 0, 0, 2, 0xfe, 0xff, 0x7f}, make([]byte, 1<<20)...), 0), perByte},
		"a long text":       {0, append([]byte{0, 0, 0, 0, 1, 2, 0x80, 0x80, 0x80, 1}, make([]byte, 1<<20)...), perByte},
	} {
		r := &record.Record{Topic: "t", Time: moment, Value: x.b}
		h := newFolder(t, x.which, revision)
		_, err := h.Fold(r, nil)
		if most := x.n*uint64(len(x.b)) + ofAnyRecord; folded(h, r, most) > most {
			t.Errorf("%s: %d bytes made it allocate more than %d (%v)", name, len(x.b), most, err)
		}
	}
}
