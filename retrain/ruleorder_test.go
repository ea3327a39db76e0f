package retrain

import (
	"fmt"
	"testing"
)

// A rule that asks for more behind one that fires wherever it does is doubted; in the other order, or where one may fire without the
// other, it is not.
func TestARuleBehindALesserOneThatFiresWhereItDoesIsDoubted(t *testing.T) {
	const soft = `{"threshold":{"of":"mAP_change","below":-0.05,"clear":-0.02},"action":"soft"}`
	for _, c := range []struct {
		first, second string
		doubted       bool
	}{
		{soft, `{"threshold":{"of":"mAP_change","below":-0.2},"action":"full"}`, true},
		{soft, `{"threshold":{"of":"mAP_change","below":-0.05},"action":"full"}`, true},
		{soft, `{"threshold":{"of":"mAP_change","below":-0.2,"method":"f1","min_sample_size":9,"min_checks":3},"action":"full"}`, true},
		{`{"threshold":{"of":"p_value","above":1},"action":"soft"}`, `{"threshold":{"of":"p_value","above":2},"action":"full"}`, true},
		{`{"threshold":{"of":"p_value","below":1,"min_sample_size":8},"action":"soft"}`, `{"threshold":{"of":"p_value","below":1,"min_sample_size":9},"action":"full"}`, true},
		{`{"threshold":{"of":"mAP_change","below":-0.2},"action":"full"}`, soft, false},
		{soft, `{"threshold":{"of":"mAP_change","below":-0.2},"action":"soft"}`, false},
		{soft, `{"threshold":{"of":"mAP_change","below":-0.04},"action":"full"}`, false},
		{soft, `{"threshold":{"of":"mAP_change","above":0.2},"action":"full"}`, false},
		{soft, `{"threshold":{"of":"p_value","below":-0.2},"action":"full"}`, false},
		{soft, `{"sustained":{"of":"mAP_change","below":-0.2,"k":1,"n":1},"action":"full"}`, false},
		{`{"sustained":{"of":"mAP_change","below":-0.05,"k":1,"n":1},"action":"soft"}`, `{"threshold":{"of":"mAP_change","below":-0.2},"action":"full"}`, false},
		{`{"threshold":{"of":"p_value","below":1,"method":"ks"},"action":"soft"}`, `{"threshold":{"of":"p_value","below":1},"action":"full"}`, false},
		{`{"threshold":{"of":"p_value","below":1,"min_checks":2},"action":"soft"}`, `{"threshold":{"of":"p_value","below":1},"action":"full"}`, false},
		{`{"threshold":{"of":"p_value","below":1,"min_sample_size":9},"action":"soft"}`, `{"threshold":{"of":"p_value","below":1},"action":"full"}`, false},
		{`{"threshold":{"of":"p_value","below":1,"min_sample_size":9},"action":"soft"}`, `{"threshold":{"of":"p_value","below":1,"min_sample_size":8},"action":"full"}`, false},
	} {
		p, err := ParsePolicy(fmt.Appendf(nil, `{"observe":[{"on":"drift","rules":[%s,%s]}]}`, c.first, c.second), "")
		if err != nil {
			t.Fatal(err)
		}
		doubts := p.Doubts()
		if (len(doubts) == 1) != c.doubted || c.doubted && doubts[0].Path.String() != "observe[0].rules[1]" {
			t.Errorf("%s before %s: %v; expected %t", c.first, c.second, doubts, c.doubted)
		}
	}
}
