package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The packages that fold: what they say may depend on nothing but what they were given.
var pure = []string{"retrain", "handlers", "schemas", "internal/nearest"}

// Imports that a pure package has no use for, those below them too.
var impureImports = []string{
	"os", "net", "io/fs", "io/ioutil", "context", "sync", "crypto/rand", "log", "math/rand", "runtime", "syscall", "testing",
}

// Of these packages only the named symbols may be used: time without a clock or a zone of this machine, chance only from a
// seed, text without standard output.
var (
	impureSymbols = map[string][]string{
		"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"},
		"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	}
	onlySymbols = map[string][]string{
		"math/rand/v2": {"New", "NewPCG", "PCG", "Rand", "Source"},
	}
)

// impure finds what makes the same input give another output: imports, clocks, chance, goroutines, the order of a map.
func impure(c *checked) (found []string) {
	say := func(pos token.Pos, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: ", c.fset.Position(pos))+fmt.Sprintf(format, args...))
	}
	for _, f := range c.files {
		for _, imp := range f.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			if slices.ContainsFunc(impureImports, func(p string) bool { return under(path, p) }) && onlySymbols[path] == nil {
				say(imp.Pos(), "a pure package imports %s", path)
			}
		}
		said := orderComments(c.fset, f)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				say(n.Pos(), "a pure package starts a goroutine")
			case *ast.SelectorExpr:
				if path, name := symbol(c.info, n); forbidden(path, name) {
					say(n.Pos(), "a pure package uses %s.%s", path, name)
				}
			}
			return true
		})
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				for _, pos := range unordered(c, fn.Body, said) {
					say(pos, "the order of a map can be seen: sort what is collected in the same function, or say above it `// order: why it cannot`")
				}
			}
		}
	}
	return found
}

func forbidden(path, name string) bool {
	if only := onlySymbols[path]; only != nil {
		return !slices.Contains(only, name)
	}
	return slices.Contains(impureSymbols[path], name)
}

// symbol is the package and the name that a selector names, or nothing where it is a field or a method.
func symbol(info *types.Info, s *ast.SelectorExpr) (path, name string) {
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	p, ok := info.Uses[x].(*types.PkgName)
	if !ok {
		return "", ""
	}
	return p.Imported().Path(), s.Sel.Name
}

// orderComments are the lines that an `// order: ...` comment stands on or above.
func orderComments(fset *token.FileSet, f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, g := range f.Comments {
		if slices.ContainsFunc(g.List, func(c *ast.Comment) bool {
			_, why, ok := strings.Cut(c.Text, "order: ")
			return ok && strings.TrimSpace(why) != ""
		}) {
			end := fset.Position(g.End()).Line
			lines[end], lines[end+1] = true, true
		}
	}
	return lines
}

// unordered finds walks over a map whose order can be seen. Allowed are: one that an order comment explains; one that only
// stores into another map under the same key; one that does nothing but append to a slice which the same function sorts
// after it; maps.Keys or maps.Values right inside slices.Sorted and its like.
func unordered(c *checked, body *ast.BlockStmt, said map[int]bool) (found []token.Pos) {
	sorted := map[ast.Node]bool{}
	sorts := map[types.Object][]token.Pos{} // where a variable is sorted
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if path, name := symbol(c.info, sel); path == "slices" && strings.HasPrefix(name, "Sort") || path == "sort" {
			sorted[call.Args[0]] = true
			if x, ok := call.Args[0].(*ast.Ident); ok {
				sorts[c.info.Uses[x]] = append(sorts[c.info.Uses[x]], call.Pos())
			}
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if _, ok := c.info.TypeOf(n.X).Underlying().(*types.Map); ok && !said[c.fset.Position(n.Pos()).Line] && !onlyCollects(c, n, sorts) && !onlyStores(c, n, n.Body) {
				found = append(found, n.Pos())
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || sorted[n] || said[c.fset.Position(n.Pos()).Line] {
				break
			}
			if path, name := symbol(c.info, sel); path == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, name) {
				found = append(found, n.Pos())
			}
		}
		return true
	})
	return found
}

// onlyStores: every statement is M[k] = ..., with the walk's own key, or one of those under a condition.
func onlyStores(c *checked, r *ast.RangeStmt, body *ast.BlockStmt) bool {
	key, ok := r.Key.(*ast.Ident)
	return ok && !slices.ContainsFunc(body.List, func(s ast.Stmt) bool {
		if x, ok := s.(*ast.IfStmt); ok && x.Init == nil && x.Else == nil {
			return !onlyStores(c, r, x.Body)
		}
		a, ok := s.(*ast.AssignStmt)
		if !ok || len(a.Lhs) != 1 || a.Tok != token.ASSIGN {
			return true
		}
		x, ok := a.Lhs[0].(*ast.IndexExpr)
		if !ok {
			return true
		}
		_, isMap := c.info.TypeOf(x.X).Underlying().(*types.Map)
		index, ok := x.Index.(*ast.Ident)
		return !isMap || !ok || c.info.Uses[index] != c.info.Defs[key]
	})
}

func onlyCollects(c *checked, r *ast.RangeStmt, sorts map[types.Object][]token.Pos) bool {
	if len(r.Body.List) != 1 {
		return false
	}
	a, ok := r.Body.List[0].(*ast.AssignStmt)
	if !ok || len(a.Lhs) != 1 || len(a.Rhs) != 1 {
		return false
	}
	x, ok := a.Lhs[0].(*ast.Ident)
	call, isCall := a.Rhs[0].(*ast.CallExpr)
	if !ok || !isCall {
		return false
	}
	if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "append" {
		return false
	}
	obj := c.info.Uses[x]
	return obj != nil && slices.ContainsFunc(sorts[obj], func(p token.Pos) bool { return p > r.End() })
}

func TestPurePackagesArePure(t *testing.T) {
	pkgs := list(t, "-export", "./retrain", "./handlers", "./schemas")
	for _, path := range pure {
		if p := pkgs[module+"/"+path]; p == nil {
			t.Errorf("%s: no such package", path)
		} else {
			report(t, impure(checkPackage(t, p, pkgs)))
		}
	}
}

func TestPurityCanFail(t *testing.T) {
	pkgs := list(t, "-export", "context", "crypto/rand", "fmt", "maps", "math/rand/v2", "os/exec", "slices", "sort", "time")
	for _, c := range []struct{ name, imports, body, want string }{
		{"a value of time", "time", "var t time.Time; _ = t.Add(time.Second).UnixMilli(); _ = time.UnixMilli(3)", ""},
		{"a clock", "time", "_ = time.Now()", "uses time.Now"},
		{"a clock as a value", "time", "f := time.Since; _ = f", "uses time.Since"},
		{"a timer", "time", "<-time.After(1)", "uses time.After"},
		{"an import", "context", "_ = context.Background()", "imports context"},
		{"an import below one", "os/exec", "_ = exec.Command", "imports os/exec"},
		{"a true random number", "crypto/rand", "_ = rand.Reader", "imports crypto/rand"},
		{"a seeded one", "math/rand/v2", "_ = rand.New(rand.NewPCG(1, 2)).Int64N(3)", ""},
		{"an unseeded one", "math/rand/v2", "_ = rand.Int64N(3)", "uses math/rand/v2.Int64N"},
		{"a goroutine", "", "go func() {}()", "starts a goroutine"},
		{"standard output", "fmt", "fmt.Println()", "uses fmt.Println"},
		{"a walk over a slice", "", "for range []int{1} {}", ""},
		{"a walk over a map", "", "n := 0; for k := range m { n = n*3 + k }", "order of a map"},
		{"a walk that is explained", "", "n := 0\n// order: a sum has none\nfor k := range m { n += k }", ""},
		{"a walk that is not explained", "", "n := 0\n// order:\nfor k := range m { n += k }", "order of a map"},
		{"a walk that is sorted", "slices", "var ks []int; for k := range m { ks = append(ks, k) }; slices.Sort(ks)", ""},
		{"one sorted the old way", "sort", "var ks []int; for k := range m { ks = append(ks, k) }; sort.Ints(ks)", ""},
		{"a walk that is never sorted", "", "var ks []int; for k := range m { ks = append(ks, k) }; _ = ks", "order of a map"},
		{"a walk that was sorted before", "slices", "var ks []int; slices.Sort(ks); for k := range m { ks = append(ks, k) }", "order of a map"},
		{"a walk that does more", "slices", "var ks []int; for k := range m { ks = append(ks, k); m[k+1] = k }; slices.Sort(ks)", "order of a map"},
		{"a walk that copies", "", "x := map[int]int{}; for k, v := range m { if v > 0 { x[k] = v } }", ""},
		{"a walk that turns a map over", "", "x := map[int]int{}; for k, v := range m { x[v] = k }", "order of a map"},
		{"a walk that copies and counts", "", "x, n := map[int]int{}, 0; for k := range m { x[k] = n; n++ }", "order of a map"},
		{"an iterator", "maps", "for range maps.Keys(m) {}", "order of a map"},
		{"a sorted iterator", "maps\"\n\"slices", "_ = slices.Sorted(maps.Keys(m))", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			imports := ""
			if c.imports != "" {
				imports = "import (\n\"" + c.imports + "\"\n)\n"
			}
			src := "package planted\n\n" + imports + "func f(m map[int]int) {\n" + c.body + "\n}\n"
			finds(t, impure(checkSnippet(t, pkgs, src)), c.want)
		})
	}
}
