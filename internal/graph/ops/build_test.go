package ops_test

import (
	"errors"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

func TestBuildReturnsTheResult(t *testing.T) {
	if got, err := ops.Build("seven", func() int { return 7 }); got != 7 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestBuildReturnsAMistakeAsAnError(t *testing.T) {
	g := gorgonia.NewGraph()
	n, err := ops.Build("building the network", func() *ops.Node {
		return ops.Must(ops.Build("head", func() *ops.Node {
			return ops.Add(program.Leaf(g, "a", 2), program.Leaf(g, "b", 3))
		}))
	})
	const want = "building the network: head: Add of shapes [(2) (3)]: dimensions 2 and 3 do not broadcast"
	if n != nil || err == nil || err.Error() != want {
		t.Errorf("got %v, %v, want %q", n, err, want)
	}
	cause := errors.New("cause")
	if _, err := ops.Build("a model", func() int { ops.Fail("reading: %w", cause); return 0 }); !errors.Is(err, cause) {
		t.Errorf("the error %v does not wrap its cause", err)
	}
}

func TestOtherPanicsPassThroughBuild(t *testing.T) {
	bug := errors.New("a bug")
	defer func() {
		if r := recover(); r != bug {
			t.Errorf("recovered %v", r)
		}
	}()
	_, _ = ops.Build("a model", func() int { panic(bug) })
	t.Error("Build returned")
}
