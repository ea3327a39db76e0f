// Package schemas knows Avro: the records that this program reads and writes (the .avsc files beside it), how a value is
// framed, how foreign bytes become a few wanted fields without trusting them, and how records become JSON for people and
// come back. It must not know Kafka, retraining, clocks or files, and imports nothing of ours. It is the only home of
// hamba/avro, which parses schema text here and does nothing else:
//
//   - it is archived with open advisories (CVE-2026-46384, CVE-2026-46385, GO-2026-5048) and trusts bytes: a 6-byte
//     array<null> makes it ask for 128 GiB, a truncated array<long> is no error to it, nor are trailing bytes;
//   - it encodes maps in Go's random order, while the bytes of a command must be equal under replay;
//   - its canonical form keeps logicalType, so its fingerprint of any schema with a timestamp differs from everybody else's.
//
// So reading (Program, Codec, Schema.AppendJSON), writing (Codec, Schema.FromJSON) and fingerprints are our own. hamba is
// their oracle in the tests.
package schemas
