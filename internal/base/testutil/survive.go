package testutil

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// survival tells a child process of Survive which case to begin with.
const survival = "PTYX_SURVIVE_FROM"

// SurviveCount is the environment variable that says how many cases Survive tries, instead of the test's own number.
const SurviveCount = "PTYX_CASES"

// Survive calls try with 0 to count-1 in a child process, which is the same test once more: what would take the process
// down is then a failure that names its case, and the next case is tried in another child. An error of try is a failure
// as well.
func Survive(t *testing.T, count int, try func(i int) error) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(SurviveCount)); err == nil {
		count = n
	}
	if from, err := strconv.Atoi(os.Getenv(survival)); err == nil {
		for i := from; i < count; i++ {
			fmt.Printf("\ncase %d\n", i)
			if err := try(i); err != nil {
				fmt.Printf("\nwrong %v\n", strings.ReplaceAll(err.Error(), "\n", " "))
			}
		}
		fmt.Printf("\ncase %d\n", count)
		return
	}
	for from := 0; from < count; {
		child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "30m")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", survival, from))
		var said, complained bytes.Buffer
		child.Stdout, child.Stderr = &said, &complained
		err := child.Run()
		last := from - 1
		for lines := bufio.NewScanner(&said); lines.Scan(); {
			if wrong, ok := strings.CutPrefix(lines.Text(), "wrong "); ok {
				t.Errorf("case %d: %s", last, wrong)
			}
			_, _ = fmt.Sscanf(lines.Text(), "case %d", &last)
		}
		switch {
		case last < from:
			t.Fatalf("the child did not begin: %v\n%s", err, complained.String())
		case last < count:
			t.Errorf("case %d took the process down: %v\n%.2000s", last, err, complained.String())
		case err != nil:
			t.Errorf("after all cases: %v\n%.2000s", err, complained.String())
		}
		from = last + 1
	}
}
