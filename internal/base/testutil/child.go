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

// childTest is the environment variable that holds the name of the test that a child process runs.
const childTest = "PTYX_CHILD_TEST"

// InChild calls f in a child process that runs the same test, because f changes its process, such as the limit of file
// sizes, and would change go test's other tests, too.
func InChild(t *testing.T, f func()) {
	t.Helper()
	if os.Getenv(childTest) == t.Name() {
		f()
		return
	}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "10m", "-test.v")
	child.Env = append(os.Environ(), childTest+"="+t.Name())
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a child process: %v\n%s", err, out)
	}
}

// firstCase is the environment variable that holds the first case of a child process of CasesInChild.
const firstCase = "PTYX_FIRST_CASE"

// CaseCount is the environment variable that replaces the number of cases of CasesInChild.
const CaseCount = "PTYX_CASES"

// CasesInChild calls try with 0 to count-1 in a child process that runs the same test. A case that ends the process is
// a failure with its number; the next child continues after it. An error of try is a failure, too.
func CasesInChild(t *testing.T, count int, try func(i int) error) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(CaseCount)); err == nil {
		count = n
	}
	if first, err := strconv.Atoi(os.Getenv(firstCase)); err == nil {
		for i := first; i < count; i++ {
			fmt.Printf("\ncase %d\n", i)
			if err := try(i); err != nil {
				fmt.Printf("\nerror %v\n", strings.ReplaceAll(err.Error(), "\n", " "))
			}
		}
		fmt.Printf("\ncase %d\n", count)
		return
	}
	for first := 0; first < count; {
		child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "30m")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", firstCase, first))
		var stdout, stderr bytes.Buffer
		child.Stdout, child.Stderr = &stdout, &stderr
		err := child.Run()
		last := first - 1
		for lines := bufio.NewScanner(&stdout); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "error "); ok {
				t.Errorf("case %d: %s", last, text)
			}
			_, _ = fmt.Sscanf(lines.Text(), "case %d", &last)
		}
		switch {
		case last < first:
			t.Fatalf("the child did not start: %v\n%s", err, stderr.String())
		case last < count:
			t.Errorf("case %d ended the process: %v\n%.2000s", last, err, stderr.String())
		case err != nil:
			t.Errorf("after all cases: %v\n%.2000s", err, stderr.String())
		}
		first = last + 1
	}
}
