package board

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestABodyIsRefusedUnread(t *testing.T) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("q", "m0"); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	b := offline()
	mux := http.NewServeMux()
	b.Routes(mux)
	for _, page := range []string{"/", "/model", "/decision", "/event"} {
		body := bytes.NewReader(form.Bytes())
		r := httptest.NewRequest(http.MethodGet, page, body)
		r.Header.Set("Content-Type", w.FormDataContentType())
		answer := httptest.NewRecorder()
		if mux.ServeHTTP(answer, r); answer.Code != http.StatusRequestEntityTooLarge || body.Len() != form.Len() {
			t.Errorf("%s: %d, %d of %d bytes were read", page, answer.Code, form.Len()-body.Len(), form.Len())
		}
	}
}

func TestAnAnswerIsNotManyTimesAsLongAsWhatIsAskedFor(t *testing.T) {
	b := offline()
	takeModels(t, b.kept, 1000)
	for _, url := range []string{"/?q=" + strings.Repeat("<", 1<<20), "/?refresh=1&q=" + strings.Repeat("x", mostAsked), "/model?name=" + strings.Repeat("x", 1<<20)} {
		if status, body := b.get(t, url); status != http.StatusRequestURITooLong || len(body) > 4<<10 {
			t.Errorf("%.20s: %d, %d bytes", url, status, len(body))
		}
	}
	if status, body := b.get(t, "/?by="+strings.Repeat("<", mostAsked-3)); status != http.StatusOK || len(body) > 1<<20 {
		t.Errorf("%d, %d bytes", status, len(body))
	}
}
