//go:build !unix

package embedded

import "os"

// lock only opens the file: here the port keeps two brokers from one folder, as long as they are given the same one.
func lock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
}
