package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// position is what every transaction of a task notes in its checkpoint topic, under the key "position": format 1, then,
// big-endian, the input topic's id (16), the next input offset (8), the checkpoint offset (8), the revision of the policy
// under which the records from the offset on are folded (4), and who wrote it (16). What else is there is the program's own.
type position struct {
	at       string
	offset   int64
	revision int64
}

const positionLength = 1 + 16 + 8 + 8 + 4 + 16

func readPosition(b []byte) (p position, err error) {
	if len(b) != positionLength || b[0] != 1 {
		return p, fmt.Errorf("a position of %d bytes is not of format 1", len(b))
	}
	return position{offset: int64(binary.BigEndian.Uint64(b[17:])), revision: int64(int32(binary.BigEndian.Uint32(b[33:])))}, nil
}

// turns are the recorded switches of a topic of events, by partition: what its tasks noted of the policies under which they
// folded. A position that compaction took away may have been the first under its policy, but while one before it is left none
// behind that is gone: so only the first that is left can be in doubt.
func (j *judgement) turns(ctx context.Context, topic string) (map[int32][]turn, error) {
	all, wrong := map[int32][]turn{}, error(nil)
	_, err := j.read(ctx, j.checkpoint(topic), j.r, func(rec *kgo.Record) {
		if string(rec.Key) != "position" {
			return
		}
		at := place(rec.Topic, rec.Partition, rec.Offset)
		p, err := readPosition(rec.Value)
		if err != nil {
			wrong = fmt.Errorf("%s: %w", at, err)
			return
		}
		p.at = at
		all[rec.Partition] = j.turn(all[rec.Partition], p)
	})
	if err == nil {
		err = wrong
	}
	return all, err
}

// turn adds a position to those of its partition, where it names another policy than the one before.
func (j *judgement) turn(turns []turn, p position) []turn {
	next := j.policies[p.revision]
	if next == nil {
		j.r.mismatch("position at %s names revision %d, which was never active", p.at, p.revision)
		return turns
	}
	if len(turns) > 0 {
		last := turns[len(turns)-1].policy
		if next.Revision < last.Revision {
			j.r.mismatch("position at %s goes back from revision %d to %d", p.at, last.Revision, next.Revision)
		}
		if next == last {
			return turns
		}
	}
	return append(turns, turn{p.offset, next})
}

// under are the turns of a partition, whose first record this is. Without any, and with one policy only, it is that one.
func (j *judgement) under(turns []turn, first *kgo.Record) ([]turn, error) {
	under, err := turns, error(nil)
	switch several := len(j.policies) > 1; {
	case len(turns) == 0:
		under = []turn{{policy: j.first}}
		if several {
			j.r.mismatch("%s/%d: no position says under which policy it was folded", first.Topic, first.Partition)
		}
	case several && turns[0].from > first.Offset:
		err = fmt.Errorf("%s/%d begins at %d, but the first position that is left is %d: where it switched before cannot be told, its checkpoint topic was compacted",
			first.Topic, first.Partition, first.Offset, turns[0].from)
	}
	return under, err
}
