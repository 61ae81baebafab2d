package validate

import (
	"strings"
	"testing"

	"ptyx/internal/scan/dataset"
)

// placingNamed is the placing that some flags name.
func placingNamed(flags string) placing {
	return placing{swap: strings.Contains(flags, "--swap-xy"), flipX: strings.Contains(flags, "--flip-x"),
		flipY: strings.Contains(flags, "--flip-y")}
}

// TestFixesNameAllFlags: for any view of a scan and any placing that explains it best, the flags of the fix do what
// both do one after the other.
func TestFixesNameAllFlags(t *testing.T) {
	for _, view := range placings() {
		for _, best := range placings()[1:] {
			fix := best.fix(dataset.View{SwapXY: view.swap, FlipX: view.flipX, FlipY: view.flipY})
			var both placing
			new, old, replaced := strings.Cut(fix, " in place of ")
			switch {
			case view.flags() == "":
				new, _, _ = strings.Cut(fix, ", or save ")
				both = placingNamed(new)
			case replaced:
				both = placingNamed(new)
			case fix != "leave out "+view.flags():
				t.Errorf("%s after %q: fix %q", best.name(), view.flags(), fix)
			}
			if replaced && old != view.flags() {
				t.Errorf("%s after %q: the fix %q names other flags", best.name(), view.flags(), fix)
			}
			x, y := best.of(view.of(2, 3))
			if gotX, gotY := both.of(2, 3); gotX != x || gotY != y {
				t.Errorf("%s after %q: the fix %q leads from (2, 3) to (%v, %v), want (%v, %v)", best.name(),
					view.flags(), fix, gotX, gotY, x, y)
			}
		}
	}
}
