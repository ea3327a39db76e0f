package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/handlers"
	"github.com/visutility/retrainer/retrain"
)

// proposal is the policy that this process would like to be active.
type proposal struct {
	policy   *retrain.Policy
	file     string // "": the built-in policy
	appended bool   // it is in the ledger, where another may have come before it, and nobody knows yet
}

// proposal reads the policy file, or takes the built-in policy.
func (s *service) proposal() (*proposal, error) {
	if s.policyFile == "" {
		p, err := retrain.BuiltIn(s.tuner)
		return &proposal{policy: p}, err
	}
	p, err := readPolicy(s.policyFile, s.tuner)
	return &proposal{policy: p, file: s.policyFile}, err
}

// propose appends the policy to the ledger if it is newer than the active one. The ledger decides: the first of two processes
// that propose at once wins.
func (s *service) propose(ctx context.Context, client *consumer.Client, p *proposal) error {
	known, err := s.policies(ctx, client)
	if err != nil {
		return err
	}
	ledgerID := s.ledgerID
	if active := known.entry; active != nil {
		if ledgerID != "" && ledgerID != active.LedgerID {
			return &consumer.SetupError{Message: fmt.Sprintf("the ledger of app %s is named %s since its first start, which --ledger-id %s cannot change: leave it out", s.app, active.LedgerID, ledgerID)}
		}
		ledgerID = active.LedgerID
		if news, err := p.against(active); err != nil || !news {
			if err == nil {
				p.logStanding(&s.log, active)
			}
			return err
		}
	}
	if ledgerID == "" {
		ledgerID = uuid.NewString()
	}
	entry, err := handlers.PolicyValue(p.policy, ledgerID, author())
	if err != nil {
		return err
	}
	if err := client.NewAppender().Append(ctx, record.Output{Topic: s.names().ledger(), Value: entry}); err != nil {
		return err
	}
	p.appended = true
	line := s.log.Info().Int32("revision", p.policy.Revision)
	if p.file != "" {
		line.Str("file", p.file)
	}
	line.Msg("policy proposed")
	return nil
}

// onRevision sees what became of the proposal. If another one of the same revision came before it, that is the same mistake as
// one that is active already; if one of a greater revision did, the file is ignored.
func (s *service) onRevision(p *proposal) consumer.OnRevision {
	return func(ctx context.Context, r record.Revision) (record.Revision, error) {
		rec := record.Record{Topic: s.names().policy(), Value: r.Value}
		if err := s.plain(ctx, &rec); err != nil {
			return r, err
		}
		r.Value = rec.Value
		return r, s.fateOf(p, r)
	}
}

// fateOf looks at a revision for what became of the proposal.
func (s *service) fateOf(p *proposal, r record.Revision) error {
	if !p.appended || r.Number < p.policy.Revision {
		return nil
	}
	p.appended = false // from here on its fate is known
	active, err := handlers.DecodePolicy(r.Value)
	if err != nil {
		return fmt.Errorf("policy revision %d: %w", r.Number, err)
	}
	if _, err := p.against(active); err != nil {
		return err
	}
	if !bytes.Equal(p.policy.Canonical(), active.Policy) {
		p.logStanding(&s.log, active)
		return nil
	}
	s.log.Info().Int32("revision", r.Number).Msg("the proposed policy is active")
	return nil
}

// against tells whether the proposal is newer than the active policy. The same revision with other rules is a mistake.
func (p *proposal) against(active *retrain.PolicyEntry) (newer bool, err error) {
	own := p.policy
	switch {
	case own.Revision > active.Revision:
		return true, nil
	case own.Revision < active.Revision, p.file == "", bytes.Equal(own.Canonical(), active.Policy):
		return false, nil
	}
	return false, &usageError{fmt.Sprintf("%s differs from the active policy of the same revision %d; give it %d", filepath.Base(p.file), own.Revision, int64(own.Revision)+1)}
}

// logStanding says why the active policy stays, and loudly if a file is ignored.
func (p *proposal) logStanding(log *zerolog.Logger, active *retrain.PolicyEntry) {
	line := log.Info()
	if p.file != "" && p.policy.Revision < active.Revision {
		line = log.Warn().Str("file", p.file)
	}
	line.Int32("active", active.Revision).Int32("own", p.policy.Revision).Msg(p.standing(active))
}

// standing says why the active policy stays.
func (p *proposal) standing(active *retrain.PolicyEntry) string {
	same := bytes.Equal(p.policy.Canonical(), active.Policy)
	switch {
	case p.policy.Revision == active.Revision && same:
		return "the policy is active already"
	case p.file == "" && active.Revision == 0:
		return "the built-in policy of another build or tuner is active and stays; to change it give a policy file with a revision"
	case p.file == "":
		return "no policy file is given: the active policy stays"
	}
	return fmt.Sprintf("the active policy has a greater revision and stays, %s is ignored: to make it active, give it revision %d", filepath.Base(p.file), int64(active.Revision)+1)
}
