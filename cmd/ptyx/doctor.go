package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"ptyx/internal/app/workflow"
	ort "ptyx/runtime"
)

type doctorCmd struct {
	Onnxruntime string `placeholder:"PATH" help:"ONNX Runtime library to check. Default: the usual places."`
	JSON        bool   `name:"json" help:"Print JSON."`
}

// Run prints the library, its providers, the processor, and what was tried on each device. It fails if no model can
// run.
func (c *doctorCmd) Run(app *appContext) error {
	d, err := workflow.Diagnose(app.Context, c.Onnxruntime)
	if err != nil {
		return err
	}
	write := writeDiagnosis
	if c.JSON {
		write = func(w io.Writer, d workflow.Diagnosis) error { return writeJSON(w, d) }
	}
	if err := write(app.Stdout, d); err != nil {
		return err
	}
	if !d.Usable() {
		return errors.New("ONNX Runtime is not usable; --engine tape works without it")
	}
	return nil
}

// writeDiagnosis prints one fact a line, then the problems with their remedies.
func writeDiagnosis(w io.Writer, d workflow.Diagnosis) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	row("needs", "ONNX Runtime %s or a newer 1.x (C API %d)", d.Minimum, d.API)
	if d.Library == nil {
		row("found", "none that can be used")
	} else {
		row("found", "ONNX Runtime %s", d.Library.Version)
		row("library", "%s", d.Library.Path)
		row("found by", "%s", d.Library.Source)
		row("providers", "%s", strings.Join(d.Providers, ", "))
		row("runs a model", "%s", yesNo(d.Runs))
	}
	cuda := "usable"
	if !d.CUDA.Usable {
		cuda = "not usable: " + d.CUDA.Why
	}
	row("CUDA", "%s", cuda)
	for _, trial := range d.Trials {
		row("tried", "%s", trial)
	}
	row("processor", "%s", d.Processor)
	row("cores", "%s", cores(d.Processor.Cores))
	row("threads", "%d by default", d.Threads)
	if len(d.Problems) == 0 {
		row("problems", "none")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range d.Problems {
		if _, err := fmt.Fprintf(w, "\nproblem: %s\nremedy:  %s\n", p.What, p.Remedy); err != nil {
			return err
		}
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func cores(c ort.Cores) string {
	s := fmt.Sprintf("%d physical, %d logical", c.Physical, c.Logical)
	if c.Quota > 0 {
		s += fmt.Sprintf(", %.3g granted by the control group", c.Quota)
	}
	return s
}
