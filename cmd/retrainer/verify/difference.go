package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

// Problem is how a topic differs from what the ledger gives.
type Problem string

// How topics differ.
const (
	Field      Problem = "field"      // a record has another value there
	Missing    Problem = "missing"    // a record is not there
	Extra      Problem = "extra"      // a record is there that the ledger does not give
	Doubled    Problem = "doubled"    // a record is there twice
	Unreadable Problem = "unreadable" // a record is none of the kind that the topic holds
)

// Difference is the first one found, as an error. Texts are empty where there is nothing to say.
type Difference struct {
	Problem  Problem `json:"problem"`
	Noun     string  `json:"what"`            // decision, command, result, model, policy
	Topic    string  `json:"topic"`           // that holds the record, or should
	Place    string  `json:"place,omitempty"` // topic/partition/offset of the record that differs
	Key      string  `json:"key"`             // of the record
	Field    string  `json:"field,omitempty"` // of Field
	Expected string  `json:"expected"`        // the field's value, or which record
	Found    string  `json:"found"`           // the same
	First    string  `json:"first,omitempty"` // of Doubled: where it stands first
	Entry    string  `json:"entry,omitempty"` // topic/partition/offset of the ledger's entry that gives what was expected
}

func (d *Difference) Error() string {
	switch d.Problem {
	case Field:
		return fmt.Sprintf("%s: %s of this %s differs from what the ledger gives", d.Place, d.Field, d.Noun)
	case Missing:
		return fmt.Sprintf("%s: a %s that the ledger gives is missing", d.Topic, d.Noun)
	case Doubled:
		return fmt.Sprintf("%s: this %s stands there a second time", d.Place, d.Noun)
	case Unreadable:
		return fmt.Sprintf("%s: this record is no %s of the program", d.Place, d.Noun)
	}
	return fmt.Sprintf("%s: no entry of the ledger gives this %s", d.Place, d.Noun)
}

// nothing stands for a record that is not there.
const nothing = "nothing: the topic ends there"

// fieldDifference says in which field a record differs from what was expected of it; nil: in none.
func fieldDifference(k *kind, found *item, key []byte, headers []record.Header, plain []byte) *Difference {
	d := &Difference{Problem: Field, Noun: k.noun, Topic: found.Topic, Place: placeOf(found.Record), Key: string(found.Key)}
	if !bytes.Equal(found.Key, key) {
		d.Field, d.Expected, d.Found = "the key", string(key), string(found.Key)
		return d
	}
	for i := range max(len(headers), len(found.Headers)) {
		want, got := headerText(headers, i), headerText(found.Headers, i)
		if want != got {
			d.Field, d.Expected, d.Found = fmt.Sprintf("header %d", i+1), want, got
			return d
		}
	}
	if bytes.Equal(found.plain, plain) {
		return nil
	}
	d.Field, d.Expected, d.Found = differ("", object(plain), object(found.plain))
	return d
}

func headerText(headers []record.Header, i int) string {
	if i >= len(headers) {
		return "none"
	}
	return headers[i].Key + ": " + string(headers[i].Value)
}

// object is a value of one of our schemas as JSON.
func object(value []byte) json.RawMessage {
	s, body, err := schemas.Identify(value)
	if err != nil {
		return nil
	}
	text, err := s.AppendJSON(nil, body)
	if err != nil {
		return nil
	}
	return text
}

// differ finds the first value in which two JSON texts differ, and its path; the path is empty where there is none.
func differ(path string, want, got json.RawMessage) (where, expected, found string) {
	if bytes.Equal(want, got) {
		return "", "", ""
	}
	a, b := children(want), children(got)
	if a == nil || b == nil || len(want) > 0 && len(got) > 0 && want[0] != got[0] {
		return orSelf(path), string(want), string(got)
	}
	for i, x := range a {
		at := slices.IndexFunc(b, func(y child) bool { return y.name == x.name })
		inner := path + x.name
		if path == "" {
			inner = x.name[1:] // without its dot
		}
		if at < 0 {
			return inner, string(x.value), "none"
		}
		if where, expected, found = differ(inner, x.value, b[at].value); where != "" {
			return where, expected, found
		}
		if i == len(a)-1 && len(b) > len(a) {
			return path + b[len(a)].name, "none", string(b[len(a)].value)
		}
	}
	if len(a) == 0 && len(b) > 0 {
		return path + b[0].name, "none", string(b[0].value)
	}
	return orSelf(path), string(want), string(got)
}

func orSelf(path string) string {
	if path == "" {
		return "the value"
	}
	return path
}

// child is a member of an object (.name) or an element of an array ([index]).
type child struct {
	name  string
	value json.RawMessage
}

// children are those of an object or an array, in order; nil: it is neither. A text that holds an object in base64, as a
// policy is written, is taken for that object.
func children(text json.RawMessage) []child {
	dec := json.NewDecoder(bytes.NewReader(inside(text)))
	open, err := dec.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return nil
	}
	all := []child{}
	for dec.More() {
		c := child{name: "[" + strconv.Itoa(len(all)) + "]"}
		if open == json.Delim('{') {
			name, err := dec.Token()
			if err != nil {
				return nil
			}
			c.name = fmt.Sprintf(".%v", name)
		}
		if err := dec.Decode(&c.value); err != nil {
			return nil
		}
		all = append(all, c)
	}
	return all
}

func inside(text json.RawMessage) json.RawMessage {
	var b64 string
	if json.Unmarshal(text, &b64) != nil {
		return text
	}
	object, err := base64.StdEncoding.DecodeString(b64)
	if err != nil || len(object) == 0 || object[0] != '{' || !json.Valid(object) {
		return text
	}
	return object
}
