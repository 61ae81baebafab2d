package convert

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestATargetIsOneFileAndOneRow: each row of the table is declared in a file of its own, which no other file but the
// table knows.
func TestATargetIsOneFileAndOneRow(t *testing.T) {
	const table = "targets.go"
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]map[string]bool{} // identifiers of each file
	rows := map[string]string{}           // the file that declares each row
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		names[path] = map[string]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names[path][id.Name] = true
			}
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if value, ok := spec.Values[0].(*ast.CompositeLit); ok {
				if of, ok := value.Type.(*ast.Ident); ok && of.Name == "target" {
					rows[spec.Names[0].Name] = path
				}
			}
			return true
		})
	}
	if len(rows) != len(targets()) {
		t.Errorf("the folder declares the targets %v, the table has %d", rows, len(targets()))
	}
	files := map[string]bool{}
	for row, own := range rows {
		if files[own] || !names[table][row] {
			t.Errorf("%s holds another target, or the table lacks %s", own, row)
		}
		files[own] = true
		for path := range names {
			if path != own && path != table && names[path][row] {
				t.Errorf("%s mentions the target %s of %s", path, row, own)
			}
		}
	}
	for _, row := range targets() {
		if ok := regexp.MustCompile(`^[a-z]+$`).MatchString(string(row.name)); !ok || !files[string(row.name)+".go"] {
			t.Errorf("the target %q is not in %s.go", row.name, row.name)
		}
	}
}
