package source_test

import (
	"strings"
	"testing"

	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/scan/source"
)

// TestFollowLinks: a link out of the file's folder is refused, and followed if the user names the folder.
func TestFollowLinks(t *testing.T) {
	o := source.Options{Library: hdf5test.Library(), Places: source.Places{Patterns: "above"}}
	const path = "../../format/hdf5/testdata/linked/scan.h5"
	if _, err := source.Open(path, o); err == nil || !strings.Contains(err.Error(), "add --follow-links ") {
		t.Errorf("a link out of the folder: %v", err)
	}
	o.FollowLinks = "../../format/hdf5/testdata"
	s, err := source.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if h, err := s.Header(source.Patterns); err != nil || h.ShapeText() != "(2, 3, 4)" {
		t.Errorf("%v, %v", h, err)
	}
}
