//go:build !bundled

package bundled

func path(Library) (string, error) { return "", ErrNone }
