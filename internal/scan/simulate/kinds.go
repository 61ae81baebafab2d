package simulate

import (
	"fmt"

	"ptyx/internal/base/choice"
)

// table lists the kinds of something, each with what makes it. To add a kind, add its row.
type table[K ~string, T any] []struct {
	kind K
	make T
}

// find gives what makes a kind.
func (t table[K, T]) find(kind K) (T, error) {
	for _, row := range t {
		if row.kind == kind {
			return row.make, nil
		}
	}
	var none T
	return none, fmt.Errorf("%q is not known", kind)
}

// parse reads a kind from a flag.
func (t table[K, T]) parse(text []byte, into *K) error {
	var kinds []K
	for _, row := range t {
		kinds = append(kinds, row.kind)
	}
	return choice.Set(into, text, kinds...)
}
