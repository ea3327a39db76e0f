package schemas

import (
	_ "embed"
	"slices"
	"strings"
)

// Namespace is that of all our records.
const Namespace = "io.visutility"

var (
	//go:embed DriftEvent.avsc
	driftEvent string
	//go:embed PerformanceEvent.avsc
	performanceEvent string
	//go:embed Policy.avsc
	policy string
	//go:embed Alert.avsc
	alert string
	//go:embed Progress.avsc
	progress string
	//go:embed Request.avsc
	request string
	//go:embed Tick.avsc
	tick string
	//go:embed Command.avsc
	command string
	//go:embed Decision.avsc
	decision string
	//go:embed Result.avsc
	result string
	//go:embed Model.avsc
	model string
)

// own are our schemas, in the order of the topics they are found in. Never changed after the start.
var own = parseOwn(driftEvent, performanceEvent, policy, alert, progress, request, tick, command, decision, result, model)

func parseOwn(texts ...string) []*Schema {
	all := make([]*Schema, len(texts))
	for i, text := range texts {
		s, err := Parse(text)
		if err != nil {
			panic(err) // an embedded file: any test finds it
		}
		all[i] = s
	}
	return all
}

// Own gives all our schemas: events first, then what stands in the ledger, then what is published.
func Own() []*Schema { return slices.Clone(own) }

// ByName finds one of our schemas by its name, with or without the namespace.
func ByName(name string) (*Schema, bool) {
	name = strings.TrimPrefix(name, Namespace+".")
	for _, s := range own {
		if s.Name() == Namespace+"."+name {
			return s, true
		}
	}
	return nil, false
}

// ByFingerprint finds one of our schemas.
func ByFingerprint(fingerprint uint64) (*Schema, bool) {
	for _, s := range own {
		if s.fingerprint == fingerprint {
			return s, true
		}
	}
	return nil, false
}

// Identify finds the schema of a framed value among ours, and its Avro bytes. The error is a *FramingError or an
// *UnknownSchemaError.
func Identify(value []byte) (*Schema, []byte, error) {
	fingerprint, body, err := SplitHeader(value)
	if err != nil {
		return nil, nil, err
	}
	if s, ok := ByFingerprint(fingerprint); ok {
		return s, body, nil
	}
	return nil, nil, &UnknownSchemaError{Fingerprint: fingerprint}
}
