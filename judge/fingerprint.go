package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// canonical is a schema's Parsing Canonical Form (Avro specification, "Parsing Canonical Form for Schemas"): full names,
// only the attributes name, type, fields, symbols, items, values, in this order, no spaces.
func canonical(v any, space string, known map[string]bool) string {
	switch v := v.(type) {
	case string:
		if known[fullName(v, space)] {
			return quote(fullName(v, space))
		}
		return quote(v)
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, canonical(x, space, known))
		}
		return "[" + strings.Join(out, ",") + "]"
	case map[string]any:
		return canonicalObject(v, space, known)
	}
	return "null"
}

func canonicalObject(v map[string]any, space string, known map[string]bool) string {
	kind, ok := v["type"].(string)
	if !ok {
		return canonical(v["type"], space, known)
	}
	if ns, ok := v["namespace"].(string); ok {
		space = ns
	}
	var parts []string
	if name, ok := v["name"].(string); ok {
		known[fullName(name, space)] = true
		parts = append(parts, `"name":`+quote(fullName(name, space)))
	}
	parts = append(parts, `"type":`+quote(kind))
	switch kind {
	case "record":
		var fields []string
		list, _ := v["fields"].([]any)
		for _, f := range list {
			m, _ := f.(map[string]any)
			fields = append(fields, `{"name":`+quote(fmt.Sprint(m["name"]))+`,"type":`+canonical(m["type"], space, known)+"}")
		}
		parts = append(parts, `"fields":[`+strings.Join(fields, ",")+"]")
	case "enum":
		var symbols []string
		list, _ := v["symbols"].([]any)
		for _, x := range list {
			symbols = append(symbols, quote(fmt.Sprint(x)))
		}
		parts = append(parts, `"symbols":[`+strings.Join(symbols, ",")+"]")
	case "array":
		parts = append(parts, `"items":`+canonical(v["items"], space, known))
	case "map":
		parts = append(parts, `"values":`+canonical(v["values"], space, known))
	default:
		return canonical(kind, space, known) // a primitive type with attributes, such as a timestamp
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// fingerprint is CRC-64-AVRO (Avro specification, "Schema Fingerprints").
func fingerprint(text string) uint64 {
	const empty = 0xc15d213aa4d7a795
	var table [256]uint64
	for i := range table {
		x := uint64(i)
		for range 8 {
			x = x>>1 ^ empty&-(x&1)
		}
		table[i] = x
	}
	x := uint64(empty)
	for _, b := range []byte(text) {
		x = x>>8 ^ table[byte(x)^b]
	}
	return x
}
