package free

import (
	"net"
	"os/exec"
	"sync"
	"testing"
)

// Processes start all the time, each with a copy of what is open here until it runs its program.
func TestAnAddressCanBeListenedOnAtOnce(t *testing.T) {
	stop := make(chan struct{})
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if err := exec.Command("true").Run(); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 200 {
		address := Address(t)
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			break
		}
		_ = l.Close()
	}
	close(stop)
	starting.Wait()
}

func TestAnAddressIsGivenOnce(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		address := Address(t)
		if seen[address] {
			t.Fatalf("%s was given again", address)
		}
		seen[address] = true
	}
}

func TestSomebodyWhoListensIsSeen(t *testing.T) {
	l, err := net.Listen("tcp", Address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if nobodyAt(l.Addr().String()) {
		t.Errorf("nobody is said to be at %s", l.Addr())
	}
}
