package retrain

import "math"

// GridSearch goes over equally spaced points of every numeric parameter and all values of the others.
type GridSearch struct{}

// Propose gives the product of all parameters' values in order of name, the last fastest, cut at n. The numeric ones have r
// points each, r the greatest whole number of at least 1 with which the product does not exceed n.
func (GridSearch) Propose(space []Parameter, n int, _ string) []map[string]string {
	r := pointsEach(space, n)
	values := make([][]string, len(space))
	total := 1
	for i, p := range space {
		if values[i] = p.Values; p.Low != nil {
			values[i] = p.points(r)
		}
		total = min(n, total*len(values[i])) // beyond n it only matters that it is beyond
	}
	rows := make([]map[string]string, total)
	for k := range rows {
		row, rest := make(map[string]string, len(space)), k
		for i := len(space) - 1; i >= 0; i-- {
			row[space[i].Name] = values[i][rest%len(values[i])]
			rest /= len(values[i])
		}
		rows[k] = row
	}
	return rows
}

func pointsEach(space []Parameter, n int) int {
	r := 1
	for {
		product, numeric := 1, false
		for _, p := range space {
			if p.Low != nil {
				product, numeric = product*(r+1), true
			} else {
				product *= len(p.Values)
			}
			if product > n {
				return r
			}
		}
		if !numeric {
			return r
		}
		r++
	}
}

// points are r equally spaced ones, the ends among them; of one, the middle. Repeated ones (of ints) are dropped.
func (p *Parameter) points(r int) []string {
	var points []string
	for i := range r {
		u := 0.5
		if r > 1 {
			u = float64(i) / float64(r-1)
		}
		if text := p.written(p.between(u)); len(points) == 0 || points[len(points)-1] != text {
			points = append(points, text)
		}
	}
	return points
}

// between is the point at u in [0, 1]: equally spaced, by ratio where log.
func (p *Parameter) between(u float64) float64 {
	low, high := *p.Low, *p.High
	switch {
	case u == 0 || low == high:
		return low
	case u == 1:
		return high
	case p.Log:
		return math.Exp(math.Log(low) + float64((math.Log(high)-math.Log(low))*u))
	}
	return low + float64((high-low)*u)
}

// written rounds what leaves: ints half away from zero, doubles to 9 significant digits.
func (p *Parameter) written(x float64) string {
	if p.Type == Int {
		return number(math.Round(x))
	}
	return number(nineDigits(x))
}
