package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/visutility/retrainer/retrain"
)

func TestTheVersionPrintedIsThatOfTheModule(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}} {
		var out bytes.Buffer
		root := newRoot()
		root.SetOut(&out)
		root.SetArgs(args)
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		printed := strings.Fields(out.String() + " . .")[1]
		if len(args) > 1 {
			var v version
			if err := json.Unmarshal(out.Bytes(), &v); err != nil || v.Build == "" || v.Revision == "" || v.Go == "" {
				t.Errorf("%v: %s", err, out.String())
			}
			printed = v.Version
		}
		if printed != retrain.VERSION {
			t.Errorf("%v prints %s, the module's version is %s", args, printed, retrain.VERSION)
		}
	}
}
