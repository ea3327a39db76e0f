package retrain

import "testing"

// registered is a controller under a policy, with versions registered at the times given.
func registered(t *testing.T, policy string, versions map[string]map[string]int64) *Controller {
	t.Helper()
	c := begun(t, policy)
	for name, of := range versions {
		m := c.mention(name)
		for version, at := range of {
			m.versions = append(m.versions, Version{Version: version, RegisteredAt: at})
		}
	}
	return c
}

func TestLatestModelIsTheBindingWithTheNewestVersion(t *testing.T) {
	const bound = `{"bind":[{"stream":"cam-*","models":["a","b","new"]},{"stream":"cam-7","models":["c/{stream}"]}]}`
	versions := map[string]map[string]int64{"a": {"v1": 3}, "b": {"v7": 5}, "c/cam-7": {"v2": 9}, "free": {"v1": 100}, "cam-x": {"run-8": 1}}
	for _, c := range []struct {
		policy string
		stream StreamID
		want   ModelID
	}{
		{bound, "cam-1", "b/v7"},
		{bound, "cam-7", "c/cam-7/v2"},
		{`{}`, "free", "free/v1"},
		{`{}`, "unheard", "unheard"},
		{`{}`, "cam-x", "cam-x"}, // nobody could tell where the name ends
		{`{"bind":[{"stream":"*","models":["y","x"]}]}`, "s", "x"},
		{`{"bind_default":[]}`, "free", ""},
	} {
		if got := registered(t, c.policy, versions).LatestModel(c.stream); got != c.want {
			t.Errorf("%s under %s: %q, expected %q", c.stream, c.policy, got, c.want)
		}
	}
	if got := NewController().LatestModel("cam-1"); got != "" {
		t.Errorf("without a policy: %q", got)
	}
}

func TestLatestModelKnowsTheVersionThatAlertsNamedUntilOneIsRegistered(t *testing.T) {
	c := registered(t, `{}`, nil)
	mustStep(t, c, entryAt{t0 + 1, dropOf("m", "v5.4", t0+1)})
	if got := c.LatestModel("m"); got != "m/v5.4" {
		t.Errorf("%s", got)
	}
	d := copyOf(t, c)
	if got := d.LatestModel("m"); got != "m/v5.4" {
		t.Errorf("after a restart: %s", got)
	}
}

func TestNextVersionIsWhatASuccessRegisters(t *testing.T) {
	c := registered(t, `{}`, map[string]map[string]int64{"m": {"v5.5": 1}, "odd": {"run-8": 1}})
	for _, x := range []struct {
		base   ModelID
		action RetrainAction
		want   ModelID
	}{
		{"m/v5.4", SoftRetrain, "m/v5.6"}, {"m/v5.4", FullRetrain, "m/v6"}, {"m", SoftRetrain, "m/v1"}, {"unheard/v2", SoftRetrain, "unheard/v2.1"},
		{"odd/run-8", SoftRetrain, "odd/v1"}, {"vision/detector", FullRetrain, "vision/detector/v1"},
	} {
		if got := c.NextVersion(x.base, x.action); got != x.want {
			t.Errorf("%s from %s: %s, expected %s", x.action, x.base, got, x.want)
		}
	}
}

func TestBindsAsksTheBindLinesOnly(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"bind":[{"stream":"cam-*","models":["a"]}]}`), "")
	if err != nil || !p.Binds("cam-1") || p.Binds("lidar-1") {
		t.Errorf("%v", err)
	}
}
