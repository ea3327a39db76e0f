package main

import (
	"errors"
	"slices"

	"github.com/visutility/retrainer/retrain"
)

// readPolicy reads a policy file, and finds all its mistakes.
func readPolicy(path, tuner string) (*retrain.Policy, error) {
	f, err := readYAML(path)
	if err != nil {
		return nil, notRead("--policy", err)
	}
	return f.policy(tuner)
}

// policy reads the file as a policy.
func (f *yamlFile) policy(tuner string) (*retrain.Policy, error) {
	if f.root == nil {
		f.mistakes.add(nil, "the file is empty: write at least \"revision: 1\", which with all defaults is a policy")
		return nil, f.mistakes.err()
	}
	text, err := f.json()
	if err != nil {
		return nil, err
	}
	p, err := retrain.ParsePolicy(text, tuner)
	var wrong retrain.PolicyErrors
	if err != nil && !errors.As(err, &wrong) {
		return nil, err
	}
	ofYAML := f.mistakes.all
	for _, x := range wrong {
		at := f.find(x.Path)
		told := func(m mistake) bool { return at != nil && m.line == at.Line && m.column == at.Column }
		if !slices.ContainsFunc(ofYAML, told) { // of a value that is none to YAML everything was said
			f.mistakes.add(at, "%v", x)
		}
	}
	return p, f.mistakes.err()
}

// doubts are the values of a policy that is right which say something else than was perhaps meant.
func (f *yamlFile) doubts(p *retrain.Policy) *mistakes {
	found := &mistakes{path: f.path}
	for _, x := range p.Doubts() {
		found.add(f.find(x.Path), "%v", x)
	}
	found.sort()
	return found
}

// warnings are a line for each of them.
func (m *mistakes) warnings() (lines string) {
	for _, x := range m.all {
		lines += "warning: " + m.line(x) + "\n"
	}
	return lines
}

// notRead says as what a file was given that cannot be read.
func notRead(what string, err error) error {
	if errors.As(err, new(*mistakes)) {
		return err
	}
	return unread(what, err)
}
