package retrain

import (
	"fmt"
)

// Check says what makes progress unusable; nil: nothing. A very long worker, error_code or error_message is cut.
func (p *Progress) Check() *Invalid {
	if n := sizeOf(p.Metrics) + sizeOf(p.BestParams) + textsOf(p.BestParams); n > maxProgress {
		return &Invalid{Oversized, fmt.Sprintf("metrics and best_params have %d bytes, at most %d are possible: "+
			"the registry keeps them of every version; report the aggregates and store the rest beside the model", n, maxProgress)}
	}
	if problem := checkID(p.CommandID); problem != "" {
		return invalidValue("command_id: %s", problem)
	}
	if p.NewVersion != nil {
		if problem := checkID(*p.NewVersion); problem != "" {
			return invalidValue("new_version: %s", problem)
		}
	}
	wrong, found := "", false
	for name, v := range p.Metrics { // order: the first by name is told
		if !finite(v) && (!found || name < wrong) {
			wrong, found = name, true
		}
	}
	if found {
		return invalidValue("the metric %q is %v, not a finite number", wrong, p.Metrics[wrong])
	}
	p.Worker, p.ErrorCode, p.ErrorMessage = cutIfThere(p.Worker, maxID), cutIfThere(p.ErrorCode, maxID), cutIfThere(p.ErrorMessage, maxErrorText)
	switch p.Kind {
	case Started, InProgress, Succeeded, Failed:
		return nil
	}
	return unknownKind("kind", string(p.Kind), Started, InProgress, Succeeded, Failed)
}

// Check says what makes a request unusable; nil: nothing. A very long author or comment is cut.
func (r *Request) Check() *Invalid {
	r.Author, r.Comment = cut(r.Author, maxID), cut(r.Comment, maxRequestText)
	for _, id := range []struct{ name, text string }{{"request_id", r.RequestID}, {"model", r.Model}} {
		if problem := checkID(id.text); problem != "" {
			return invalidValue("%s: %s", id.name, problem)
		}
	}
	return r.usable()
}

// usable says what makes the controller unable to do what is asked; nil: nothing.
func (r *Request) usable() *Invalid {
	if r.Action == nil || *r.Action != SoftRetrain && *r.Action != FullRetrain {
		return invalidValue("the request has no action: soft or full is needed")
	}
	if r.Verb != Trigger {
		return unknownKind("verb", string(r.Verb), Trigger)
	}
	return nil
}

func unknownKind[T ~string](field, given string, known ...T) *Invalid {
	return &Invalid{UnknownKind, fmt.Sprintf("%s is %q; known are %q", field, given, known)}
}
