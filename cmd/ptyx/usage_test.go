package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestFaultsOfTheCommandLine: each is one sentence, which points to the help.
func TestFaultsOfTheCommandLine(t *testing.T) {
	const file = "unexpected argument usage.go: files are named by flags here, such as "
	for _, tt := range []struct{ args, want string }{
		{"", "found no command; see ptyx --help"},
		{"help", "unexpected argument help; see ptyx --help"},
		{"trian", `unexpected argument trian, did you mean "train"?`},
		{"train --train-data scan.npz", `unknown flag --train-data, did you mean "--train-data-file"?`},
		{"train --swapxy", `unknown flag --swapxy, did you mean "--swap-xy"?`},
		{"train --flip-z", `unknown flag --flip-z, did you mean one of "--flip-x", "--flip-y"?`},
		{"train --colour red", "unknown flag --colour; see ptyx train --help"},
		{"train absent.npz", "unexpected argument absent.npz; see ptyx train --help"},
		{"train usage.go", file + "--train-data-file; see ptyx train --help"},
		{"train --train-data-file", "--train-data-file: missing value; see ptyx train --help"},
		{"train --seed", "--seed: missing value; see ptyx train --help"},
		{"train --device", "--device: missing value; see ptyx train --help"},
		{"train --bin 0", `--bin: found "0", expected a whole number, 1 or more`},
		{"solve --bin=-2", `--bin: found "-2", expected a whole number, 1 or more`},
		{"train --seed -1", `--seed: expected a whole number, 0 or more, but got "-1"`},
		{"train --nphotons many", `--nphotons: expected a number but got "many"`},
		{"train --device gpu", `--device: found "gpu", expected cpu, cuda, auto`},
		{"simulate --out s.npz --n 64.5", `--n: expected a whole number but got "64.5"`},
		{"infer", "missing flags: --test-data=FILE; see ptyx infer --help"},
		{"eval usage.go usage.go", file + "--recon; see ptyx eval --help"},
		{"validate", "found no <scan>; see ptyx validate --help"},
		{"convert scan.npz", "found no <out>; see ptyx convert --help"},
		{"convert a.npz b.npz usage.go", "unexpected argument usage.go; see ptyx convert --help"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), &stdout, &stderr)
		if status != exitFailure || stderr.String() != "ptyx: "+tt.want+"\n" || stdout.Len() > 0 {
			t.Errorf("ptyx %s: exit status %d, says %q, want %q", tt.args, status, stderr.String(), tt.want)
		}
	}
}
