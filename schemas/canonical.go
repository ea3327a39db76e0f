package schemas

import (
	"strconv"
	"strings"

	"github.com/hamba/avro/v2/pkg/crc64"
)

// canonical writes the Parsing Canonical Form of the Avro specification: full names, only what matters for reading bytes,
// in a fixed order, without white space. Unlike hamba's it leaves out logicalType, as the specification says ([STRIP]).
func canonical(n *node) string {
	var sb strings.Builder
	writeCanonical(&sb, n, map[string]bool{})
	return sb.String()
}

func writeCanonical(sb *strings.Builder, n *node, seen map[string]bool) {
	if n.name != "" {
		if seen[n.name] {
			sb.WriteString(`"` + n.name + `"`)
			return
		}
		seen[n.name] = true
	}
	switch n.kind {
	case kindRecord:
		sb.WriteString(`{"name":"` + n.name + `","type":"record","fields":[`)
		for i, f := range n.fields {
			comma(sb, i)
			sb.WriteString(`{"name":"` + f.name + `","type":`)
			writeCanonical(sb, f.typ, seen)
			sb.WriteByte('}')
		}
		sb.WriteString("]}")
	case kindEnum:
		sb.WriteString(`{"name":"` + n.name + `","type":"enum","symbols":["` + strings.Join(n.symbols, `","`) + `"]}`)
	case kindFixed:
		sb.WriteString(`{"name":"` + n.name + `","type":"fixed","size":` + strconv.Itoa(n.size) + `}`)
	case kindArray:
		sb.WriteString(`{"type":"array","items":`)
		writeCanonical(sb, n.item, seen)
		sb.WriteByte('}')
	case kindMap:
		sb.WriteString(`{"type":"map","values":`)
		writeCanonical(sb, n.item, seen)
		sb.WriteByte('}')
	case kindUnion:
		sb.WriteByte('[')
		for i, b := range n.branches {
			comma(sb, i)
			writeCanonical(sb, b, seen)
		}
		sb.WriteByte(']')
	default:
		sb.WriteString(`"` + n.kind.String() + `"`)
	}
}

func comma(sb *strings.Builder, i int) {
	if i > 0 {
		sb.WriteByte(',')
	}
}

// fingerprintOf is CRC-64-AVRO, the Rabin fingerprint of the specification.
func fingerprintOf(canonical string) uint64 {
	h := crc64.New()
	h.Write([]byte(canonical))
	return h.Sum64()
}
