package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestARequestWithAnEndlessHeaderIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config = answering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Start()
	defer server.Close()
	for n, want := range map[int]int{4 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := server.Client().Get(server.URL + "/?q=" + strings.Repeat("x", n))
		if err != nil {
			t.Fatal(err)
		}
		if _ = r.Body.Close(); r.StatusCode != want {
			t.Errorf("an address of %d bytes: %d, expected %d", n, r.StatusCode, want)
		}
	}
}
