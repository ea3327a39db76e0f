//go:build kafka

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestOneEventBecomesOneCommandThoughItsInstanceIsKilled(test *testing.T) {
	test.Parallel()
	t := tell(test)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := newApp(t, 1, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), "defaults: {cooldown: 2s}\n")
	for _, name := range []string{"a", "b"} {
		a.add(name).start(nil)
	}
	a.settle(ctx, "both instances run", isReady)
	now := time.Now()
	owner := a.all[0]
	if owner.states()["retrain.ledger/0"] == "" {
		owner = a.all[1]
	}
	a.produce("monitoring.performance", drop("object_detection/v5.4", "e1", now))
	owner.kill()

	command := a.tail("retrain.commands", 1)[0]
	if v := command.Value; command.Key != "object_detection" || v["action"] != "soft" || v["base_version"] != "v5.4" {
		t.Errorf("the command is %+v", command)
	}
	decision := a.tail("retrain.decisions", 1)[0].Value
	if decision["action"] != "soft" || decision["reason"] != "alert" || !strings.Contains(fmt.Sprint(decision["explanation"]), "object_detection v5.4 lost 0.12 mAP (limit 0.05)") {
		t.Errorf("the decision is %v", decision)
	}

	owner.start(nil)
	a.settle(ctx, "both instances run again", isReady)
	a.produce("monitoring.performance", drop("object_detection/v5.4", "e1", now), drop("object_detection/v5.4", "e2", now), drop("marker/v1", "e3", now))
	if last := a.tail("retrain.decisions", 2)[1]; last.Key != "marker" {
		t.Errorf("the same event again led to %+v", last)
	}
	if n := len(a.tail("retrain.commands", 0)); n != 2 {
		t.Errorf("%d commands; want one of each model", n)
	}
	if said := a.verify(); !strings.Contains(said, ": 2 decisions, 2 commands, ") {
		t.Errorf("verify while both run: %s", said)
	}
	a.tells(ctx, command.Value, decision)
	a.end(ctx)
	a.judge()
}

// tells has people told of the one command and its decision, and lets one ask for more.
func (a *app) tells(ctx context.Context, command, decision map[string]any) {
	a.t.Helper()
	for _, c := range []struct{ args, want string }{
		{"status", `(?m)^object_detection +- +training +.* 1 +soft retrain: an alert counts \(alert\)$`},
		{"status", `(?m)^\d+ sources watched in 16 partitions, under policy revision 1,`},
		{"status object_detection", `(?m)^  monitoring.performance/\d/\d+ .* mAP_change -0.12 +below -0.05 +soft `},
		{"status --json", `(?m)^\{"name":"marker",`},
		{"explain model object_detection", `(?m)^object_detection: soft retrain waits for a trainer$`},
		{"explain model object_detection", `(?m)\(last heard .*; as of offset \d+ of monitoring.performance/\d\)$`},
		{"explain decision " + fmt.Sprint(decision["decision_id"]), `object_detection v5.4 lost 0.12 mAP \(limit 0.05\)`},
		{"explain command " + fmt.Sprint(command["command_id"]), `(?m)^object_detection: soft retrain, waits for a trainer, until `},
		{"trigger fresh --action full --comment new --create", `(?m)^fresh: full retrain: a person asked for it \(requested\)$`},
		{"status fresh", `(?m)^last decision +full retrain`},
	} {
		args, out, want := append(strings.Fields(c.args), "--brokers", a.c.brokers), "", regexp.MustCompile(c.want)
		says := func() bool { out = feed(a.t, "", a.program, args...); return want.MatchString(out) }
		if args[0] == "trigger" { // once
			said, err := exec.Command(a.program, args...).CombinedOutput()
			says = func() bool { out = string(said); return err == nil && want.MatchString(out) || stands(out) }
		}
		if !comes(ctx, says) {
			a.t.Errorf("%s says, without %s:\n%s", c.args, c.want, out)
		}
	}
}

// stands is what trigger says where nothing was decided within its ten seconds, as on a busy machine: what it asked for is decided later.
func stands(said string) bool {
	return strings.Contains(said, "nothing was decided within 10s") && strings.Contains(said, "stands in retrain.requests and is decided when")
}
