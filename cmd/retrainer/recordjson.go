package main

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"github.com/visutility/retrainer/consumer/record"
)

// appendRecord appends a record as one JSON object: {"topic","partition","offset","timestamp","key","headers","schema","value"}.
// Bytes that are not UTF-8 stand in base64: a key as key_base64, the value of a header as [key, base64, "base64"], and a value
// without a name of its schema as value_base64. whole adds value_base64 in any case: of a dead letter the bytes matter.
func appendRecord(dst []byte, r *record.Record, name string, value []byte, whole bool) []byte {
	field := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // texts and numbers
		}
		dst = append(append(append(dst, `"`+name+`":`...), text...), ',')
	}
	dst = append(dst, '{')
	field("topic", r.Topic)
	field("partition", r.Partition)
	field("offset", r.Offset)
	field("timestamp", timeText(r.Time))
	switch {
	case r.Key == nil:
		field("key", nil)
	case utf8.Valid(r.Key):
		field("key", string(r.Key))
	default:
		field("key_base64", r.Key)
	}
	headers := make([][]any, len(r.Headers))
	for i, h := range r.Headers {
		switch {
		case h.Value == nil:
			headers[i] = []any{h.Key, nil}
		case utf8.Valid(h.Value):
			headers[i] = []any{h.Key, string(h.Value)}
		default:
			headers[i] = []any{h.Key, h.Value, "base64"}
		}
	}
	field("headers", headers)
	if name != "" {
		field("schema", name)
		dst = append(append(append(dst, `"value":`...), value...), ',')
	} else {
		field("schema", nil)
	}
	switch {
	case r.Value == nil:
		field("value", nil)
	case name == "" || whole:
		field("value_base64", base64.StdEncoding.EncodeToString(r.Value))
	}
	dst[len(dst)-1] = '}'
	return append(dst, '\n')
}
