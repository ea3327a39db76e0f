package retrain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// format is the first byte of every value of a checkpoint. A build that does not know it stops.
const format = 1

var errState = errors.New("the checkpoint is damaged")

const rebuild = "to go on, stop all instances, delete the checkpoint's topic, make it anew with `retrainer topics apply` and start them: " +
	"the state is built again from the records that are kept"

// damaged says what is wrong with a checkpoint, and how to go on.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s; %s", errState, fmt.Sprintf(format, args...), rebuild)
}

// encoder appends the parts of a checkpoint's value.
type encoder struct{ b []byte }

func (e *encoder) byte(v byte)      { e.b = append(e.b, v) }
func (e *encoder) uint(v uint64)    { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)      { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) word(v uint64)    { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) double(v float64) { e.word(math.Float64bits(v)) }
func (e *encoder) text(v string)    { e.uint(uint64(len(v))); e.b = append(e.b, v...) }

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// optional writes whether the value is there, and then the value.
func optional[T any](e *encoder, v *T, write func(T)) {
	e.bool(v != nil)
	if v != nil {
		write(*v)
	}
}

func (e *encoder) optText(v *string)    { optional(e, v, e.text) }
func (e *encoder) optInt(v *int64)      { optional(e, v, e.int) }
func (e *encoder) optDouble(v *float64) { optional(e, v, e.double) }

func (e *encoder) doubles(m map[string]float64) {
	e.uint(uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.text(k)
		e.double(m[k])
	}
}

func (e *encoder) texts(m map[string]string) {
	e.uint(uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.text(k)
		e.text(m[k])
	}
}

// decoder reads what encoder wrote. After the first error everything is zero.
type decoder struct {
	b   []byte
	err error
}

// decode checks the format; a newer one is another error than damage.
func decode(value []byte) decoder {
	d := decoder{b: value}
	if f := d.byte(); d.err == nil && f != format {
		d.b, d.err = nil, fmt.Errorf("the checkpoint has format %d, this build knows %d: run the build that wrote it; or, %s", f, format, rebuild)
	}
	return d
}

func (d *decoder) fail() {
	d.b = nil
	if d.err == nil {
		d.err = damaged("a value is longer or shorter than what it says")
	}
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) word() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) double() float64 { return math.Float64frombits(d.word()) }
func (d *decoder) text() string    { return string(d.take(d.uint())) }
func (d *decoder) bool() bool      { return d.byte() != 0 }

// count is a number of things of at least one byte each.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func readOptional[T any](d *decoder, read func() T) *T {
	if !d.bool() {
		return nil
	}
	return new(read())
}

func (d *decoder) optText() *string    { return readOptional(d, d.text) }
func (d *decoder) optInt() *int64      { return readOptional(d, d.int) }
func (d *decoder) optDouble() *float64 { return readOptional(d, d.double) }

func (d *decoder) doubles() map[string]float64 {
	n := d.count()
	m := make(map[string]float64, n)
	for range n {
		k := d.text()
		m[k] = d.double()
	}
	return m
}

func (d *decoder) texts() map[string]string {
	n := d.count()
	m := make(map[string]string, n)
	for range n {
		k := d.text()
		m[k] = d.text()
	}
	return m
}

// end is the error of the whole reading; bytes that are left are one too.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail()
	}
	return d.err
}

// alert writes an alert as the ledger has it.
func (e *encoder) alert(a *Alert) {
	e.text(string(a.State))
	e.text(a.AlertID)
	e.optText(a.Stream)
	e.optText(a.Model)
	e.optText(a.ModelVersion)
	e.text(string(a.On))
	e.text(a.RuleID)
	e.text(a.Rule)
	e.text(string(a.Action))
	e.text(a.Field)
	e.optDouble(a.Value)
	e.optDouble(a.Level)
	e.optInt(a.Since)
	e.text(a.EventID)
	e.int(a.EventTime)
	e.optText(a.DataRef)
	e.int(int64(a.PolicyRevision))
	optional(e, a.ResolvedBy, func(by ResolvedBy) { e.text(string(by)) })
	e.text(a.Topic)
	e.int(int64(a.Partition))
	e.int(a.Offset)
}

func (d *decoder) alert() *Alert {
	return &Alert{
		State: AlertState(d.text()), AlertID: d.text(), Stream: d.optText(), Model: d.optText(), ModelVersion: d.optText(),
		On: On(d.text()), RuleID: d.text(), Rule: d.text(), Action: RetrainAction(d.text()), Field: d.text(), Value: d.optDouble(),
		Level: d.optDouble(), Since: d.optInt(), EventID: d.text(), EventTime: d.int(), DataRef: d.optText(),
		PolicyRevision: int32(d.int()), ResolvedBy: readOptional(d, func() ResolvedBy { return ResolvedBy(d.text()) }),
		Topic: d.text(), Partition: int32(d.int()), Offset: d.int(),
	}
}
