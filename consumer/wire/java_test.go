package wire

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// testdata has what a Java producer wrote to Apache Kafka 4.4, a batch of the same 20 records in each codec:
// ConsoleProducer --compression-codec ... --reader-property parse.key=true --reader-property parse.headers=true.
func TestBatchesOfAJavaProducer(t *testing.T) {
	for codec, name := range codecNames[:codecZstd+1] {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile("testdata/java-" + name + ".batch")
			if err != nil {
				t.Fatal(err)
			}
			if int(raw[atAttributes+1]&codecMask) != codec {
				t.Fatalf("the file's codec is %d", raw[atAttributes+1])
			}
			got, next := readAll(t, raw, nil, 0, false)
			if len(got) != 20 || next != 20 {
				t.Fatalf("%d records, next offset %d", len(got), next)
			}
			for i, r := range got {
				value := strings.Repeat("drift of a stream; ", 5) + fmt.Sprint(i)
				if string(r.Key) != fmt.Sprintf("stream-%d", i%3) || string(r.Value) != value || len(r.Headers) != 2 ||
					r.Headers[0].Key != "schema" || string(r.Headers[0].Value) != "7" ||
					r.Headers[1].Key != "trace-id" || string(r.Headers[1].Value) != fmt.Sprintf("t%d", i) {
					t.Errorf("record %d: %+v", i, r)
				}
			}
			if want, _, err := oracle(raw, nil, 0, false); same(got, want) != "" || err != nil {
				t.Errorf("%s, %v", same(got, want), err)
			}
		})
	}
}
