package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// repository are the contents of the repository's files by their path: of those that git knows, or, where the sources
// came without git, of all that .gitignore does not name.
func repository(t *testing.T) map[string]string {
	t.Helper()
	names := tracked()
	if len(names) == 0 {
		names = walked(t)
	}
	files := map[string]string{}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a deleted file may still be in the index
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	if files["go.mod"] == "" {
		t.Fatalf("no go.mod among %d files", len(files))
	}
	return files
}

func tracked() []string {
	list, err := exec.Command("git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(string(list), func(r rune) bool { return r == 0 })
}

func walked(t *testing.T) (names []string) {
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	skip := strings.Fields(string(ignored))
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skip, "/"+name+"/"):
			return fs.SkipDir
		case entry.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]+))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestLinksResolve checks that the files and the headings that pages link exist.
func TestLinksResolve(t *testing.T) {
	files, links := repository(t), 0
	for name, text := range files {
		if filepath.Ext(name) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			target := name
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(name), m[1])
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s points to %s: %v", name, target, err)
			}
			if m[2] != "" && !slices.Contains(anchors(files[target]), m[2]) {
				t.Errorf("%s points to %s in %s, which has no such heading", name, m[2], target)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links found", links)
	}
}

// anchors lists the headings of a page as links name them.
func anchors(page string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		text := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(text, " ", "-"))
	}
	return list
}

// TestTheIndexOfTests holds docs/dev/testing.md to the packages that have tests and to the targets that make has.
func TestTheIndexOfTests(t *testing.T) {
	files := repository(t)
	index := files["docs/dev/testing.md"]
	var selected []string
	for _, m := range regexp.MustCompile("\\| `go test ((?:\\./\\S+ ?)+)`").FindAllStringSubmatch(index, -1) {
		selected = append(selected, strings.Fields(m[1])...)
	}
	used := map[string]bool{}
	for name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		at := slices.IndexFunc(selected, func(pattern string) bool {
			under, all := strings.CutSuffix(pattern, "/...")
			return "./"+path.Dir(name) == pattern || all && strings.HasPrefix("./"+name, under+"/")
		})
		if at >= 0 {
			used[selected[at]] = true
		} else if !strings.HasPrefix(name, "bench/") { // make bench runs these
			t.Errorf("docs/dev/testing.md has no group for %s", path.Dir(name))
		}
	}
	for _, pattern := range selected {
		if !used[pattern] {
			t.Errorf("docs/dev/testing.md selects %s, where no tests are", pattern)
		}
	}
	for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(index, -1) {
		target := regexp.MustCompile(`(?m)^` + m[1] + `:`)
		if !target.MatchString(strings.Join([]string{
			files["Makefile"], files["bench/bench.mk"], files["interop/interop.mk"], files["python/python.mk"],
		}, "\n")) {
			t.Errorf("docs/dev/testing.md speaks of make %s, which does not exist", m[1])
		}
	}
}

// Addresses that a reader of the project may need. Packages come from where the reader's tools are set up to find them,
// and nothing here says where that is.
var addresses = []string{"go.dev", "gorgonia.org", "netron.app", "localhost"}

var (
	address = regexp.MustCompile(`\bhttps?://([A-Za-z0-9.-]+)`)
	private = regexp.MustCompile(`(^|[^\w.)}\]-])(/(home|Users|root|work|workspace|tmp|private|mnt)/[\w.-]+)`)
)

// TestFilesAreOfNoMachine: no file names a path of the machine that it was written on, nor an address beyond the few.
// HDF5 files state the home page of a filter's author beside the filter, and nothing follows it.
func TestFilesAreOfNoMachine(t *testing.T) {
	t.Parallel()
	for name, text := range repository(t) {
		for _, m := range address.FindAllStringSubmatch(text, -1) {
			if filepath.Ext(name) != ".h5" && !slices.Contains(addresses, m[1]) {
				t.Errorf("%s names %s, which is not one of %v", name, m[1], addresses)
			}
		}
		for _, m := range private.FindAllStringSubmatch(text, -1) {
			t.Errorf("%s names the path %s", name, m[2])
		}
	}
}
