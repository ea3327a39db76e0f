//go:build kafka

package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// A check is what a pipeline found: of a stream, or of a model.
type check struct {
	source  string // stream_id, or model_id
	value   float64
	at      int64
	id, ref string
}

// A writer is a producer's own schema of events, and its Avro bytes written by hand. None knows the program's schemas.
type writer struct {
	name, schema string
	write        func(c check) []byte
	hasID        bool // event_id
	hasRef       bool // data_ref
	whole        bool // its values are whole numbers
}

// driftWriters write data drift: reordered, with more, with less, with other numbers, nullable or not, under other names.
var driftWriters = []writer{
	{name: "required", schema: `{"type":"record","name":"acme.DataDrift","fields":[{"name":"stream_id","type":"string"},{"name":"p_value","type":"double"},
		{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]}`,
		write: func(c check) []byte { return cat(text(c.source), double(c.value), long(c.at)) }},
	{name: "reordered", hasID: true, schema: `{"type":"record","name":"Drift","fields":[{"name":"timestamp","type":"long"},{"name":"p_value","type":["double","null"]},
		{"name":"event_id","type":["string","null"]},{"name":"stream_id","type":["null","string"]}]}`,
		write: func(c check) []byte {
			return cat(long(c.at), long(0), double(c.value), long(0), text(c.id), long(1), text(c.source))
		}},
	{name: "added", hasID: true, hasRef: true, schema: `{"type":"record","name":"D","namespace":"a.b","fields":[
		{"name":"extra","type":{"type":"array","items":["null",{"type":"map","values":"int"}]}},{"name":"stream_id","type":"string"},
		{"name":"why","type":["null",{"type":"record","name":"Why","fields":[{"name":"deeper","type":["null",{"type":"record","name":"Deeper","fields":[
			{"name":"n","type":["int","null"]},{"name":"again","type":["null","Why"]}]}]},{"name":"tags","type":["null",{"type":"array","items":["null","string"]}]}]}]},
		{"name":"p_value","type":"double"},{"name":"digest","type":{"type":"fixed","name":"F","size":3}},{"name":"data_ref","type":["null","string"],"default":null},
		{"name":"timestamp","type":"long"},{"name":"event_id","type":"string"}]}`,
		write: func(c check) []byte {
			extra := cat(long(2), long(0), long(1), long(1), text("k"), long(7), long(0), long(0))
			why := cat(long(1), long(1), long(0), long(-3), long(1), long(0), long(0), long(1), long(-2), long(4), long(0), long(1), text("x"), long(0))
			return cat(extra, text(c.source), why, double(c.value), []byte("abc"), long(1), text(c.ref), long(c.at), text(c.id))
		}},
	{name: "missing", schema: `{"type":"record","name":"D","fields":[{"name":"p_value","type":"double","default":1},{"name":"stream_id","type":"string","default":"s"},
		{"name":"model_version","type":["null","string"],"default":null},{"name":"timestamp","type":"long","default":0}]}`,
		write: func(c check) []byte { return cat(double(c.value), text(c.source), long(0), long(c.at)) }},
	{name: "promoted", hasID: true, schema: `{"type":"record","name":"D","fields":[{"name":"p_value","type":"float"},{"name":"sample_size","type":"int"},{"name":"stream_id","type":"bytes"},
		{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"event_id","type":"string"}]}`,
		write: func(c check) []byte {
			return cat(float(c.value), long(1000), text(c.source), long(c.at*1000+999), text(c.id))
		}},
	{name: "whole", whole: true, schema: `{"type":"record","name":"D","fields":[{"name":"stream_id","type":"string"},{"name":"p_value","type":["null","int"]},{"name":"timestamp","type":["long","null"]}]}`,
		write: func(c check) []byte {
			return cat(text(c.source), long(1), long(int64(c.value)), long(0), long(c.at))
		}},
	{name: "many types", schema: `{"type":"record","name":"D","fields":[{"name":"p_value","type":["null","float","double","int","long"]},
		{"name":"timestamp","type":["null","int","long"]},{"name":"stream_id","type":["bytes","null","string"]}]}`,
		write: func(c check) []byte {
			return cat(long(2), double(c.value), long(2), long(c.at), long(2), text(c.source))
		}},
}

// conceptWriters write concept drift.
var conceptWriters = []writer{
	{name: "concept", hasID: true, schema: `{"type":"record","name":"Concept","fields":[{"name":"kl_divergence","type":["null","float"]},{"name":"model_id","type":"string"},
		{"name":"timestamp","type":"long"},{"name":"event_id","type":["null","string"]}]}`,
		write: func(c check) []byte {
			return cat(long(1), float(c.value), text(c.source), long(c.at), long(1), text(c.id))
		}},
	{name: "concept, no stream", schema: `{"type":"record","name":"Concept","fields":[{"name":"stream_id","type":["null","string"]},{"name":"model_id","type":["string","null"]},
		{"name":"kl_divergence","type":"double"},{"name":"timestamp","type":"long"}]}`,
		write: func(c check) []byte { return cat(long(0), long(0), text(c.source), double(c.value), long(c.at)) }},
}

// performanceWriters write performance.
var performanceWriters = []writer{
	{name: "quality", schema: `{"type":"record","name":"acme.Quality","fields":[{"name":"mAP_change","type":"float"},{"name":"timestamp","type":"long"},
		{"name":"labels","type":["null",{"type":"map","values":["null","string"]}]},{"name":"model_id","type":["null","string"]}]}`,
		write: func(c check) []byte {
			labels := cat(long(1), long(2), text("a"), long(0), text("b"), long(1), text("c"), long(0))
			return cat(float(c.value), long(c.at), labels, long(1), text(c.source))
		}},
	{name: "quality with an id", hasID: true, hasRef: true, schema: `{"type":"record","name":"Q","fields":[{"name":"event_id","type":"bytes"},{"name":"model_id","type":"string"},
		{"name":"data_ref","type":"string"},{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"mAP_change","type":["double"]}]}`,
		write: func(c check) []byte {
			return cat(text(c.id), text(c.source), text(c.ref), long(c.at), long(0), double(c.value))
		}},
}

// The program's own schemas, in single-object encoding.
var (
	ownDrift = writer{name: "own", hasID: true, hasRef: true, write: func(c check) []byte {
		return encode(driftCodec, &driftEvent{Stream: &c.source, PValue: &c.value, Timestamp: c.at, EventID: &c.id, DataRef: &c.ref})
	}}
	ownConcepts = writer{name: "own", hasID: true, hasRef: true, write: func(c check) []byte {
		return encode(driftCodec, &driftEvent{ModelID: &c.source, Divergence: &c.value, Timestamp: c.at, EventID: &c.id, DataRef: &c.ref})
	}}
	ownPerformance = writer{name: "own", hasID: true, hasRef: true, write: func(c check) []byte {
		return encode(eventCodec, &event{ModelID: c.source, Change: &c.value, Timestamp: c.at, EventID: &c.id, DataRef: &c.ref})
	}}
)

// Avro's encoding of single values.
func long(n int64) []byte     { return binary.AppendVarint(nil, n) }
func text(s string) []byte    { return append(long(int64(len(s))), s...) }
func cat(b ...[]byte) []byte  { return bytes.Join(b, nil) }
func double(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
func float(v float64) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v)))
}

// prefixed is a value in Confluent's framing; guid is the 17 bytes that name the schema in its newer form, and in a header.
func prefixed(id uint32, avro []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), avro...)
}

func guid(id uint32) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{1}, id), 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0)
}

// stamp is a moment as the checks of a test have it: later ones are later, and none is later than its record.
func stamp(base time.Time, n int) int64 {
	return base.Add(time.Duration(n) * time.Millisecond).UnixMilli()
}

func eventID(n int) string { return fmt.Sprintf("e%d", n) }
