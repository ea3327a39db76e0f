package worker

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// The program is killed with the worker.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitEnd waits until a program has ended, and leaves it to be reaped: until then its number is nobody else's, and a signal to its
// group cannot hit another.
func awaitEnd(cmd *exec.Cmd) {
	const byPid = 1     // P_PID
	var info [16]uint64 // siginfo_t has 128 bytes
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, byPid, uintptr(cmd.Process.Pid), uintptr(unsafe.Pointer(&info)), syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		switch e {
		case 0:
			return
		case syscall.EINTR:
		default: // a system without waitid
			_ = cmd.Wait()
			return
		}
	}
}

// leftBehind are the processes of a command, other than this one: those that have its RETRAIN_COMMAND in their environment, which
// daemons keep, and if the lock is held those that hold it. So a number that is another process's by now is never taken for one.
func (d directory) leftBehind(lock *os.File, held bool) (pids []int) {
	info, err := lock.Stat()
	for _, pid := range processes() {
		if d.marked(pid) || held && err == nil && holds(pid, info) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func processes() (pids []int) {
	entries, _ := os.ReadDir("/proc") // without it nothing is found, and the lock alone says that something runs
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (d directory) marked(pid int) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil { // another user's, or gone
		return false
	}
	mark := commandVariable + "=" + d.commandFile()
	return slices.ContainsFunc(bytes.Split(env, []byte{0}), func(e []byte) bool { return string(e) == mark })
}

func holds(pid int, lock os.FileInfo) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		path := filepath.Join(dir, e.Name())
		if target, err := os.Readlink(path); err != nil || !strings.HasSuffix(target, "/program.lock") {
			return false
		}
		info, err := os.Stat(path)
		return err == nil && os.SameFile(info, lock)
	})
}

// signalAll signals processes of leftBehind, and the groups that they are in: those were made by the program.
func signalAll(pids []int, s syscall.Signal) {
	own := syscall.Getpgrp()
	for _, pid := range pids {
		if group, err := syscall.Getpgid(pid); err == nil && group != own && group > 1 {
			_ = syscall.Kill(-group, s)
		}
		_ = syscall.Kill(pid, s)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}
