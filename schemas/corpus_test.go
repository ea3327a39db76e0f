package schemas

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// corpus are writers' schemas that hold every type in every place that a walker could get wrong, our own records among
// them. exact: a value's JSON has one reading only (no union of two types whose JSON looks the same).
var corpus = append(ownCorpus(), []corpusCase{
	{name: "required", exact: true, schema: `{"type":"record","name":"DataDrift","fields":[
		{"name":"stream_id","type":"string"},{"name":"p_value","type":"double"},
		{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]}`},
	{name: "reordered and promoted", exact: true, schema: `{"type":"record","name":"a.b.C","fields":[
		{"name":"timestamp","type":["long","null"]},{"name":"value","type":"int"},{"name":"p_value","type":["float","null"]},
		{"name":"kl_divergence","type":"long"},{"name":"sample_size","type":["null","int"]},{"name":"policy","type":"bytes"},
		{"name":"window_start","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"labels","type":{"type":"map","values":["null","string"]}},
		{"name":"model_version","type":{"type":"enum","name":"V","symbols":["v1","v2","v10"]}}]}`},
	{name: "many unions", schema: `{"type":"record","name":"U","fields":[
		{"name":"timestamp","type":["null","int","long"]},{"name":"p_value","type":["null","float","double","int","long"]},
		{"name":"value","type":["double"]},{"name":"nothing","type":["null"]},{"name":"policy","type":["bytes","null","string"]},
		{"name":"any","type":["null","boolean","int","string",{"type":"array","items":["null","long"]},
			{"type":"map","values":["null",{"type":"fixed","name":"F2","size":2}]}]},
		{"name":"event_id","type":["string","null"]}]}`},
	{name: "skipped", exact: true, schema: `{"type":"record","name":"S","fields":[
		{"name":"a","type":{"type":"array","items":"long"}},{"name":"stream_id","type":["null","string"]},
		{"name":"b","type":{"type":"map","values":{"type":"array","items":"double"}}},
		{"name":"c","type":{"type":"fixed","name":"F16","size":16}},{"name":"d","type":"float"},{"name":"e","type":"boolean"},
		{"name":"f","type":{"type":"record","name":"R","fields":[{"name":"x","type":["null","bytes"]},{"name":"y","type":"double"},
			{"name":"z","type":["null",{"type":"record","name":"Q","fields":[{"name":"q","type":["null","int"]},{"name":"w","type":"float"}]}]}]}},
		{"name":"p_value","type":"double"},{"name":"g","type":["null","R"]},{"name":"h","type":{"type":"array","items":"R"}},
		{"name":"k","type":["null",{"type":"record","name":"One","fields":[{"name":"o","type":["null","float"]}]}]},
		{"name":"l","type":["null",{"type":"record","name":"Two","fields":[{"name":"p","type":"One"},{"name":"q","type":["int","null"]}]}]},
		{"name":"m","type":"float"},{"name":"n","type":["null","double"]},{"name":"o","type":"float"},
		{"name":"i","type":{"type":"enum","name":"E","symbols":["A","B","C"]}},{"name":"j","type":{"type":"array","items":"E"}},
		{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]}`},
	{name: "items of no bytes", exact: true, schema: `{"type":"record","name":"Z","fields":[
		{"name":"a","type":{"type":"array","items":"null"}},{"name":"b","type":{"type":"map","values":"null"}},
		{"name":"c","type":{"type":"array","items":{"type":"record","name":"Empty","fields":[]}}},{"name":"d","type":"Empty"},
		{"name":"e","type":["null","Empty"]},{"name":"f","type":{"type":"fixed","name":"F0","size":0}},
		{"name":"g","type":{"type":"array","items":{"type":"array","items":"F0"}}},{"name":"stream_id","type":"string"},
		{"name":"timestamp","type":"long"}]}`},
	{name: "containing itself", exact: true, schema: `{"type":"record","name":"T","fields":[
		{"name":"value","type":"double"},{"name":"next","type":["null","T"]},{"name":"left","type":{"type":"array","items":"T"}},
		{"name":"right","type":{"type":"map","values":"T"}},{"name":"timestamp","type":["null","long"]}]}`},
	{name: "figures", schema: `{"type":"record","name":"P","fields":[{"name":"retryable","type":["boolean","null"]},
		{"name":"metrics","type":["null",{"type":"map","values":["null","int","float","double","long"]}]},{"name":"create","type":"boolean"},
		{"name":"best_params","type":{"type":"map","values":["string","null",{"type":"enum","name":"E","symbols":["sgd","adam"]}]}},
		{"name":"late","type":["null","boolean"]},{"name":"timestamp","type":"long"}]}`},
	{name: "whole figures", exact: true, schema: `{"type":"record","name":"P","fields":[{"name":"metrics","type":{"type":"map","values":"long"}},{"name":"late","type":["boolean"]}]}`},
	{name: "labels", exact: true, schema: `{"type":"record","name":"L","fields":[{"name":"labels","type":["null",{"type":"map","values":"string"}]},
		{"name":"more","type":{"type":"map","values":"string"}},{"name":"timestamp","type":"long"}]}`},
}...)

type corpusCase struct {
	name, schema string
	exact        bool
}

func ownCorpus() (all []corpusCase) {
	for _, s := range Own() {
		all = append(all, corpusCase{name: s.Name(), schema: s.Text(), exact: true})
	}
	return all
}

// wantsOf are the wants of events, but not those that the schema cannot give, and none is required.
func wantsOf(s *Schema) []Want {
	wants := append(DriftWants(), Want{Name: "action", Kind: String}, Want{Name: "revision", Kind: Long},
		Want{Name: "best_params", Kind: StringMap}, Want{Name: "metrics", Kind: DoubleMap}, Want{Name: "retryable", Kind: Boolean},
		Want{Name: "create", Kind: Boolean}, Want{Name: "late", Kind: Boolean})
	for i := range wants {
		wants[i].Required = false
		if _, err := s.Compile(wants[i : i+1]); err != nil {
			wants[i] = Want{}
		}
	}
	return wants
}

func mustParse(tb testing.TB, text string) *Schema {
	tb.Helper()
	s, err := Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// newRand gives randomness whose seed stands in the test's log.
func newRand(tb testing.TB) *rand.Rand {
	seed := rand.Uint64()
	tb.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// randomValue appends a value of n, with blocks of every form that a writer may use.
func randomValue(r *rand.Rand, dst []byte, n *node, depth int) []byte {
	switch n.kind {
	case kindBoolean:
		return append(dst, byte(r.IntN(2)))
	case kindInt:
		return appendLong(dst, int64(int32(r.Uint32()>>r.IntN(32))))
	case kindLong:
		return appendLong(dst, int64(r.Uint64()>>r.IntN(64)))
	case kindFloat:
		return appendFloat(dst, math.Float32frombits(r.Uint32()))
	case kindDouble:
		if r.IntN(2) == 0 {
			return appendDouble(dst, r.NormFloat64())
		}
		return appendDouble(dst, math.Float64frombits(r.Uint64()))
	case kindBytes:
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return append(appendLong(dst, int64(len(b))), b...)
	case kindString:
		return appendText(dst, randomText(r))
	case kindFixed:
		for range n.size {
			dst = append(dst, byte(r.Uint32()))
		}
		return dst
	case kindEnum:
		return appendLong(dst, int64(r.IntN(len(n.symbols))))
	case kindUnion:
		i := r.IntN(len(n.branches))
		if _, null, _, ok := n.optional(); ok && depth > 4 {
			i = null
		}
		return randomValue(r, appendLong(dst, int64(i)), n.branches[i], depth+1)
	case kindRecord:
		for _, f := range n.fields {
			dst = randomValue(r, dst, f.typ, depth+1)
		}
		return dst
	case kindArray, kindMap:
		return randomBlocks(r, dst, n, depth)
	}
	return dst
}

func randomBlocks(r *rand.Rand, dst []byte, n *node, depth int) []byte {
	key := 0
	for range r.IntN(3) {
		count := 1 + r.IntN(3)
		if depth > 4 {
			break
		}
		var items []byte
		for range count {
			if n.kind == kindMap {
				items = appendText(items, randomText(r)+strconv.Itoa(key))
				key++
			}
			items = randomValue(r, items, n.item, depth+1)
		}
		if r.IntN(2) == 0 {
			dst = appendLong(appendLong(dst, -int64(count)), int64(len(items)))
		} else {
			dst = appendLong(dst, int64(count))
		}
		dst = append(dst, items...)
	}
	return append(dst, 0)
}

func randomText(r *rand.Rand) string {
	alphabet := []rune("abcdefg0123-/\"\\\n\x00\x7f<&é€😀\u2028")
	var sb strings.Builder
	for range r.IntN(12) {
		sb.WriteRune(alphabet[r.IntN(len(alphabet))])
	}
	return sb.String()
}
