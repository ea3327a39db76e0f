package demo

import (
	"context"
	"time"
)

// killed ends the service with kill -9 while it decides, and starts it again.
func (s *story) killed(ctx context.Context) error {
	half := s.cast.cameras[:cameraCount/2]
	s.teller.chapter("kill -9")
	s.teller.say("%d cameras lose quality at once. The first command is out, and the service is killed.", cameraCount)
	for _, m := range s.cast.cameras {
		s.expect(m, softByAlert, quiet)
	}
	if err := s.stage.write(ctx, s.fallen(half)...); err != nil {
		return err
	}
	if err := s.seen.until(ctx, "the first command for a camera", func(p *published) bool { return s.commands(p) > 0 }); err != nil {
		return err
	}
	s.stage.service.kill()
	s.teller.bad("Killed. What was in its memory is gone; what it had not committed is aborted.")
	if err := s.stage.write(ctx, s.fallen(s.cast.cameras)...); err != nil { // the first half again
		return err
	}
	s.teller.say("Meanwhile the pipeline, which is not sure, sends the first %d events again, and %d more.", len(half), cameraCount-len(half))
	s.teller.pause(time.Second)
	took, err := s.stage.serve(ctx)
	if err != nil {
		return err
	}
	s.teller.say("Started again: it is back after %.1f s, by replaying what it had read, in silence.", took.Seconds())
	if err := s.seen.until(ctx, "all commands for the cameras and their ends", s.camerasTrained); err != nil {
		return err
	}
	n := 0
	s.seen.look(func(p *published) { n = s.commands(p) })
	s.teller.good("%d cameras, %d commands, none missing and none twice.", cameraCount, n)
	return nil
}

// fallen are the evaluations of models that lost quality.
func (s *story) fallen(models []model) (all []event) {
	for _, m := range models {
		all = append(all, s.cast.evaluation(s.Topics.Performance, m, wellCount+1, s.cast.falls[m.name], s.began))
	}
	return all
}

// commands counts those for cameras.
func (s *story) commands(p *published) (n int) {
	for _, m := range s.cast.cameras {
		n += len(p.commandsFor(m.name))
	}
	return n
}

func (s *story) camerasTrained(p *published) bool {
	for _, m := range s.cast.cameras {
		all := p.commandsFor(m.name)
		if len(all) == 0 || p.endOf(all[0].CommandID) == nil {
			return false
		}
	}
	return true
}
