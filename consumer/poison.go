package consumer

import "sync"

// place is one record's address.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// poison remembers for the life of the process on which records a handler panicked.
type poison struct {
	mu sync.Mutex
	at map[place]string
}

func (p *poison) mark(at place, what string) {
	p.mu.Lock()
	p.at[at] = what
	p.mu.Unlock()
}

// forget drops what no replay will meet again.
func (p *poison) forget(topic string, partition int32, below int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := range p.at { // order: deletes only
		if at.topic == topic && at.partition == partition && at.offset < below {
			delete(p.at, at)
		}
	}
}

func (p *poison) of(topic string, partition int32) map[int64]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var m map[int64]string
	for at, what := range p.at { // order: into a map
		if at.topic == topic && at.partition == partition {
			if m == nil {
				m = map[int64]string{}
			}
			m[at.offset] = what
		}
	}
	return m
}
