package worker

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// awaitEnd reaps as well: here waitid also returns for a process that is only stopped.
func awaitEnd(cmd *exec.Cmd) { _ = cmd.Wait() }

// leftBehind is the process group whose number stands in the lock, as long as somebody holds the lock. Who leaves that group cannot be
// told from others here.
func (d directory) leftBehind(lock *os.File, held bool) []int {
	if !held {
		return nil
	}
	text := make([]byte, 32)
	n, _ := lock.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || pid <= 1 || syscall.Kill(-pid, 0) != nil {
		return nil
	}
	return []int{pid}
}

func signalAll(groups []int, s syscall.Signal) {
	for _, group := range groups {
		_ = syscall.Kill(-group, s)
		_ = syscall.Kill(-group, syscall.SIGCONT)
	}
}
