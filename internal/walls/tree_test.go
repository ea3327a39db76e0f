package walls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/visutility/retrainer"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath, Dir, Export string
	GoFiles, Imports, Deps  []string
}

// own is the path inside the module: "" for another module's package, "." for the root.
func own(path string) string {
	if path == module {
		return "."
	}
	p, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return p
}

// under says whether a package path is the given one or below it.
func under(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// list asks `go list` for packages, their dependencies with them. `-export` compiles them, for the sake of their types.
func list(t testing.TB, flag string, patterns ...string) map[string]*pkg {
	t.Helper()
	args := append([]string{"list", "-deps", flag, "-json=ImportPath,Dir,Export,GoFiles,Imports,Deps"}, patterns...)
	cmd := exec.Command("go", args...)
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	pkgs := map[string]*pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
}

// ours are the packages of this module, in order of their paths.
func ours(pkgs map[string]*pkg) []*pkg {
	var out []*pkg
	for path, p := range pkgs {
		if own(path) != "" {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return out
}

// checked is a package with its types.
type checked struct {
	path  string // inside the module
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// check reads the types of a package, taking those of its imports from the compiler's export data.
func check(path string, fset *token.FileSet, files []*ast.File, pkgs map[string]*pkg) (*checked, error) {
	lookup := func(p string) (io.ReadCloser, error) {
		if pkgs[p] == nil {
			return nil, fmt.Errorf("%s was not listed", p)
		}
		return os.Open(pkgs[p].Export)
	}
	c := &checked{path: path, fset: fset, files: files, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
	}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	_, err := conf.Check(path, fset, files, c.info)
	return c, err
}

func checkPackage(t testing.TB, p *pkg, pkgs map[string]*pkg) *checked {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	c, err := check(own(p.ImportPath), fset, files, pkgs)
	if err != nil {
		t.Fatalf("%s: %v", p.ImportPath, err)
	}
	return c
}

// checkSnippet reads one file of planted source; it may import what checkSnippet lists.
func checkSnippet(t testing.TB, pkgs map[string]*pkg, src string) *checked {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "planted.go", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	c, err := check("planted", fset, []*ast.File{f}, pkgs)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files visits what a clone of the repository holds, as paths with slashes.
func files(t testing.TB, visit func(path string, text []byte)) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != top && (strings.HasPrefix(name, ".") && name != ".ci" && name != ".github" || strings.HasPrefix(name, "retrainer-") || name == "target") { // Maven's
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(top, path)
		if err != nil || name == ".git" || !d.Type().IsRegular() { // a linked work tree has a file .git
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && !bytes.Contains(text[:min(len(text), 8000)], []byte{0}) { // a binary has a zero byte early
			visit(filepath.ToSlash(rel), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// report fails the test with every finding.
func report(t testing.TB, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

// finds checks that a planted violation is found, and that nothing else is.
func finds(t testing.TB, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("found what is allowed: %s", strings.Join(got, "; "))
	case want != "" && (len(got) != 1 || !strings.Contains(got[0], want)):
		t.Errorf("planted %q, found %q", want, got)
	}
}
