package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheMapIsTrue checks that every path of docs/dev exists: of folders and files of Go packages.
func TestTheMapIsTrue(t *testing.T) {
	repoPath := regexp.MustCompile(`\b(?:internal|models|trainer|export|runtime|stitch|cmd/ptyx|bench)/[\w./*-]*[\w*]`)
	for name, text := range repository(t) {
		if !strings.HasPrefix(name, "docs/dev/") {
			continue
		}
		for _, p := range repoPath.FindAllString(text, -1) {
			found, err := filepath.Glob(filepath.Join(root, p))
			if err == nil && len(found) == 0 {
				found, err = filepath.Glob(filepath.Join(root, path.Dir(p), "*.go")) // package.Identifier
				if !strings.Contains(path.Base(p), ".") || strings.HasSuffix(p, ".go") {
					found = nil
				}
			}
			if err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist (%v)", name, p, err)
			}
		}
	}
}

// TestEveryPackageIsOnTheMap checks that docs/dev/architecture.md lists every package of internal, and no other.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	files := repository(t)
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (internal/\w+) \| (.*) \|$`).FindAllStringSubmatch(
		files["docs/dev/architecture.md"], -1) {
		rows[m[1]] = m[2]
	}
	for folder, row := range rows {
		for item := range strings.SplitSeq(regexp.MustCompile(` \([^)]*\)`).ReplaceAllString(row, ""), ", ") {
			if _, err := os.Stat(filepath.Join(root, folder, item)); err != nil {
				t.Errorf("docs/dev/architecture.md lists %s: %v", item, err)
			}
		}
	}
	for name := range files {
		parts := strings.Split(name, "/")
		if !strings.HasSuffix(name, ".go") || parts[0] != "internal" || len(parts) < 4 {
			continue
		}
		if row := rows["internal/"+parts[1]]; !regexp.MustCompile(`\b` + parts[2] + `\b`).MatchString(row) {
			t.Errorf("docs/dev/architecture.md does not list internal/%s/%s", parts[1], parts[2])
		}
	}
}

// TestAnOperatorIsTwoFiles checks what docs/dev/architecture.md says of adding an operator: no file names its type but
// its own and those of other operators, and each function that applies one is in the conformance suite.
func TestAnOperatorIsTwoFiles(t *testing.T) {
	const folder = root + "/internal/graph/ops/"
	suite, err := os.ReadFile(folder + "ops_test.go")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(folder + "*.go")
	if err != nil {
		t.Fatal(err)
	}
	owner, named := map[string]string{}, map[string]map[string]bool{} // by type: its file; the files that name it
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			switch {
			case !ok:
			case f.Recv != nil && f.Name.Name == "Eval":
				if receiver, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
					owner[receiver.Name] = filepath.Base(p)
				}
			case f.Recv == nil && f.Name.IsExported() && makesNode(f):
				if !regexp.MustCompile(`\bops\.` + f.Name.Name + `\b`).Match(suite) {
					t.Errorf("ops_test.go has no case of %s", f.Name.Name)
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if named[id.Name] == nil {
					named[id.Name] = map[string]bool{}
				}
				named[id.Name][filepath.Base(p)] = true
			}
			return true
		})
	}
	if len(owner) < 15 {
		t.Fatalf("only %d operators found: %v", len(owner), owner)
	}
	operators := slices.Collect(maps.Values(owner))
	for operator, own := range owner {
		for file := range named[operator] {
			if !slices.Contains(operators, file) {
				t.Errorf("%s names the operator %s of %s", file, operator, own)
			}
		}
	}
}

// makesNode reports whether a function returns a single *Node.
func makesNode(f *ast.FuncDecl) bool {
	if f.Type.Results == nil || len(f.Type.Results.List) != 1 {
		return false
	}
	star, ok := f.Type.Results.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	id, ok := star.X.(*ast.Ident)
	return ok && id.Name == "Node"
}
