package empad

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
)

// header is an XML file that names a raw file and the size of its scan.
func header(raw, scans string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="us-ascii"?>
<root><raw_file filename="%s"/>%s<iom_measurements><optics>
<get_full_scan_field_of_view>(8e-09, 3e-09)</get_full_scan_field_of_view>
</optics></iom_measurements></root>`, raw, scans)
}

func acquired(x, y string) string {
	return `<scan_parameters mode="search"><scan_resolution_x>9</scan_resolution_x><scan_resolution_y>9` +
		`</scan_resolution_y></scan_parameters><scan_parameters mode="acquire"><scan_resolution_x>` + x +
		`</scan_resolution_x><scan_resolution_y>` + y + `</scan_resolution_y></scan_parameters>`
}

// frames writes a raw file of count frames, in which pixel i of frame k is 1000 k + i, and returns its folder.
func frames(t testing.TB, name string, count int) string {
	t.Helper()
	dir := t.TempDir()
	var data []byte
	for k := range count {
		for i := range (Side + 2) * Side {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(1000*k+i)))
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOpen: a scan is opened by either of its files, and its size is that of the XML file or of the name.
func TestOpen(t *testing.T) {
	dir := frames(t, "scan.raw", 6)
	write(t, filepath.Join(dir, "scan.xml"), header(`C:\data\scan.raw`, acquired("2", "3")))
	for _, name := range []string{"scan.xml", "scan.raw"} {
		path := filepath.Join(dir, name)
		f, err := Open(path)
		if err != nil || !Is(path) {
			t.Fatalf("%s: %v, is one: %v", name, err, Is(path))
		}
		if f.Frames != 6 || f.Rows != 3 || f.Columns != 2 || math.Abs(f.StepX-4e-9) > 1e-20 ||
			math.Abs(f.StepY-1e-9) > 1e-20 {
			t.Errorf("%s: %+v", name, f)
		}
		dst := make([]float32, 2*Side*Side)
		if err := f.Read(dst, 4, 2); err != nil || dst[0] != 4000 || dst[Side*Side] != 5000 ||
			dst[Side*Side-1] != 4000+Side*Side-1 {
			t.Errorf("%s: %v, frames begin with %v and %v", name, err, dst[0], dst[Side*Side])
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	f, err := Open(filepath.Join(frames(t, "a_x3_y2.raw", 6), "a_x3_y2.raw"))
	if err != nil || f.Rows != 2 || f.Columns != 3 {
		t.Fatalf("by its name: %+v, %v", f, err)
	}
	f.Close()
}

// TestFaults: each is one sentence with the file and the remedy.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		xml, want string
		bytes     int // cut off the frames
	}{
		"no XML":           {"<root", "found XML that cannot be read", 0},
		"no name":          {"<root/>", "raw_file: found", 0},
		"a name of a root": {header("/", ""), "raw_file: found", 0},
		"another size":     {header("scan.raw", acquired("2", "4")), "4 x 2 or 9 x 9, expected one of 6", 0},
		"half a frame":     {header("scan.raw", acquired("2", "3")), "expected a multiple of 66560", 7},
		"another file":     {header("other.raw", acquired("2", "3")), "other.raw: found no such file", 0},
		"a size of words":  {header("scan.raw", acquired("two", "3")), "found a scan of 3 x two", 0},
	} {
		dir := frames(t, "scan.raw", 6)
		if tt.bytes > 0 {
			if err := os.Truncate(filepath.Join(dir, "scan.raw"), 6*frameBytes-int64(tt.bytes)); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(dir, "scan.xml"), tt.xml)
		_, err := Open(filepath.Join(dir, "scan.xml"))
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
}

// TestTruncatedWhileOpen: a file that shrinks is reported, and a pixel that is not a number is 0.
func TestTruncatedWhileOpen(t *testing.T) {
	path := filepath.Join(frames(t, "scan.raw", 2), "scan.raw")
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	nan := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
	if _, err := file.WriteAt(nan, 4); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, frameBytes+100); err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, Side*Side)
	if err := f.Read(dst, 0, 1); err != nil || dst[1] != 0 || dst[2] != 2 {
		t.Errorf("%v, pixels %v", err, dst[:3])
	}
	var bad *badinput.Error
	if err := f.Read(dst, 1, 1); !errors.As(err, &bad) {
		t.Errorf("a frame that is gone: %v, want a *badinput.Error", err)
	}
}

// FuzzXML: whatever the text, it is read or refused with a *badinput.Error, and the raw file stays in its folder.
func FuzzXML(f *testing.F) {
	for _, scans := range []string{"", acquired("2", "1"), "<pix_x>1</pix_x><pix_y>2</pix_y>", "<type>series</type>"} {
		f.Add(header("scan.raw", scans))
	}
	f.Add(header("../../etc/passwd", acquired("1", "2")))
	dir := frames(f, "scan.raw", 2)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "scan.xml")
		write(t, path, text)
		file, err := Open(path)
		var bad *badinput.Error
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("an error of type %T: %v", err, err)
		}
		if err != nil {
			return
		}
		defer file.Close()
		if filepath.Dir(file.raw.Name()) != dir {
			t.Fatalf("opened %s", file.raw.Name())
		}
		if n := file.Rows * file.Columns; n != 0 && n != file.Frames {
			t.Fatalf("%d x %d positions of %d frames", file.Rows, file.Columns, file.Frames)
		}
	})
}
