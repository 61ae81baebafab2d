package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tableFileName is the file with the table of layouts.
const tableFileName = "layouts.go"

// sources parses the files of the package that are no tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if files[path], err = parser.ParseFile(token.NewFileSet(), path, data, 0); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// rowsOf are the identifiers of the table's rows.
func rowsOf(t *testing.T, file *ast.File) (rows []string) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		list, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if of, ok := list.Type.(*ast.ArrayType); ok {
			if element, ok := of.Elt.(*ast.Ident); ok && element.Name == "layout" {
				for _, row := range list.Elts {
					rows = append(rows, row.(*ast.Ident).Name)
				}
			}
		}
		return true
	})
	if len(rows) != len(layouts()) {
		t.Fatalf("found the rows %v in %s, want %d", rows, tableFileName, len(layouts()))
	}
	return rows
}

// mentions are the identifiers and strings of a file.
func mentions(file *ast.File) map[string]bool {
	found := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found[n.Name] = true
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil {
				found[text] = true
			}
		}
		return true
	})
	return found
}

// TestALayoutIsOneFileAndOneRow: each row of the table is the layout of the file with its name, and no other file but
// the table knows it.
func TestALayoutIsOneFileAndOneRow(t *testing.T) {
	files := sources(t)
	all := layouts()
	var names []string
	for i, row := range rowsOf(t, files[tableFileName]) {
		names = append(names, all[i].name)
		own := slices.DeleteFunc(slices.Collect(maps.Keys(files)), func(path string) bool {
			return strings.ReplaceAll(path, "_", "") != strings.ToLower(row)+".go"
		})
		if len(own) != 1 {
			t.Errorf("the row %s has the files %v, want one", row, own)
			continue
		}
		for path, file := range files {
			found := mentions(file)
			switch {
			case path == own[0] && (!found[row] || !found[all[i].name]):
				t.Errorf("%s does not declare the layout %s, %q", path, row, all[i].name)
			case path != own[0] && path != tableFileName && (found[row] || found[all[i].name]):
				t.Errorf("%s mentions the layout %s, %q, of %s", path, row, all[i].name, own[0])
			}
		}
	}
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("two layouts have one name: %v", names)
	}
}
