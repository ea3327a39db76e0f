package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// own are the project's schemas, by the name of the record.
func own(t *testing.T) (*schemas, map[string]*schema) {
	t.Helper()
	s, err := readSchemas("../schemas")
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*schema{}
	for _, x := range s.byPrint {
		byName[strings.TrimPrefix(x.name, "io.visutility.")] = x
	}
	return s, byName
}

// fromJSON turns JSON as the program prints it (times as RFC 3339, bytes in base64, unions without wrapper) into a decoded
// value.
func (s *schema) fromJSON(v any) any {
	switch s.kind {
	case "record":
		m := map[string]any{}
		object, _ := v.(map[string]any)
		for i, f := range s.of {
			m[s.names[i]] = f.fromJSON(object[s.names[i]])
		}
		return m
	case "union":
		if v == nil {
			return nil
		}
		return s.of[1].fromJSON(v)
	case "array":
		list := []any{}
		for _, x := range v.([]any) {
			list = append(list, s.of[0].fromJSON(x))
		}
		return list
	case "map":
		m := map[string]any{}
		for k, x := range v.(map[string]any) {
			m[k] = s.of[0].fromJSON(x)
		}
		return m
	case "int", "long":
		if text, ok := v.(string); ok {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				panic(err)
			}
			return at.UnixMilli()
		}
		n, _ := v.(float64)
		return int64(n)
	case "bytes":
		b, err := base64.StdEncoding.DecodeString(v.(string))
		if err != nil {
			panic(err)
		}
		return b
	}
	return v
}

// encode is the writer that decode reads: the tests' own, so that a wrong reading is not hidden by a wrong writing of the product.
func (s *schema) encode(b []byte, v any) []byte {
	switch s.kind {
	case "null":
		return b
	case "boolean":
		if v == true {
			return append(b, 1)
		}
		return append(b, 0)
	case "int", "long":
		return binary.AppendVarint(b, v.(int64))
	case "double":
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.(float64)))
	case "string":
		return append(binary.AppendVarint(b, int64(len(v.(string)))), v.(string)...)
	case "bytes":
		return append(binary.AppendVarint(b, int64(len(v.([]byte)))), v.([]byte)...)
	case "enum":
		for i, x := range s.symbols {
			if x == v {
				return binary.AppendVarint(b, int64(i))
			}
		}
	case "union":
		if v == nil {
			return binary.AppendVarint(b, 0)
		}
		return s.of[1].encode(binary.AppendVarint(b, 1), v)
	case "record":
		for i, f := range s.of {
			b = f.encode(b, v.(map[string]any)[s.names[i]])
		}
		return b
	case "array":
		if list := v.([]any); len(list) > 0 {
			b = binary.AppendVarint(b, int64(len(list)))
			for _, x := range list {
				b = s.of[0].encode(b, x)
			}
		}
		return append(b, 0)
	case "map":
		if m := v.(map[string]any); len(m) > 0 {
			b = binary.AppendVarint(b, int64(len(m)))
			for _, k := range sorted(m) {
				b = s.of[0].encode(append(binary.AppendVarint(b, int64(len(k))), k...), m[k])
			}
		}
		return append(b, 0)
	}
	panic(fmt.Sprintf("%s cannot hold %v", s.kind, v))
}

// frame puts a record into single-object framing.
func frame(t *testing.T, s *schemas, sc *schema, v map[string]any) []byte {
	t.Helper()
	for print, x := range s.byPrint {
		if x == sc {
			return sc.encode(binary.LittleEndian.AppendUint64([]byte{0xc3, 1}, print), v)
		}
	}
	t.Fatalf("no fingerprint of %s", sc.name)
	return nil
}

// body drops what a decoded record holds beside its fields.
func body(v map[string]any) map[string]any {
	v = with(v, nil)
	delete(v, "")
	return v
}

func TestFingerprintIsThatOfTheSpecification(t *testing.T) {
	// On the wire 8f 5c 39 3f 1a d5 75 72, as fastavro and Apache Avro have it.
	if got := fingerprint(`"int"`); got != 0x7275d51a3f395c8f {
		t.Errorf("fingerprint of \"int\" is %016x", got)
	}
	var v any
	text := `{"type":"record","name":"R","namespace":"a.b","doc":"x","fields":[
	 {"name":"e","type":{"type":"enum","name":"E","symbols":["x","y"],"default":"x"},"doc":"d"},
	 {"name":"u","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},
	 {"name":"m","type":{"type":"map","values":"E"}},{"name":"l","type":{"type":"array","items":"a.b.E"}}]}`
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	want := `{"name":"a.b.R","type":"record","fields":[{"name":"e","type":{"name":"a.b.E","type":"enum","symbols":["x","y"]}},` +
		`{"name":"u","type":["null","long"]},{"name":"m","type":{"type":"map","values":"a.b.E"}},{"name":"l","type":{"type":"array","items":"a.b.E"}}]}`
	if got := canonical(v, "", map[string]bool{}); got != want {
		t.Errorf("canonical form\n%s\nwant\n%s", got, want)
	}
}

func TestDecodeTakesExactlyItsBytes(t *testing.T) {
	s, names := own(t)
	event := frame(t, s, names["PerformanceEvent"], names["PerformanceEvent"].fromJSON(map[string]any{
		"model_id": "m/v1", "mAP_change": -0.5, "timestamp": "2026-01-01T00:00:00.000Z", "sample_size": 7.0, "labels": map[string]any{"a": "b"},
	}).(map[string]any))
	v, reason := s.open(event, "io.visutility.PerformanceEvent")
	if reason != "" || v["mAP_change"] != -0.5 || v["sample_size"] != int64(7) || v["event_id"] != nil || v["labels"].(map[string]any)["a"] != "b" {
		t.Fatalf("%s: %v", reason, v)
	}
	for n := 10; n < len(event); n++ {
		if _, reason := s.open(event[:n], ""); reason != malformed {
			t.Errorf("cut to %d of %d bytes: %q", n, len(event), reason)
		}
	}
	for _, c := range []struct {
		bytes  []byte
		reason string
	}{{append(event[:len(event):len(event)], 0), malformed}, {event[2:], framing}, {nil, framing}, {append([]byte{0xc3, 1, 9}, event[3:]...), unknownSchema}} {
		if _, reason := s.open(c.bytes, ""); reason != c.reason {
			t.Errorf("%x: %q; want %q", c.bytes[:min(12, len(c.bytes))], reason, c.reason)
		}
	}
}

func FuzzDecode(f *testing.F) {
	s, err := readSchemas("../schemas")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, sc := range s.byPrint {
			v, err := sc.decode(b)
			if err != nil {
				continue
			}
			again, err := sc.decode(sc.encode(nil, v))
			if err != nil || difference("x", v, again) != "" {
				t.Errorf("%s: %v written and read again is %v, %v", sc.name, v, again, err)
			}
		}
	})
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
