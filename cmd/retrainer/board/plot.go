package board

import (
	"fmt"
	"math"
	"strings"

	"github.com/visutility/retrainer/cmd/retrainer/phrases"
	"github.com/visutility/retrainer/retrain"
)

// The drawing's size, in units of its own: it is as wide as its place.
const (
	width, height    = 720.0, 200.0
	left, right      = 80.0, 12.0
	top, bottom      = 30.0, 30.0
	margin           = 0.06  // of the height, above and below what is drawn
	smallestExponent = -12.0 // of a p-value that is drawn
	farthest         = 1e300 // value that is drawn: differences of two are numbers
)

// plot is a signal against its level, ready to be drawn.
type plot struct {
	Says       string // in words, for who does not see it
	Line       string // points of a polyline
	Dots       []dot
	Level      *mark // nil: the rule compares with the signal's own past
	Beyond     *band // where values fire; nil: that is not known
	Since      *mark // nil: not in the drawing
	Ticks      []mark
	From, To   string // times at the ends; To "": they are one
	Rows       [][2]string
	W, H       float64
	Left, Base float64
	End, Top   float64
	Span       float64
}

// band is a part of the height.
type band struct{ From, Height float64 }

type dot struct {
	X, Y  float64
	Fires bool
	Says  string
}

type mark struct {
	At   float64
	Says string
	Left bool // says it on its left: on its right is no room

	Under bool // says it below its line: above is no room
}

// newPlot draws a signal; nil: of fewer than two values there is nothing to draw.
func newPlot(points []point, e *retrain.Evidence) *plot {
	if len(points) < 2 {
		return nil
	}
	s := newScale(points, e)
	p := &plot{W: width, H: height, Left: left, Base: height - bottom, End: width - right, Top: top, Span: width - left - right,
		From: retrain.Clock(points[0].time), To: retrain.Clock(points[len(points)-1].time)}
	var line []string
	for _, v := range points {
		d := dot{X: s.x(v.time), Y: s.y(v.value), Fires: v.offset == e.Offset, Says: fmt.Sprintf("%s %s at %s", e.Field, retrain.Amount(v.value), retrain.Clock(v.time))}
		line = append(line, fmt.Sprintf("%.1f,%.1f", d.X, d.Y))
		p.Dots = append(p.Dots, d)
		p.Rows = append(p.Rows, [2]string{retrain.Clock(v.time), retrain.Amount(v.value)})
	}
	p.Line = strings.Join(line, " ")
	limit := "its own past"
	if e.Level != nil {
		at := s.y(*e.Level)
		p.Level = &mark{At: at, Says: "limit " + retrain.Amount(*e.Level), Under: at < top+20}
		limit = "the limit " + retrain.Amount(*e.Level)
		switch {
		case e.Value != nil && *e.Value < *e.Level:
			p.Beyond = &band{at, p.Base - at}
		case e.Value != nil:
			p.Beyond = &band{top, at - top}
		}
	}
	if e.Since != nil && *e.Since >= points[0].time && *e.Since <= points[len(points)-1].time {
		at := s.x(*e.Since)
		p.Since = &mark{At: at, Says: "since " + retrain.Clock(*e.Since), Left: at > width/2}
	}
	for _, v := range []float64{s.low, (s.low + s.high) / 2, s.high} {
		p.Ticks = append(p.Ticks, mark{At: s.at(v), Says: s.tick(v)})
	}
	p.Says = fmt.Sprintf("%s of %s, %s to %s, against %s", phrases.Count(len(points), "value"), e.Field, p.From, p.To, limit)
	if p.From == p.To {
		p.Says = fmt.Sprintf("%s of %s at %s, against %s", phrases.Count(len(points), "value"), e.Field, p.From, limit)
		p.To = ""
	}
	return p
}

// scale turns times and values into places.
type scale struct {
	begin, end int64
	low, high  float64
	log        bool // of p-values: what matters are their exponents
}

func newScale(points []point, e *retrain.Evidence) *scale {
	s := &scale{begin: points[0].time, end: points[len(points)-1].time, log: e.Field == "p_value", low: math.Inf(1), high: math.Inf(-1)}
	take := func(v float64) { s.low, s.high = min(s.low, s.drawn(v)), max(s.high, s.drawn(v)) }
	for _, p := range points {
		take(p.value)
	}
	if e.Level != nil {
		take(*e.Level)
	}
	if s.high == s.low {
		s.low, s.high = s.low-1, s.high+1
	}
	return s
}

// drawn is a value as it is drawn: as it is, or its exponent.
func (s *scale) drawn(v float64) float64 {
	if s.log {
		return max(smallestExponent, math.Log10(max(v, 0)))
	}
	return min(max(v, -farthest), farthest)
}

// tick says the value at a height.
func (s *scale) tick(drawn float64) string {
	if s.log {
		return fmt.Sprintf("%.1g", math.Pow(10, drawn))
	}
	return retrain.Rough(drawn)
}

func (s *scale) x(time int64) float64 {
	span := float64(s.end) - float64(s.begin) // whole numbers would overflow
	if span == 0 {
		return (left + width - right) / 2
	}
	return left + (width-left-right)*(float64(time)-float64(s.begin))/span
}

func (s *scale) y(v float64) float64 { return s.at(s.drawn(v)) }

func (s *scale) at(drawn float64) float64 {
	room := (height - top - bottom) * (1 - 2*margin)
	return top + (height-top-bottom)*margin + room*(s.high-drawn)/(s.high-s.low)
}
