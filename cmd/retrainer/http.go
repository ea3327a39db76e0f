package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/visutility/retrainer/cmd/retrainer/board"
	"github.com/visutility/retrainer/consumer"
	"github.com/visutility/retrainer/consumer/record"
	"github.com/visutility/retrainer/schemas"
)

// listen answers with the page for people, /livez, /readyz and /metrics until stop is called, which returns when nothing answers any more.
func (s *service) listen() (stop func(), err error) {
	if s.http == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", s.http)
	if err != nil {
		return nil, &consumer.SetupError{Message: "--http " + s.http + ": " + err.Error() + "; give another address, or none (--http '') to go without"}
	}
	board := s.board()
	server := answering(s.routes(board))
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error().Err(err).Msg("HTTP ended")
		}
	})
	s.log.Info().Str("http", l.Addr().String()).Str("page", "http://"+l.Addr().String()+"/").Msg("listening")
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // whoever has not got an answer by now gets none
		}
		serving.Wait()
		board.Close()
	}, nil
}

// answering bounds what one who asks may take of time and memory.
func answering(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
}

func (s *service) routes(board *board.Board) http.Handler {
	mux := http.NewServeMux()
	board.Routes(mux)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		r := s.readiness()
		w.Header().Set("Content-Type", "application/json")
		if !r.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(r) // whoever asked may be gone
	})
	mux.Handle("GET /metrics", s.metrics.Handler())
	return mux
}

// board is the page for people, on topics as any other program reads them.
func (s *service) board() *board.Board {
	n := s.names()
	return board.New(board.Config{App: s.app, Topics: board.Topics{Models: n.models(), Decisions: n.decisions(), Commands: n.commands(), Results: n.results(), Events: s.events()},
		Connect: func() (*consumer.Client, error) {
			return consumer.Connect(consumer.ClientConfig{Brokers: s.brokers, ClientID: s.app + "-board", Access: s.access(), Log: zerolog.Nop(), OnRecord: s.plain})
		},
		Written: s.eventWrittenBy, MaxEventBytes: int(s.maxEventBytes), Log: s.log})
}

// eventWrittenBy is writtenBy for events, which may be bare.
func (s *service) eventWrittenBy(ctx context.Context, r *record.Record) (*schemas.Schema, []byte, error) {
	if s.bare != nil {
		return s.bare, r.Value, nil
	}
	return s.writtenBy(ctx, r)
}

// readiness is the body of /readyz.
type readiness struct {
	Ready      bool        `json:"ready"`
	Member     string      `json:"member"`
	Generation int32       `json:"generation"`
	Why        string      `json:"why,omitempty"`
	Tasks      []taskState `json:"tasks"`
}

type taskState struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	State     string `json:"state"`
	Position  int64  `json:"position"`
	Lag       int64  `json:"lag"`
	Why       string `json:"why"`
}

// readiness says whether this process does its part, and what each task does.
func (s *service) readiness() readiness {
	r := readiness{Generation: -1, Tasks: []taskState{}}
	c := s.consumer.Load()
	if c == nil {
		if r.Why = "starting"; s.waiting.Load() != nil {
			r.Why = *s.waiting.Load()
		}
		return r
	}
	st := c.Status()
	r.Ready, r.Member, r.Generation, r.Why = st.Ready(), st.Member, st.Generation, st.Why
	for _, t := range st.Tasks {
		r.Tasks = append(r.Tasks, taskState{t.Topic, t.Partition, t.State, t.Position, t.Lag, t.Why})
	}
	slices.SortFunc(r.Tasks, func(a, b taskState) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition - b.Partition)
	})
	return r
}
