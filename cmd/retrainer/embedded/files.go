package embedded

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// filesVersion is the version of kfake's files that repair knows.
const filesVersion = 1

// partitionOf is the partition that kfake keeps in a folder of this name.
func partitionOf(folder string) (partition, error) {
	at := strings.LastIndexByte(folder, '-')
	if at < 0 {
		return partition{}, fmt.Errorf("%q is no folder of a partition", folder)
	}
	topic, err := url.PathUnescape(folder[:at])
	if err != nil {
		return partition{}, err
	}
	number, err := strconv.ParseInt(folder[at+1:], 10, 32)
	return partition{topic, int32(number)}, err
}

// replaceFile puts a file in place whole or not at all.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// appendTo appends to a file, which is made if it is not there.
func appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
