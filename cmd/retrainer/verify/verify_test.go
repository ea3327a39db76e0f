package verify

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/retrain"
)

func TestATrueHistoryVerifies(t *testing.T) {
	h := lived(5, 4)
	c, err := h.check(t, math.MaxInt64)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	for topic := range h.topics {
		want := len(h.all(topic))
		if topic == "retrain.models" {
			want = 5
		}
		if got := c.Counts(topic); got != (Counts{Equal: want}) || want == 0 {
			t.Errorf("%s: %+v of %d", topic, got, want)
		}
	}
	if c.Entries != len(h.ledger) {
		t.Errorf("%d entries of %d", c.Entries, len(h.ledger))
	}
}

// widen gives the topic of commands more partitions in the midst of the history: older commands stay where they are.
func widen(h *history) {
	issued := func(r *record.Record) int64 {
		c := new(retrain.Command)
		must(0, codecs.command.Decode(r.Value, c))
		return c.IssuedAt
	}
	old := h.all("retrain.commands")
	slices.SortFunc(old, func(a, b *record.Record) int { return cmp.Compare(issued(a), issued(b)) })
	h.topics["retrain.commands"] = append(h.topics["retrain.commands"], nil, nil, nil)
	for _, r := range old[9:] {
		h.remove(r)
	}
	for _, r := range old[9:] {
		h.put(&record.Output{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
}

// TestWhatMayDifferVerifies: what time, retention, compaction, a busy serve and a later build leave is no difference.
func TestWhatMayDifferVerifies(t *testing.T) {
	for name, x := range map[string]struct {
		change  func(h *history)
		certain int64
		gone    string // topic and how many
	}{
		"another wording": {change: func(h *history) {
			alter(codecs.decision, h.all("retrain.decisions")[3], func(v *retrain.Decision) { v.Explanation = "as a later build says it" })
			alter(codecs.command, h.all("retrain.commands")[2], func(v *retrain.Command) { v.Explanation = "" })
		}},
		"compacted models": {change: func(h *history) {
			last := map[string]*record.Record{}
			for _, r := range h.all("retrain.models") {
				last[string(r.Key)] = r
			}
			for _, r := range h.all("retrain.models") {
				if last[string(r.Key)] != r {
					h.remove(r)
				}
			}
		}},
		"retention": {change: func(h *history) {
			for _, r := range h.all("retrain.decisions")[:7] {
				h.remove(r)
			}
			h.cut["retrain.decisions"] = 8
		}, gone: "retrain.decisions 7"},
		"retention of some partitions": {change: func(h *history) {
			h.cut["retrain.commands"] = 8
			for _, p := range h.topics["retrain.commands"][:4] {
				for _, r := range p[:len(p)/2] {
					h.remove(r)
				}
			}
		}},
		"retention of all": {change: func(h *history) {
			h.topics["retrain.results"][0], h.cut["retrain.results"] = nil, 8
		}, gone: "retrain.results 40"},
		"more partitions than there were": {change: widen},
		"more partitions than retention cut": {change: func(h *history) {
			widen(h)
			for i, p := range h.topics["retrain.commands"][:8] {
				h.topics["retrain.commands"][i] = p[len(p)/2:]
			}
			h.cut["retrain.commands"] = 8
		}},
		"not committed yet": {change: func(h *history) {
			all := h.all("retrain.decisions")
			h.remove(all[len(all)-1])
			all = h.all("retrain.models")
			h.remove(all[len(all)-1])
			h.topics["retrain.results"][0] = h.topics["retrain.results"][0][:30]
		}, certain: 100},
	} {
		t.Run(name, func(t *testing.T) {
			h := lived(5, 4)
			x.change(h)
			if x.certain == 0 {
				x.certain = math.MaxInt64
			}
			c, err := h.check(t, x.certain)
			if err != nil {
				t.Fatalf("%+v", err)
			}
			if topic, _, _ := strings.Cut(x.gone, " "); topic != "" && x.gone != fmt.Sprintf("%s %d", topic, c.Counts(topic).Gone) {
				t.Errorf("%+v, expected %s", c.Counts(topic), x.gone)
			}
		})
	}
}

func TestAForgedRecordIsFound(t *testing.T) {
	const decisions, commands, models = "retrain.decisions", "retrain.commands", "retrain.models"
	for name, x := range map[string]struct {
		change func(h *history)
		want   Difference // texts are beginnings
		says   string
	}{
		"another action": {
			change: func(h *history) {
				alter(codecs.decision, h.all(decisions)[4], func(v *retrain.Decision) { v.Action = retrain.SoftRetrain })
			},
			want: Difference{Problem: Field, Place: "retrain.decisions/0/8", Key: "model-1", Field: "action", Expected: `"full"`, Found: `"soft"`, Entry: "retrain.ledger/0/12"},
			says: "retrain.decisions/0/8: action of this decision differs from what the ledger gives",
		},
		"another number deep inside": {
			change: func(h *history) {
				alter(codecs.decision, h.all(decisions)[2], func(v *retrain.Decision) { v.Evidence[0].Value = new(-0.3) })
			},
			want: Difference{Problem: Field, Field: "evidence[0].value", Expected: "-0.2", Found: "-0.3"},
		},
		"evidence left out": {
			change: func(h *history) {
				alter(codecs.decision, h.all(decisions)[2], func(v *retrain.Decision) { v.Evidence = nil })
			},
			want: Difference{Problem: Field, Field: "evidence[0]", Expected: `{"alert_id":"a0"`, Found: "none"},
		},
		"evidence put in": {
			change: func(h *history) {
				alter(codecs.decision, h.all(decisions)[0], func(v *retrain.Decision) {
					v.Evidence = []retrain.Evidence{{AlertID: "x", On: retrain.OnDrift, Action: retrain.FullRetrain}}
				})
			},
			want: Difference{Problem: Field, Field: "evidence[0]", Expected: "none", Found: `{"alert_id":"x"`},
		},
		"another header": {
			change: func(h *history) { h.all(commands)[1].Headers[1].Value = []byte("other") },
			want:   Difference{Problem: Field, Field: "header 2", Expected: "ce_id: ", Found: "ce_id: other"},
		},
		"another key": {
			change: func(h *history) { h.all(decisions)[1].Key = []byte("other") },
			want:   Difference{Problem: Field, Key: "other", Field: "the key", Expected: "model-0", Found: "other"},
		},
		"a decision missing": {
			change: func(h *history) { h.remove(h.all(decisions)[6]) },
			want:   Difference{Problem: Missing, Topic: decisions, Expected: "decision 3 on model-1, none (cooldown)", Found: "decision 4 on model-1", Entry: "retrain.ledger/0/18"},
			says:   "retrain.decisions: a decision that the ledger gives is missing",
		},
		"the last command missing": {
			change: func(h *history) {
				all := h.all(commands)
				h.remove(all[len(all)-1])
			},
			want: Difference{Problem: Missing, Topic: commands, Expected: "command for a ", Found: nothing},
		},
		"a decision doubled at once": {
			change: func(h *history) { h.after(h.all(decisions)[5], *h.all(decisions)[5]) },
			want:   Difference{Problem: Doubled, Place: "retrain.decisions/0/11", First: "retrain.decisions/0/10", Found: "decision 2 on model-1"},
			says:   "retrain.decisions/0/11: this decision stands there a second time",
		},
		"a decision doubled at the end": {
			change: func(h *history) {
				all := h.all(decisions)
				h.after(all[len(all)-1], *all[0])
			},
			want: Difference{Problem: Doubled, First: "retrain.decisions/0/0", Expected: "nothing more"},
		},
		"an alien command": {
			change: func(h *history) {
				x := *h.all(commands)[0]
				alter(codecs.command, &x, func(v *retrain.Command) { v.CommandID = "alien" })
				h.after(h.all(commands)[0], x)
			},
			want: Difference{Problem: Extra, Found: "command for a full retrain of model-", Expected: "command for a "},
			says: ": no entry of the ledger gives this command",
		},
		"an alien decision where retention cut": {
			change: func(h *history) {
				for _, r := range h.all(decisions)[:7] {
					h.remove(r)
				}
				h.cut[decisions] = 8
				alter(codecs.decision, h.all(decisions)[0], func(v *retrain.Decision) { v.DecisionID = "alien" })
			},
			want: Difference{Problem: Extra, Place: "retrain.decisions/0/14", Found: "decision "},
		},
		"a decision missing behind where retention cut": {
			change: func(h *history) {
				for _, r := range h.all(decisions)[:7] {
					h.remove(r)
				}
				h.cut[decisions] = 8
				h.remove(h.all(decisions)[2])
			},
			want: Difference{Problem: Missing, Topic: decisions, Expected: "decision "},
		},
		"another byte where retention cut": {
			change: func(h *history) {
				for _, r := range h.all(decisions)[:7] {
					h.remove(r)
				}
				h.cut[decisions] = 8
				alter(codecs.decision, h.all(decisions)[1], func(v *retrain.Decision) { v.CommandNumber = 77 })
			},
			want: Difference{Problem: Field, Field: "command_number", Found: "77"},
		},
		"bytes that are no record": {
			change: func(h *history) { h.all(decisions)[5].Value = []byte("{}") },
			want:   Difference{Problem: Unreadable, Place: "retrain.decisions/0/10"},
			says:   "retrain.decisions/0/10: this record is no decision of the program",
		},
		"a model's last word": {
			change: func(h *history) {
				all := h.all(models)
				alter(codecs.model, all[len(all)-1], func(v *retrain.Model) { v.Latest = new("v99") })
			},
			want: Difference{Problem: Field, Topic: models, Key: "model-4", Field: "latest", Expected: `"v`, Found: `"v99"`, Entry: "retrain.ledger/0/200"},
		},
		"an older word on a model as the last": {
			change: func(h *history) {
				all := h.all(models)
				h.after(all[len(all)-1], *all[0])
			},
			want: Difference{Problem: Field, Topic: models, Key: "model-0"},
		},
		"a model gone": {
			change: func(h *history) {
				for _, r := range h.all(models) {
					if string(r.Key) == "model-2" {
						h.remove(r)
					}
				}
			},
			want: Difference{Problem: Missing, Topic: models, Key: "model-2", Found: "nothing of this key"},
		},
		"an alien model": {
			change: func(h *history) {
				x := *h.all(models)[0]
				x.Key = []byte("ghost")
				h.after(h.all(models)[0], x)
			},
			want: Difference{Problem: Extra, Topic: models, Key: "ghost"},
		},
		"a model's tombstone": {
			change: func(h *history) { all := h.all(models); all[len(all)-1].Value = nil },
			want:   Difference{Problem: Unreadable, Topic: models, Found: "it has no value"},
		},
		"another policy": {
			change: func(h *history) {
				alter(codecs.policy, h.all("retrain.policy")[0], func(v *retrain.PolicyEntry) {
					v.Policy = []byte(strings.Replace(string(v.Policy), `"cooldown":2000`, `"cooldown":3000`, 1))
				})
			},
			want: Difference{Problem: Field, Topic: "retrain.policy", Key: "1", Field: "policy.defaults.cooldown", Expected: "2000", Found: "3000", Entry: "retrain.ledger/0/0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := lived(5, 4)
			x.change(h)
			_, err := h.check(t, math.MaxInt64)
			var got *Difference
			if !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			for _, part := range []struct{ name, got, want string }{
				{"problem", string(got.Problem), string(x.want.Problem)}, {"topic", got.Topic, x.want.Topic}, {"place", got.Place, x.want.Place},
				{"key", got.Key, x.want.Key}, {"field", got.Field, x.want.Field}, {"first", got.First, x.want.First}, {"entry", got.Entry, x.want.Entry},
				{"expected", got.Expected, x.want.Expected}, {"found", got.Found, x.want.Found},
			} {
				if !strings.HasPrefix(part.got, part.want) {
					t.Errorf("%s is %q, expected %q", part.name, part.got, part.want)
				}
			}
			if text := err.Error(); !strings.HasSuffix(text, x.says) {
				t.Errorf("%s\nexpected\n%s", text, x.says)
			}
		})
	}
}

// TestWhatIsNotCertainMustNotContradict: behind the position that was certain, a record may be missing at the end of a topic, but
// not be another one.
func TestWhatIsNotCertainMustNotContradict(t *testing.T) {
	h := lived(5, 4)
	all := h.all("retrain.decisions")
	h.remove(all[len(all)-2])
	var d *Difference
	if _, err := h.check(t, 100); !errors.As(err, &d) || d.Problem != Missing {
		t.Errorf("%v", err)
	}
	h.remove(all[len(all)-1])
	if _, err := h.check(t, 100); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := h.check(t, math.MaxInt64); !errors.As(err, &d) || d.Problem != Missing {
		t.Errorf("%v", err)
	}
}

func TestALedgerThatThisBuildCannotFoldIsNoDifference(t *testing.T) {
	h := lived(1, 1)
	h.ledger[2].Value = []byte("{}")
	_, err := h.check(t, math.MaxInt64)
	if err == nil || errors.As(err, new(*Difference)) || !strings.Contains(err.Error(), "retrain.ledger/0/4: the record in the ledger is no entry that this build knows") {
		t.Errorf("%v", err)
	}
}
