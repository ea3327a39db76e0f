package schemas

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestFingerprintIsCRC64AvroOfTheSpecification(t *testing.T) {
	// The specification's own example, and what every other implementation gives.
	if got := fingerprintOf(`"null"`); got != 0x63dd24e7cc258f8a {
		t.Errorf(`fingerprint of "null" = %016x, want 63dd24e7cc258f8a`, got)
	}
}

// A changed fingerprint is a changed schema: records written before are then unknown. Fields are only ever added, with a
// default, and the schema before stays readable. The values are those that fastavro 1.12 gives for the same files.
func TestOwnSchemasAreThoseOfTheRecordsAlreadyWritten(t *testing.T) {
	want := map[string]uint64{
		"DriftEvent":       0xc6e86c3c16b17969,
		"PerformanceEvent": 0x5f7df8dbadd3d1d6,
		"Policy":           0x73423917d3f2444a,
		"Alert":            0x65989cc917a48dcd,
		"Progress":         0x35410426d080e0e0,
		"Request":          0xaa55d5f11a121e3b,
		"Tick":             0xf1ce4a8e6ee17270,
		"Command":          0xbbfc4221ff962f13,
		"Decision":         0x0b0de8284e1519e8,
		"Result":           0x425200a2b879cca0,
		"Model":            0x97fdf60f9fd12a1d,
	}
	if len(Own()) != len(want) {
		t.Errorf("%d schemas, want %d", len(Own()), len(want))
	}
	for name, fingerprint := range want {
		s, ok := ByName(name)
		if !ok {
			t.Errorf("no schema %s", name)
			continue
		}
		if s.Fingerprint() != fingerprint {
			t.Errorf("fingerprint of %s = %016x, want %016x; its canonical form is now\n%s", name, s.Fingerprint(), fingerprint, s.Canonical())
		}
		if found, ok := ByFingerprint(fingerprint); !ok || found != s {
			t.Errorf("fingerprint %016x does not lead to %s", fingerprint, name)
		}
	}
}

func TestHeaderIsTwoBytesAndTheFingerprintLittleEndian(t *testing.T) {
	b := append(AppendHeader(nil, 0x0102030405060708), "body"...)
	if got := hex.EncodeToString(b); got != "c3010807060504030201626f6479" {
		t.Errorf("header and body are %s", got)
	}
	fingerprint, body, err := SplitHeader(b)
	if fingerprint != 0x0102030405060708 || string(body) != "body" || err != nil {
		t.Errorf("SplitHeader = %x, %q, %v", fingerprint, body, err)
	}
}

func TestFramingErrorTellsWhatTheBytesLookLike(t *testing.T) {
	for _, c := range []struct {
		name  string
		value []byte
		id    int64
		says  []string
	}{
		{"empty", []byte{}, -1, []string{"empty", "C3 01"}},
		{"header cut off", []byte{0xc3, 1, 2}, -1, []string{"C3 01 02", "ends there", "10 bytes"}},
		{"Confluent", []byte{0, 0, 0, 0, 7, 1}, 7, []string{"00 00 00 00 07 01", "Confluent", "schema id 7", "C3 01"}},
		{"Confluent without id", []byte{0, 0, 0, 0, 0, 1}, 0, []string{"schema id 0", "wrong wire setting"}},
		{"JSON", []byte(`{"a":1}`), -1, []string{"7B 22", "JSON", "C3 01"}},
		{"other", []byte{1, 2, 3}, -1, []string{"01 02 03", "C3 01", "00"}},
		{"zero and short", []byte{0, 0}, -1, []string{"00 00", "C3 01"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := SplitHeader(c.value)
			var fe *FramingError
			if !errors.As(err, &fe) {
				t.Fatalf("error %v, want a FramingError", err)
			}
			if fe.SchemaID != c.id {
				t.Errorf("schema id %d, want %d", fe.SchemaID, c.id)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}
