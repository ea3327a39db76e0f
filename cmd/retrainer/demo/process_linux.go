package demo

import "syscall"

// tied has a process killed when the story's ends, however that ends.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
