package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/visutility/retrainer/retrain"
)

// directory is where a command's program runs and its files stand; its path is absolute.
type directory struct{ path, commandID string }

// Command ids are UUIDs. What comes from outside and becomes a path is held to what cannot lead out of its parent.
var safeName = regexp.MustCompile(`^[0-9a-z][0-9a-z_-]{0,63}$`)

func (p *Program) directory(commandID string) (directory, error) {
	if !safeName.MatchString(commandID) {
		return directory{}, fmt.Errorf("%w: the command id %.80q cannot be the name of a directory: ids of commands are UUIDs in small letters", retrain.ErrInternal, commandID)
	}
	return directory{filepath.Join(p.cfg.Dir, commandID), commandID}, nil
}

func (d directory) file(name string) string { return filepath.Join(d.path, name) }

func (d directory) commandFile() string { return d.file("command.json") }

type begun struct {
	At time.Time `json:"at"`
}

// begun is when begin was done. What cannot be read counts as not begun.
func (d directory) begun() (time.Time, bool) {
	text, err := os.ReadFile(d.file("begun.json"))
	var b begun
	if err != nil || json.Unmarshal(text, &b) != nil || b.At.IsZero() {
		return time.Time{}, false
	}
	return b.At, true
}

// begin writes command.json, then begun.json: who finds the second has the first.
func (d directory) begin(command []byte, at time.Time) (time.Time, error) {
	at = at.UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(begun{at})
	if err != nil {
		return at, fmt.Errorf("%w: %w", retrain.ErrInternal, err)
	}
	err = errors.Join(os.MkdirAll(d.path, 0o755), syncDir(filepath.Dir(d.path)))
	for _, f := range []struct {
		path string
		text []byte
	}{{d.commandFile(), append(command, '\n')}, {d.file("begun.json"), append(text, '\n')}} {
		if err == nil {
			err = writeFile(f.path, f.text)
		}
	}
	if err != nil {
		return at, d.ioError("cannot be prepared", err)
	}
	return at, nil
}

func (d directory) ioError(what string, err error) error {
	return fmt.Errorf("%w: the directory of command %s %s: %w; see that its disk has room and that this user may write there", retrain.ErrIO, d.commandID, what, err)
}

// writeFile puts a file in place whole and durably, or not at all.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), put(f, path, text)); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return nil
}

// put makes f, of the same folder, the file at path. It may be longer than the text: the room was kept for it.
func put(f *os.File, path string, text []byte) error {
	_, err := f.WriteAt(text, 0)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
