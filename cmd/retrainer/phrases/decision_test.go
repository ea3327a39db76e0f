package phrases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/visutility/retrainer/retrain"
)

func TestEveryReasonHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	for _, reason := range []retrain.Reason{retrain.ReasonAlert, retrain.ReasonRequested, retrain.ReasonQuiet, retrain.ReasonStale,
		retrain.ReasonUndeployed, retrain.ReasonInFlight, retrain.ReasonCooldown, retrain.ReasonUnknownModel} {
		action := retrain.NoAction
		if reason == retrain.ReasonAlert || reason == retrain.ReasonRequested {
			action = retrain.SoftRetrain
		}
		text := Decided(action, reason)
		words := strings.TrimSuffix(text, fmt.Sprintf(" (%s)", reason))
		if words == text || seen[words] || words == string(action) || action == retrain.SoftRetrain && !strings.HasPrefix(text, "soft retrain: ") {
			t.Errorf("%s: %q", reason, text)
		}
		seen[words] = true
	}
}
