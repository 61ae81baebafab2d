package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// TestRandomNumbersComeFromStreams checks that the program makes generators in internal/base/stream alone, and that no
// two places draw from a stream of the same name: under one seed they would share their numbers.
func TestRandomNumbersComeFromStreams(t *testing.T) {
	t.Parallel()
	places := map[string]string{} // by name of the stream
	for name, text := range repository(t) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "internal/base/stream/") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if makesNumbers(file, n) {
					t.Errorf("%s uses rand.%s: take a stream.New of another name", files.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.CallExpr:
				if stream, ok := streamName(file, n); ok {
					if other := places[stream]; other != "" {
						t.Errorf("%s and %s draw from the stream %s", files.Position(n.Pos()), other, stream)
					}
					places[stream] = files.Position(n.Pos()).String()
				}
			}
			return true
		})
	}
	for stream, place := range places {
		if !regexp.MustCompile(`^"[a-z]+/[a-z]+"$`).MatchString(stream) {
			t.Errorf("%s: the stream %s has no name of the form package/draw", place, stream)
		}
	}
	if len(places) < 10 {
		t.Errorf("only %d streams found: %v", len(places), places)
	}
}

// makesNumbers reports whether a selector names a generator or a draw of a package of random numbers. Types of
// generators are allowed.
func makesNumbers(file *ast.File, s *ast.SelectorExpr) bool {
	return s.Sel.Name != "Rand" && s.Sel.Name != "Source" &&
		of(file, s, "math/rand", "math/rand/v2", "golang.org/x/exp/rand", "gonum.org/v1/gonum/mathext/prng")
}

// streamName is the literal second argument of a call of stream.New, or the expression's position where it is none.
func streamName(file *ast.File, call *ast.CallExpr) (string, bool) {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "New" || !of(file, s, "ptyx/internal/base/stream") {
		return "", false
	}
	if literal, ok := call.Args[1].(*ast.BasicLit); ok {
		return literal.Value, true
	}
	return "that is not a literal", true
}

// of reports whether a selector belongs to an import of one of the paths.
func of(file *ast.File, s *ast.SelectorExpr, paths ...string) bool {
	id, ok := s.X.(*ast.Ident)
	if !ok {
		return false
	}
	for _, i := range file.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := regexp.MustCompile(`(\w+)(/v\d+)?$`).FindStringSubmatch(path)[1]
		if i.Name != nil {
			name = i.Name.Name
		}
		for _, p := range paths {
			if path == p && name == id.Name {
				return true
			}
		}
	}
	return false
}
