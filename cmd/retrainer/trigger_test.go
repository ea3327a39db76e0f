package main

import (
	"fmt"
	"os"
	"os/user"
	"testing"
)

// In a container there is often no USER, and "retrainer" asked for nothing.
func TestWhoAsksIsWhoRunsTheProcess(t *testing.T) {
	unset := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		unset = u.Username
	}
	for set, want := range map[string]string{"ada": "ada", "": unset} {
		if t.Setenv("USER", set); author() != want {
			t.Errorf("USER=%q: %q, not %q", set, author(), want)
		}
	}
}
