package main

import (
	"slices"
	"strings"
	"testing"
)

func TestJoinNegatives(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", ""},
		{"simulate --step -3", "simulate --step=-3"},
		{"train --clip -1e-3 --seed 4", "train --clip=-1e-3 --seed 4"},
		{"train --warm-up -inf", "train --warm-up=-inf"},
		{"train --seed=1 -2", "train --seed=1 -2"},
		{"train --export --seed 3", "train --export --seed 3"},
		{"train -v -q", "train -v -q"},
		{"train --quiet -v", "train --quiet -v"},
		{"-1 -2", "-1 -2"},
	} {
		if got := joinNegatives(strings.Fields(tt.args)); !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%q became %q, want %q", tt.args, got, tt.want)
		}
	}
}
