package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// forge TOPIC OLD NEW: puts other bytes, as many, into a topic's records on disk, while nothing runs on them.
func forgeCommand(ts *testscript.TestScript, _ bool, args []string) {
	const lengthFrom, atCRC, atAttributes = 12, 17, 21 // in a batch (KIP-98)
	if len(args[1]) != len(args[2]) {
		ts.Fatalf("%q and %q are not of one length", args[1], args[2])
	}
	files, err := filepath.Glob(filepath.Join(ts.MkAbs("data"), "partitions", args[0]+"-*", "*.dat"))
	ts.Check(err)
	found := 0
	for _, f := range files {
		all, err := os.ReadFile(f)
		ts.Check(err)
		found += bytes.Count(all, []byte(args[1]))
		all = bytes.ReplaceAll(all, []byte(args[1]), []byte(args[2]))
		for rest := all; len(rest) > 0; {
			batch := rest[:lengthFrom+int(binary.BigEndian.Uint32(rest[lengthFrom-4:]))]
			binary.BigEndian.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], crc32.MakeTable(crc32.Castagnoli)))
			rest = rest[len(batch):]
		}
		ts.Check(os.WriteFile(f, all, 0o644))
	}
	if found == 0 {
		ts.Fatalf("%q stands nowhere in %s", args[1], args[0])
	}
}

// expire TOPIC OFFSET: takes what lies below an offset of partition 0, as retention does.
func expireCommand(ts *testscript.TestScript, _ bool, args []string) {
	offset, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	c := client(ts)
	defer c.Close()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic = args[0]
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset = offset
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	res, err := req.RequestWith(within(ts), c)
	ts.Check(err)
	if code := res.Topics[0].Partitions[0].ErrorCode; code != 0 {
		ts.Fatalf("error code %d", code)
	}
}
