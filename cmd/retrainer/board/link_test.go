package board

import (
	"net/url"
	"testing"
)

// parameter is what a link asks for.
func parameter(t *testing.T, link, name string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}
