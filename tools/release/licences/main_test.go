package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAllThatTheProgramHasInItMayBeGivenAway(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := printAll(&out, "../../../cmd/retrainer"); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"== github.com/rs/zerolog v", "== github.com/prometheus/common v0", ": NOTICE\n", "== Go 1."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestALicenceThatAsksForMoreThanToBeNamedIsRefused(t *testing.T) {
	t.Parallel()
	ours, err := os.ReadFile("../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	gnu := func(name string) string {
		return "This program is free software: you can redistribute it and/or modify it under the terms of the GNU " + name + " General Public License as published by " +
			"the Free Software Foundation, either version 3 of the License, or (at your option) any later version.\n\n" +
			"This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or " +
			"FITNESS FOR A PARTICULAR PURPOSE. See the GNU " + name + " General Public License for more details.\n\n" +
			"You should have received a copy of the GNU " + name + " General Public License along with this program. If not, see <https://www.gnu.org/licenses/>.\n"
	}
	mozilla := "This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not distributed with this file, " +
		"You can obtain one at https://mozilla.org/MPL/2.0/.\n"
	for name, c := range map[string]struct{ file, text, says string }{
		"ours":               {"LICENSE", string(ours), ""},
		"GPL":                {"COPYING", gnu(""), "GPL-3.0"},
		"AGPL":               {"LICENSE.md", gnu("Affero"), "AGPL-3.0"},
		"LGPL":               {"licence.txt", gnu("Lesser"), "LGPL-3.0"},
		"MPL":                {"LICENSE", mozilla, "MPL-2.0"},
		"ours and the GPL":   {"LICENSE", string(ours) + gnu(""), "GPL-3.0"},
		"Business Source":    {"LICENSE", "Business Source License 1.1\n\nThe Licensor hereby grants you the right to make non-production use of the Licensed Work.\n", "no licence that is known"},
		"a condition behind": {"LICENSE", string(ours) + strings.Repeat("The Software shall be used for Good, not Evil, and by nobody whose name begins with B. ", 40), "no licence that is known"},
		"none":               {"NOTICE", string(ours), "has no licence"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := printModule(io.Discard, "example.com/x v1.0.0", dir)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}
