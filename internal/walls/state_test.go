package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"testing"
)

// Packages without state of their own: everything hangs off what the caller made. `consumer` belongs to them so that many
// instances run in one process, and each in virtual time.
var stateless = []string{"retrain", "handlers", "schemas", "consumer"}

// state finds package-level variables that something writes to after the package is initialised, or that live by themselves
// (channels, locks, pools).
func state(c *checked) (found []string) {
	say := func(pos token.Pos, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: ", c.fset.Position(pos))+fmt.Sprintf(format, args...))
	}
	global := func(e ast.Expr) *types.Var {
		x := rootIdent(e)
		if x == nil {
			return nil
		}
		v, ok := c.info.Uses[x].(*types.Var)
		if !ok || v.Parent() == nil || v.Parent() != v.Pkg().Scope() {
			return nil
		}
		return v
	}
	write := func(e ast.Expr) {
		if v := global(e); v != nil {
			say(e.Pos(), "the package's variable %s is written to after the start", v.Name())
		}
	}
	for _, f := range c.files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				living(c, g, say)
			}
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || fn.Recv == nil && fn.Name.Name == "init" {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					for _, e := range n.Lhs {
						write(e)
					}
				case *ast.IncDecStmt:
					write(n.X)
				case *ast.UnaryExpr:
					if n.Op == token.AND && !table(c.info.TypeOf(n.X)) {
						write(n.X)
					}
				}
				return true
			})
		}
	}
	return found
}

// table: the address of an array is how a table is handed over without a copy.
func table(t types.Type) bool {
	_, ok := t.Underlying().(*types.Array)
	return ok
}

func living(c *checked, g *ast.GenDecl, say func(token.Pos, string, ...any)) {
	for _, s := range g.Specs {
		for _, name := range s.(*ast.ValueSpec).Names {
			v, ok := c.info.Defs[name].(*types.Var)
			if ok && lives(v.Type()) {
				say(name.Pos(), "the package's variable %s lives by itself", name.Name)
			}
		}
	}
}

func lives(t types.Type) bool {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil {
		switch n.Obj().Pkg().Path() {
		case "sync", "sync/atomic", "time":
			return n.Obj().Name() != "Duration" && n.Obj().Name() != "Time"
		}
	}
	_, ok := t.Underlying().(*types.Chan)
	return ok
}

// rootIdent is the variable that an expression such as x.f[3] stands in.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func TestPackagesKeepNoStateOfTheirOwn(t *testing.T) {
	pkgs := list(t, "-export", "./retrain", "./handlers", "./schemas", "./consumer/...")
	for _, p := range ours(pkgs) {
		for _, s := range stateless {
			if path := own(p.ImportPath); under(path, s) && (path == s || s == "consumer") {
				report(t, state(checkPackage(t, p, pkgs)))
			}
		}
	}
}

func TestStateCanFail(t *testing.T) {
	pkgs := list(t, "-export", "errors", "sync", "time")
	for _, c := range []struct{ name, imports, decl, body, want string }{
		{"a table", "", "var x = [3]int{1, 2}", "_ = x[1]", ""},
		{"a sentinel", "errors", `var x = errors.New("x")`, "_ = x", ""},
		{"a counter", "", "var x int", "x++", "x is written"},
		{"an entry", "", "var x = map[int]int{}", "x[3] = 4", "x is written"},
		{"a field through a pointer", "", "var x = &struct{ a int }{}", "(*x).a = 4", "x is written"},
		{"an address", "", "var x int", "p := &x; _ = p", "x is written"},
		{"the address of a table", "", "var x [3]int", "p := &x; _ = p", ""},
		{"a local of the same name", "", "var x int", "x := 1; x++; _ = x", ""},
		{"a pool", "sync", "var x sync.Pool", "", "x lives by itself"},
		{"a channel", "", "var x = make(chan int)", "", "x lives by itself"},
		{"a time", "time", "var x = time.UnixMilli(3)", "_ = x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			imports := ""
			if c.imports != "" {
				imports = "import \"" + c.imports + "\"\n"
			}
			finds(t, state(checkSnippet(t, pkgs, "package planted\n"+imports+c.decl+"\nfunc f() {\n"+c.body+"\n}\n")), c.want)
		})
	}
	src := "package planted\nvar x [3]int\nfunc init() { x[1] = 2 }\n"
	finds(t, state(checkSnippet(t, pkgs, src)), "")
}
