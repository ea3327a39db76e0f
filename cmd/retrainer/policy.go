package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/visutility/retrainer/retrain"
)

func policyCommand(c *configuration) *cobra.Command {
	policy := group("policy", "Look at a policy file", "check and a file behind it")
	var tuner string
	check := command(c, "check FILE", "Say all that is wrong in a policy file, or else what it does", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if err := checkTuner(tuner); err != nil {
			return err
		}
		f, err := readYAML(args[0])
		if err != nil {
			return notRead("policy", err)
		}
		p, err := f.policy(tuner)
		if err != nil {
			return err
		}
		doubts := f.doubts(p)
		if c.json {
			return f.printJSON(cmd.OutOrStdout(), p, doubts)
		}
		if _, err := io.WriteString(cmd.ErrOrStderr(), doubts.warnings()); err != nil {
			return err
		}
		return f.print(cmd.OutOrStdout(), p)
	})
	tunerFlag(check.Flags(), &tuner)
	policy.AddCommand(check)
	return policy
}

// print says what the file's policy does.
func (f *yamlFile) print(out io.Writer, p *retrain.Policy) error {
	given := ""
	if firstPair(f.root, "revision") < 0 {
		given = " (by default: the file gives none)"
	}
	lines := fmt.Sprintf("%s is right: revision %d%s, SHA-256 %s with every default written out\n", f.path, p.Revision, given, hashOf(p))
	for _, s := range p.Sentences() {
		lines += s + "\n"
	}
	_, err := io.WriteString(out, lines)
	return err
}

// printJSON says what the file's policy is in normal form, byte for byte.
func (f *yamlFile) printJSON(out io.Writer, p *retrain.Policy, doubts *mistakes) error {
	rules := []map[string]string{}
	for _, r := range p.RuleIDs() {
		rules = append(rules, map[string]string{"path": r.Path.String(), "rule_id": r.ID, "rule": r.Text})
	}
	return writeJSON(out, map[string]any{"file": f.path, "revision": p.Revision, "sha256": hashOf(p), "rules": rules, "policy": json.RawMessage(p.Canonical()), "warnings": doubts.places()})
}

func hashOf(p *retrain.Policy) string {
	sum := sha256.Sum256(p.Canonical())
	return hex.EncodeToString(sum[:])
}

// tunerFlag is the flag of those that read a policy: it stands in the normal form, and so in what serve proposes.
func tunerFlag(f *pflag.FlagSet, tuner *string) {
	f.StringVar(tuner, "tuner", "", "`NAME` of the tuner where the policy names none: "+strings.Join(retrain.TunerNames(), ", "))
}

func checkTuner(tuner string) error {
	if _, err := retrain.NewTuner(tuner); err != nil {
		return usage("--tuner: %v", err)
	}
	return nil
}
