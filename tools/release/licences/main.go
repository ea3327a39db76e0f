// Licences prints the licences of all modules that the program has in it, for whoever is given it. It fails where one has none, or one that
// asks for more than to be named:
//
//	GOOS=linux GOARCH=arm64 go run ./tools/release/licences ./cmd/retrainer
//
// MPL-2.0 is refused too: whoever gives a program away has to say where the source of its files is, which no archive of ours does. A module
// under it would be for somebody to decide on, here.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// permissive are the licences that ask only to be named, by SPDX.
var permissive = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD"}

// recognised is how many percent of a licence's text must be known: the rest is names and years.
const recognised = 90

func main() {
	if err := printAll(os.Stdout, os.Args[1:]...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// printAll prints the licences of the modules that packages are made of, in order of their names, and Go's.
func printAll(out io.Writer, packages ...string) error {
	list, err := output("list", append([]string{"-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}"}, packages...)...)
	if err != nil {
		return err
	}
	modules := strings.Split(list, "\n")
	slices.Sort(modules)
	var refused []error
	for _, m := range slices.Compact(modules) {
		if m == "" {
			continue // of Go's own packages
		}
		name, folder, _ := strings.Cut(m, "\t")
		refused = append(refused, printModule(out, name, folder))
	}
	env, err := output("env", "GOROOT", "GOVERSION")
	if err != nil {
		return err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(env), "\n")
	_, err = printFile(out, "Go "+strings.TrimPrefix(version, "go"), filepath.Join(root, "LICENSE"))
	return errors.Join(append(refused, err)...)
}

func output(name string, args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{name}, args...)...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", name, err)
	}
	return string(text), nil
}

var (
	licence = regexp.MustCompile(`(?i)^(licen[sc]e|copying)`)
	notice  = regexp.MustCompile(`(?i)^notice`)
)

// printModule prints what a module's folder has of licences and of notices to hand on.
func printModule(out io.Writer, name, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var all []error
	licences := 0
	for _, e := range entries {
		isLicence := licence.MatchString(e.Name())
		if e.IsDir() || !isLicence && !notice.MatchString(e.Name()) {
			continue
		}
		text, err := printFile(out, name+": "+e.Name(), filepath.Join(folder, e.Name()))
		if isLicence {
			licences++
			if err == nil {
				err = check(name, e.Name(), text)
			}
		}
		all = append(all, err)
	}
	if licences == 0 {
		all = append(all, fmt.Errorf("%s has no licence, so nobody may give it away: leave it out", name))
	}
	return errors.Join(all...)
}

// check refuses a licence that asks for more than to be named, or is not known.
func check(name, file string, text []byte) error {
	found := licensecheck.Scan(text)
	if len(found.Match) == 0 || found.Percent < recognised {
		return fmt.Errorf("%s: the text of %s is no licence that is known: read it, and leave the module out if it asks for more than to be named", name, file)
	}
	for _, m := range found.Match {
		if !slices.Contains(permissive, m.ID) {
			return fmt.Errorf("%s has %s in %s, and only %s may be in the program: leave it out", name, m.ID, file, strings.Join(permissive, ", "))
		}
	}
	return nil
}

func printFile(out io.Writer, title, path string) (text []byte, err error) {
	if text, err = os.ReadFile(path); err == nil {
		_, err = fmt.Fprintf(out, "== %s\n\n%s\n\n", title, bytes.TrimRight(text, "\n"))
	}
	return text, err
}
