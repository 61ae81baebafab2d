// Package docs puts tables that a benchmark made into a page of the documentation.
package docs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"ptyx/internal/base/destination"
)

// Insert puts a text between the marks of a part of the page at path. command is the one that makes the part, such as
// make results. A page without these marks gets them at its end.
func Insert(path, command, part, text string) error {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	begin, end := "<!-- made by "+command+": "+part+" -->\n", "<!-- end of "+part+" -->\n"
	page := string(content)
	if !strings.Contains(page, begin) {
		page += begin + end
	}
	before, remainder, _ := strings.Cut(page, begin)
	_, after, found := strings.Cut(remainder, end)
	if !found {
		return fmt.Errorf("%s: the line %q is missing after %q", path, strings.TrimSpace(end), strings.TrimSpace(begin))
	}
	return destination.WriteFile(path, []byte(before+begin+text+end+after), 0o644)
}
