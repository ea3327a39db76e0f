//go:build python

package python

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// holds has every Python of a pipeline stop before the second trial that it begins while $HOLD is there, for as long as it is: what is to be killed in the
// middle of a training is there then, however long the test takes to see it.
const holds = `
import copy, os, time
trials, whole = 0, copy.deepcopy
def deepcopy(x, *args):
    global trials
    if type(x).__name__ == "MLPClassifier":
        trials = trials + 1 if os.path.exists(os.environ["HOLD"]) else 0
        while trials > 1 and os.path.exists(os.environ["HOLD"]):
            time.sleep(0.02)
    return whole(x, *args)
copy.deepcopy = deepcopy
`

// holding is a folder in which Python finds, before all else, what holds.
func (p *pipeline) holding() (dir string) {
	p.t.Helper()
	dir = filepath.Join(p.dir, "holding")
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "sitecustomize.py"), []byte(holds), 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// hold is the file for whose sake trainings are held.
func (p *pipeline) hold() string { return filepath.Join(p.dir, "hold") }

// held says whether trainings are held.
func (p *pipeline) held(yes bool) {
	p.t.Helper()
	err := os.Remove(p.hold())
	if yes {
		err = os.WriteFile(p.hold(), nil, 0o644)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
}
