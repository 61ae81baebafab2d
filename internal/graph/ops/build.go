package ops

import "fmt"

// mistake is the panic of code that builds a graph: shapes that do not fit, or a model that cannot be built.
type mistake struct{ error }

// Build runs code that builds a graph and returns its result. A mistake in the graph, such as shapes that do not fit,
// is returned as an error that begins with what was being built. Builds may be nested: Must passes the error of the
// inner one on. Any other panic is a bug and passes through.
func Build[T any](what string, build func() T) (result T, err error) {
	defer func() {
		switch m := recover().(type) {
		case nil:
		case mistake:
			err = fmt.Errorf("%s: %w", what, m.error)
		default:
			panic(m)
		}
	}()
	return build(), nil
}

// Fail ends the Build around it with an error. The arguments are those of fmt.Errorf.
func Fail(format string, args ...any) { panic(mistake{fmt.Errorf(format, args...)}) }

// Must returns v, or ends the Build around it with err.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(mistake{err})
	}
	return v
}
