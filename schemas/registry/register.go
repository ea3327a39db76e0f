package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/visutility/retrainer/schemas"
)

// Register has the registry know a schema under the subject of a topic's values, as Confluent's clients do, and gives the
// id that values carry. The same schema again is the same id. It is looked for first: whoever has registered it beforehand
// needs to give only the right to read.
func (c *Client) Register(ctx context.Context, topic string, s *schemas.Schema) (uint32, error) {
	subject := topic + "-value"
	body := map[string]string{"schema": s.Text()}
	var answer struct{ ID uint32 }
	err := c.api.Do(ctx, http.MethodPost, "/subjects/"+url.PathEscape(subject), body, &answer)
	if err == nil && answer.ID != 0 {
		return c.idOf(ctx, subject, answer.ID)
	}
	err = c.api.Do(ctx, http.MethodPost, "/subjects/"+url.PathEscape(subject)+"/versions", body, &answer)
	if a, ok := err.(*sr.ResponseError); ok && (a.StatusCode == http.StatusConflict || a.StatusCode == http.StatusUnprocessableEntity) {
		return 0, c.setup("refuses schema %s for subject %s (%d: %s): set the subject's compatibility to what this schema keeps "+
			"(BACKWARD or NONE), or delete the subject if other programs wrote to it", s.Name(), subject, a.StatusCode, brief(a.Message))
	}
	if err != nil {
		return 0, c.judge(err)
	}
	if answer.ID == 0 {
		return 0, c.setup("gave no id for schema %s of subject %s", s.Name(), subject)
	}
	return c.idOf(ctx, subject, answer.ID)
}

// idOf is the id that values carry of a schema that the registry's Confluent API gives an id.
func (c *Client) idOf(ctx context.Context, subject string, content uint32) (uint32, error) {
	if c.ids == Global {
		return c.globalID(ctx, subject, content)
	}
	return content, nil
}

// globalID finds the version of a subject that has a content, among the newest.
func (c *Client) globalID(ctx context.Context, subject string, content uint32) (uint32, error) {
	var found struct {
		Versions []struct{ GlobalID, ContentID uint32 }
	}
	newest := sr.WithParams(ctx, sr.RawParams(url.Values{"limit": {"500"}, "orderby": {"globalId"}, "order": {"desc"}}))
	if err := c.native.Do(newest, http.MethodGet, "/groups/default/artifacts/"+url.PathEscape(subject)+"/versions", nil, &found); err != nil {
		return 0, c.judge(err)
	}
	for _, v := range found.Versions {
		if v.ContentID == content {
			return v.GlobalID, nil
		}
	}
	return 0, fmt.Errorf("the registry at %s does not show the version of subject %s that it just took", c.url, subject)
}
