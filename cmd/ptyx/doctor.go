package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"ptyx/runtime"
)

type doctorCmd struct {
	Onnxruntime string `placeholder:"PATH" help:"ONNX Runtime library to check; without it the usual places are searched."`
	JSON        bool   `name:"json" help:"Print JSON."`
}

// Run checks the machine.
func (c *doctorCmd) Run(app *appContext) error {
	d := runtime.Diagnose(c.Onnxruntime)
	if c.JSON {
		e := json.NewEncoder(app.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return err
		}
	} else if _, err := fmt.Fprint(app.Stdout, d); err != nil {
		return err
	}
	if !d.Usable() {
		return errors.New("ONNX Runtime cannot be used; --engine tape works without it")
	}
	return nil
}
