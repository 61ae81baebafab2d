package main

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/licenses.md anew")

const page = "../../docs/licenses.md"

// TestPage holds docs/licenses.md to what is linked.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "| module |"
	before, _, found := strings.Cut(string(text), begin)
	if !found {
		t.Fatalf("%s has no table", page)
	}
	rows, err := table()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+rows), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if before+rows != string(text) {
		t.Errorf("docs/licenses.md does not list what is linked; make licenses writes it anew:\n%s", rows)
	}
}

func TestRecognise(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted,\n free of charge, to any person":                             "MIT",
		"Redistribution and use in source\nand binary forms ... may be used to endorse or promote":  "BSD-3-Clause",
		"Redistribution and use in source and binary forms. 2. Redistributions in binary form must": "BSD-2-Clause",
		"Apache License\n   Version 2.0, January 2004":                                              "Apache-2.0",
		"All rights reserved.": "",
	} {
		if got := recognise(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
