package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"ptyx/internal/base/destination"
)

// bench runs trials and keeps their results.
type bench struct {
	places
	quick  bool
	seeds  int    // of each case
	digest string // of the program
}

func newBench(p places, quick bool) (*bench, error) {
	content, err := os.ReadFile(p.ptyx)
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	sum := sha256.Sum256(content)
	b := &bench{places: p, quick: quick, digest: hex.EncodeToString(sum[:8])}
	if quick { // separate from the files of full runs
		b.files = filepath.Join(p.files, "quick")
		b.docs = b.files
	}
	return b, os.MkdirAll(b.files, 0o755)
}

// command is one call of the program.
type command []string

// measures are the figures of an object against its truth.
type measures struct {
	Correlation   float64 // complex, means removed
	SSIMAmplitude float64
	SSIMPhase     float64
	PSNRAmplitude float64 // dB
	PSNRPhase     float64 // dB
	Resolution    float64 // cycles/pixel, where the FRC ends at half a bit
	PINNSSIMPhase float64 // PtychoPINN's convention: the range of a phase is 2 pi
	// Standard deviations over the compared region, in rad: that of a collapsed object is 0.
	PhaseDeviation, TruePhaseDeviation float64
}

// found is the result of a trial, with the program and the commands that gave it.
type found struct {
	Program  string
	Commands []command
	Seconds  float64             // of the training
	Objects  map[string]measures // by the object's name
}

// object is a reconstruction of a trial.
type object struct {
	name    string
	command command // that writes it
}

// trial is a scan, a training on it, and the objects made with the model.
type trial struct {
	name            string
	simulate, train command
	objects         []object
}

func (t trial) commands() []command {
	all := []command{t.simulate, t.train}
	for _, o := range t.objects {
		all = append(all, o.command)
	}
	return all
}

// The files of a trial: scan, model and objects.
func (b *bench) scan(t string) string         { return filepath.Join(b.files, t+".npz") }
func (b *bench) model(t string) string        { return filepath.Join(b.files, t+"-run") }
func (b *bench) object(t, name string) string { return filepath.Join(b.files, t+"-"+name) }

// measured returns the result of a trial: a kept one of the same program and commands, or a new one.
func (b *bench) measured(ctx context.Context, t trial) (*found, error) {
	path := filepath.Join(b.files, t.name+".json")
	want := found{Program: b.digest, Commands: t.commands()}
	if kept, err := readFound(path); err != nil {
		return nil, err
	} else if kept != nil && reflect.DeepEqual(found{Program: kept.Program, Commands: kept.Commands}, want) {
		return kept, nil
	}
	result, err := b.compute(ctx, t, want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return nil, err
	}
	return result, destination.WriteFile(path, append(text, '\n'), 0o644)
}

func readFound(path string) (*found, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept := &found{}
	if err := json.Unmarshal(text, kept); err != nil {
		return nil, fmt.Errorf("reading %s, remove it to compute it anew: %w", path, err)
	}
	return kept, nil
}

func (b *bench) compute(ctx context.Context, t trial, result found) (*found, error) {
	if err := b.call(ctx, t.simulate); err != nil {
		return nil, err
	}
	// ptyx train refuses an existing run directory.
	if err := os.RemoveAll(b.model(t.name)); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := b.call(ctx, t.train); err != nil {
		return nil, err
	}
	result.Seconds = time.Since(start).Seconds()
	result.Objects = map[string]measures{}
	for _, o := range t.objects {
		if err := b.call(ctx, o.command); err != nil {
			return nil, err
		}
		m, err := measure(b.object(t.name, o.name), b.scan(t.name))
		if err != nil {
			return nil, err
		}
		result.Objects[o.name] = m
		fmt.Printf("%-28s %-8s correlation %.4f  SSIM %.3f %.3f  PtychoPINN's %.3f  resolution %.3f  %.0f s\n",
			t.name, o.name, m.Correlation, m.SSIMAmplitude, m.SSIMPhase, m.PINNSSIMPhase, m.Resolution, result.Seconds)
	}
	return &result, nil
}

// call runs the program.
func (b *bench) call(ctx context.Context, c command) error {
	cmd := exec.CommandContext(ctx, b.ptyx, c...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ptyx %s: %w: %s", c[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
