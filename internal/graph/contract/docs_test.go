package contract_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// documented are the rows of docs/contract.md: each key with its example, and its type.
func documented(t *testing.T) (rows []onnxir.Property, kinds map[string]string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(ptyx\\.[^`]*)` \\| ([a-z0-9]+) \\| .* \\| `([^`]*)` \\|$")
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		rows, kinds[m[1]] = append(rows, onnxir.Property{Key: m[1], Value: m[3]}), m[2]
	}
	return rows, kinds
}

// TestTheTableIsTheContract compares the keys of docs/contract.md with those that are written, in their order.
func TestTheTableIsTheContract(t *testing.T) {
	keys := func(properties []onnxir.Property) (list []string) {
		for _, p := range properties {
			list = append(list, p.Key)
		}
		return list
	}
	rows, kinds := documented(t)
	if want := contract.Kinds(); !maps.Equal(kinds, want) {
		t.Errorf("docs/contract.md lists the types\n%v\nwritten are\n%v", kinds, want)
	}
	if got, want := keys(rows), keys(sample().Properties()); !slices.Equal(got, want) {
		t.Errorf("docs/contract.md lists\n%v\nwritten are\n%v", got, want)
	}
}

// The examples of the table are a contract that reads, and is written with the same words. Only the probe is too long
// to be printed.
func TestTheExamplesAreAContract(t *testing.T) {
	probe := ndarray.New[complex64](64, 64)
	stand := map[string]string{
		"ptyx.probe_complex64_base64": probeText(contract.Contract{Probe: probe}),
		"ptyx.probe_sha256":           optics.ProbeDigest(probe),
	}
	rows, _ := documented(t)
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
