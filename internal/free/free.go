// Package free gives tests addresses that they may listen on.
package free

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
)

var given sync.Map // what was given once is not given again: who has it may not listen yet

// Address is an address that nobody listens on, below the ports that the system gives to clients: nobody gets it later.
// It is asked for by a dial, never by listening: a process that another test starts at that moment would have a copy of the listener
// until it runs its program, and hold the address after it was closed here.
func Address(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 15000+rand.IntN(15000)) //nolint:gosec // of a test
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if nobodyAt(address) {
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

func nobodyAt(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
