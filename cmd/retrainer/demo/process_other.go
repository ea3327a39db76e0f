//go:build !linux

package demo

import "syscall"

// tied: only Linux can tie a process to the one that started it. Elsewhere a kill -9 of the story leaves its processes running.
func tied() *syscall.SysProcAttr { return nil }
