package choice_test

import (
	"testing"

	"ptyx/internal/base/choice"
)

type colour string

func TestSet(t *testing.T) {
	got := colour("red")
	if err := choice.Set(&got, []byte("blue"), "red", "green", "blue"); err != nil || got != "blue" {
		t.Errorf("%q (%v)", got, err)
	}
	err := choice.Set(&got, []byte("grey"), "red", "green", "blue")
	if want := `found "grey", expected red, green or blue`; err == nil || err.Error() != want || got != "blue" {
		t.Errorf("%q, error %v, want %s", got, err, want)
	}
	if got := choice.List("red", "green"); got != "red or green" {
		t.Errorf("%q", got)
	}
}
