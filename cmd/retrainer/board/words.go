package board

import (
	"html/template"
	"time"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// words are what the templates say things by. Whatever came from outside goes through one of them.
var words = template.FuncMap{
	"clock":   retrain.Clock,
	"iso":     func(at int64) string { return time.UnixMilli(at).UTC().Format(time.RFC3339) },
	"visible": phrases.Visible,
	"text":    func(s *string) string { return phrases.Visible(phrases.OrDash(s)) },
	"dash":    func(s string) string { return phrases.Visible(phrases.OrDash(&s)) },
	"number":  func(n int) string { return retrain.Thousands(n) },
	"short":   func(id string) string { return phrases.Visible(id[:min(len(id), 8)]) },
	"figures": func(m map[string]float64) string { return phrases.Visible(phrases.Figures(m)) },
	"asset":   asset,
}
