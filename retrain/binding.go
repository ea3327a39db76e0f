package retrain

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// SplitModel takes a model_id apart: what stands behind the last / is the version if it is v, digits and further .digits;
// else the whole is the name, and the version is nil.
func SplitModel[T ~string | ~[]byte](id T) (name, version T) {
	var none T
	for i := len(id) - 1; i > 0; i-- {
		if id[i] == '/' {
			if isVersion(id[i+1:]) {
				return id[:i], id[i+1:]
			}
			return id, none
		}
	}
	return id, none
}

func isVersion[T ~string | ~[]byte](v T) bool {
	if len(v) < 2 || v[0] != 'v' {
		return false
	}
	digits := 0
	for i := 1; i < len(v); i++ {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && digits > 0:
			digits = 0
		default:
			return false
		}
	}
	return digits > 0
}

// matches compares a text with a pattern: * stands for any run of characters, ? for one. A missing text matches nothing.
func matches(pattern string, text *string) bool {
	return text != nil && matchText(pattern, *text)
}

// matchText goes back to the last * where it does not fit, which is enough: an earlier * need never take more.
func matchText(pattern, text string) bool {
	star, retry := -1, 0
	p, t := 0, 0
	for t < len(text) {
		_, size := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p, t = p+1, t+size
		case p < len(pattern) && pattern[p] == text[t]:
			p, t = p+1, t+1
		case star >= 0:
			_, skipped := utf8.DecodeRuneInString(text[retry:])
			retry += skipped
			p, t = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// modelsOf are the models that an alert of this source concerns, in order of name: those of every bind line that matches its
// stream, else the model that its event names, else bind_default.
func (p *Policy) modelsOf(stream, model *string) []string {
	var names []string
	for _, b := range p.bind {
		if matches(b.stream, stream) {
			names = append(names, b.models...)
		}
	}
	if len(names) == 0 {
		if model != nil {
			return []string{*model}
		}
		if stream == nil {
			return nil
		}
		names = append(names, p.bindDefault...)
	}
	for i, name := range names {
		names[i] = strings.ReplaceAll(name, "{stream}", *stream)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Binds says whether a bind line of the policy names models for the stream. Without one its models are that of the event,
// else bind_default's.
func (p *Policy) Binds(stream StreamID) bool {
	for _, b := range p.bind {
		if matchText(b.stream, string(stream)) {
			return true
		}
	}
	return false
}
