package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/visutility/retrainer/consumer"
)

// listen answers /livez and /readyz until stop is called, which returns when nothing answers any more.
func (s *service) listen() (stop func(), err error) {
	if s.http == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", s.http)
	if err != nil {
		return nil, &consumer.SetupError{Message: "--http " + s.http + ": " + err.Error() + "; give another address, or none (--http '') to go without"}
	}
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error().Err(err).Msg("HTTP ended")
		}
	})
	s.log.Info().Str("http", l.Addr().String()).Msg("listening")
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // whoever has not got an answer by now gets none
		}
		serving.Wait()
	}, nil
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
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
	return mux
}
