package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
)

// Limits of a schema. Those who write schemas stay a hundredfold below; they keep a foreign one from costing memory or
// stack before a single record was read.
const (
	maxSchemaText = 1 << 20 // bytes
	maxNodes      = 10_000  // types in a schema
	maxNesting    = 64      // types within types; also how often a value's records may contain themselves
	maxDepth      = 1024    // values within values, where each is looked at: more than any value that maxNesting lets through
	maxFixed      = 1 << 20 // bytes of a fixed
	maxName       = 512     // bytes of a name or a namespace: the first stands in each full name
)

// Schema is the schema of a record: parsed, checked and immutable, safe for concurrent use. Parse makes it.
type Schema struct {
	text        string
	root        *node
	fingerprint uint64
}

// Parse reads the schema of a record as JSON text (an .avsc file). It stands by itself: no name of another schema is known.
func Parse(text string) (*Schema, error) {
	prepared, err := checkText(text)
	if err != nil {
		return nil, fmt.Errorf("Avro schema: %s", brief(err.Error()))
	}
	parsed, err := parseByHamba(prepared)
	if err != nil {
		return nil, fmt.Errorf("Avro schema: %s", brief(err.Error()))
	}
	b := &builder{named: map[string]*node{}}
	root, err := b.node(parsed)
	if err != nil {
		return nil, fmt.Errorf("Avro schema: %w", err)
	}
	if root.kind != kindRecord {
		return nil, fmt.Errorf("Avro schema: it is %s; a record is needed", root.describe())
	}
	if err := measure(b.all); err != nil {
		return nil, fmt.Errorf("Avro schema: %w", err)
	}
	if err := setDefaults(b.records); err != nil {
		return nil, fmt.Errorf("Avro schema %s: %w", root.name, err)
	}
	return &Schema{text: text, root: root, fingerprint: fingerprintOf(canonical(root))}, nil
}

// Name is the full name of the record.
func (s *Schema) Name() string { return s.root.name }

// Text is the schema as it was given.
func (s *Schema) Text() string { return s.text }

// Canonical is the Parsing Canonical Form, what the fingerprint is taken of.
func (s *Schema) Canonical() string { return canonical(s.root) }

// Fingerprint is the CRC-64-AVRO of the Parsing Canonical Form.
func (s *Schema) Fingerprint() uint64 { return s.fingerprint }

// parseByHamba parses text with a cache of its own: hamba's default one would let one schema's names leak into the next.
func parseByHamba(text []byte) (s avro.Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("the parser gave up on it (%v)", r)
		}
	}()
	return avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
}

// checkText refuses what hamba would take for the name of a type (any text that is no JSON), or could not bear. It gives what
// hamba has to be shown.
func checkText(text string) ([]byte, error) {
	if len(text) > maxSchemaText {
		return nil, fmt.Errorf("%d bytes of text: at most %d are read", len(text), maxSchemaText)
	}
	v, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if err := checkJSON(v, 0); err != nil {
		return nil, err
	}
	if err := strip(v, false); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// checkJSON bounds the nesting (each type takes up to three levels of JSON: field list, field, type), names and fixed sizes.
func checkJSON(v any, depth int) error {
	if depth > 3*maxNesting {
		return fmt.Errorf("its types are nested deeper than %d", maxNesting)
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := checkJSON(e, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if s, ok := v[k].(string); ok && len(s) > maxName && (strings.EqualFold(k, "name") || strings.EqualFold(k, "namespace")) {
				return fmt.Errorf("%s %s has %d bytes: at most %d are read", k, brief(s), len(s), maxName)
			}
			if size, ok := double(v[k]); ok && size > maxFixed && v["type"] == "fixed" && strings.EqualFold(k, "size") {
				return fmt.Errorf("fixed %v has %v bytes: at most %d are read", v["name"], v[k], maxFixed)
			}
			if err := checkJSON(v[k], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// hiddenDefault is under what key a field's default is kept from hamba, as a text.
const hiddenDefault = "retrainer.default"

// strip takes out of a schema what hamba cannot bear or nobody needs: defaults of fields, which hamba fills in without a limit where they
// leave out fields, and so would take 2^60 steps for a page of text; aliases, each of which it gives the namespace; docs. It knows keys in
// capitals too.
func strip(v any, isField bool) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := strip(e, isField); err != nil {
				return err
			}
		}
	case map[string]any:
		def, ok := v["default"]
		for k, child := range v { // order: each key for itself
			switch {
			case strings.EqualFold(k, "aliases"), strings.EqualFold(k, "doc"), k == hiddenDefault, isField && strings.EqualFold(k, "default"):
				delete(v, k)
			default:
				if err := strip(child, strings.EqualFold(k, "fields")); err != nil {
					return err
				}
			}
		}
		if isField && ok {
			text, err := json.Marshal(def)
			v[hiddenDefault] = string(text)
			return err
		}
	}
	return nil
}
