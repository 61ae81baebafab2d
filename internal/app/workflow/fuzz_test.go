package workflow

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// FuzzTrainOptions: whatever the bytes, a configuration is read or refused in one line, and what is read can be
// written.
func FuzzTrainOptions(f *testing.F) {
	f.Add([]byte("train_data_file: a.npz\noutput_dir: run\n"))
	f.Add([]byte("train_data_file:\n    - a.npz\n    - b.npz\nmax_epochs: 3\nloss: {poisson: .nan}\n"))
	f.Add([]byte("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"))
	f.Add([]byte(strings.Repeat("[", 200)))
	whole, err := yaml.Marshal(TrainOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseTrainOptions(data)
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\n\r") || text == "" {
				t.Fatalf("not a sentence: %q", text)
			}
			return
		}
		if _, err := yaml.Marshal(o); err != nil { // a run writes it down before it begins
			t.Fatal(err)
		}
	})
}
