package retrain

// timers is a heap of models by a time of theirs.
type timers struct {
	kind int
	heap []*model
}

const (
	wakeTimer = iota
	deadlineTimer
	timerKinds
)

// timer is a model's place in timers of one kind; at is 0 where it has none there.
type timer struct {
	at    int64
	place int
}

// first is the earliest time, 0: none.
func (t *timers) first() int64 {
	if len(t.heap) == 0 {
		return 0
	}
	return t.heap[0].timers[t.kind].at
}

// set gives the model another time; 0 takes it out.
func (t *timers) set(m *model, at int64) {
	own := &m.timers[t.kind]
	switch {
	case own.at == at:
		return
	case own.at == 0:
		own.place = len(t.heap)
		t.heap = append(t.heap, m)
	case at == 0:
		place, last := own.place, len(t.heap)-1
		t.swap(place, last)
		t.heap = t.heap[:last]
		own.at = 0
		if place < last {
			t.down(t.up(place))
		}
		return
	}
	own.at = at
	t.down(t.up(own.place))
}

func (t *timers) at(i int) int64 { return t.heap[i].timers[t.kind].at }

func (t *timers) up(i int) int {
	for parent := (i - 1) / 2; i > 0 && t.at(i) < t.at(parent); parent = (i - 1) / 2 {
		t.swap(i, parent)
		i = parent
	}
	return i
}

func (t *timers) down(i int) {
	for child := 2*i + 1; child < len(t.heap); child = 2*i + 1 {
		if child+1 < len(t.heap) && t.at(child+1) < t.at(child) {
			child++
		}
		if t.at(i) <= t.at(child) {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t *timers) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].timers[t.kind].place = i
	t.heap[j].timers[t.kind].place = j
}
