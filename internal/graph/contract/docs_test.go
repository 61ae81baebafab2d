package contract_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// documented are the rows of docs/contract.md: each key with its example.
func documented(t *testing.T) []onnxir.Property {
	t.Helper()
	page, err := os.ReadFile("../../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []onnxir.Property
	for _, m := range regexp.MustCompile("(?m)^\\| `(ptyx\\.[^`]*)` \\| [a-z0-9]+ \\| .* \\| `([^`]*)` \\|$").FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, onnxir.Property{Key: m[1], Value: m[2]})
	}
	return rows
}

// TestTheTableIsTheContract holds docs/contract.md to the keys that are written, in their order.
func TestTheTableIsTheContract(t *testing.T) {
	keys := func(properties []onnxir.Property) (list []string) {
		for _, p := range properties {
			list = append(list, p.Key)
		}
		return list
	}
	if got, want := keys(documented(t)), keys(sample().Properties()); !slices.Equal(got, want) {
		t.Errorf("docs/contract.md lists\n%v\nwritten are\n%v", got, want)
	}
}

// The examples of the table are a contract that reads, and is written with the same words. Only the probe is too long to
// be printed.
func TestTheExamplesAreAContract(t *testing.T) {
	probe := ndarray.New[complex64](64, 64)
	stand := map[string]string{
		"ptyx.probe_complex64_base64": probeText(contract.Contract{Probe: probe}),
		"ptyx.probe_sha256":           optics.ProbeDigest(probe),
	}
	rows := documented(t)
	for i, row := range rows {
		if value, ok := stand[row.Key]; ok {
			rows[i].Value = value
		}
	}
	c, err := contract.Parse(file(rows))
	if err != nil {
		t.Fatal(err)
	}
	if again := c.Properties(); !slices.Equal(again, rows) {
		t.Errorf("the examples are written as\n%v\nand printed as\n%v", again, rows)
	}
}
