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
		{"Confluent", []byte{0, 0, 0, 0, 7, 1}, 7, []string{"Confluent", "schema id 7", "--schema-registry"}},
		{"Confluent's GUID", append([]byte{1}, make([]byte, 17)...), -1, []string{"Confluent", "schema GUID 00000000-0000-", "--schema-registry"}},
		{"Confluent without id", []byte{0, 0, 0, 0, 0, 1}, 0, []string{"schema id 0", "wrong wire setting"}},
		{"JSON", []byte(`{"a":1}`), -1, []string{"7B 22", "JSON", "C3 01"}},
		{"other", []byte{7, 2, 3}, -1, []string{"07 02 03", "C3 01", "00"}},
		{"a GUID cut off", []byte{1, 2, 3}, -1, []string{"01 02 03", "ends within"}},
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

func TestSplitKnowsEveryFramingAndTheHeaderFirst(t *testing.T) {
	guid := [16]byte{0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb, 0x46, 0x9f, 0xa1, 0x65, 0x70, 0x86, 0x77, 0x28, 0x95, 0x0e}
	single := append(AppendHeader(nil, 0x0102030405060708), "body"...)
	prefix := append(AppendConfluentHeader(nil, 0x01020304), "body"...)
	withGUID := append(append([]byte{1}, guid[:]...), "body"...)
	for _, c := range []struct {
		name          string
		value, header []byte
		ref           Ref
		body, text    string
	}{
		{"single object", single, nil, Ref{Kind: RefFingerprint, Fingerprint: 0x0102030405060708}, "body", "0102030405060708"},
		{"id", prefix, nil, Ref{Kind: RefID, ID: 0x01020304}, "body", "16909060"},
		{"GUID", withGUID, nil, Ref{Kind: RefGUID, GUID: guid}, "body", "0f8fad5b-d9cb-469f-a165-70867728950e"},
		{"id in the header", single, AppendConfluentHeader(nil, 7), Ref{Kind: RefID, ID: 7}, string(single), "7"},
		{"GUID in the header", nil, withGUID[:17], Ref{Kind: RefGUID, GUID: guid}, "", "0f8fad5b-d9cb-469f-a165-70867728950e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ref, body, err := Split(c.value, c.header)
			if ref != c.ref || string(body) != c.body || err != nil || ref.String() != c.text {
				t.Errorf("Split = %+v (%s), %q, %v", ref, ref, body, err)
			}
		})
	}
	for _, c := range []struct {
		name          string
		value, header []byte
		says          string
	}{
		{"empty header", single, []byte{}, "the record header __value_schema_id"},
		{"header too long", single, AppendConfluentHeader([]byte{}, 7)[:4], "the record header __value_schema_id is 00 00 00 00"},
		{"header with a body", nil, prefix, "the record header"},
		{"id 0 in the header", single, make([]byte, 5), "wrong wire setting"},
		{"id 0", make([]byte, 9), nil, "wrong wire setting"},
		{"nothing", nil, nil, "the value is empty"},
	} {
		var fe *FramingError
		if ref, _, err := Split(c.value, c.header); !errors.As(err, &fe) || ref != (Ref{}) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", c.name, ref, err)
		}
	}
}

func TestSplitAllocatesNothing(t *testing.T) {
	value := append(AppendConfluentHeader(nil, 7), "body"...)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := Split(value, nil); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever the bytes are: what is read is written back as the same bytes, and an error says something.
func FuzzSplit(f *testing.F) {
	f.Add([]byte{0xc3, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0}, []byte(nil))
	f.Add([]byte{0, 0, 0, 0, 7, 1}, []byte(nil))
	f.Add([]byte{1, 2, 3}, []byte{0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, value, header []byte) {
		if len(header) == 0 {
			header = nil
		}
		ref, body, err := Split(value, header)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		var named []byte
		switch ref.Kind {
		case RefFingerprint:
			named = AppendHeader(nil, ref.Fingerprint)
		case RefID:
			named = AppendConfluentHeader(nil, ref.ID)
		case RefGUID:
			named = append([]byte{1}, ref.GUID[:]...)
		}
		if header == nil && string(named)+string(body) != string(value) || header != nil && (string(named) != string(header) || string(body) != string(value)) {
			t.Errorf("Split(% x, % x) = %+v, % x", value, header, ref, body)
		}
	})
}
