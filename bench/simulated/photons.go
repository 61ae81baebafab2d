package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// grid is what the table of photons spans.
type grid struct {
	kinds     []string
	gridsizes []int
	photons   []float64
	seeds     []int
	epochs    string
}

func (b *bench) grid() grid {
	g := grid{kinds: []string{"star", "lines", "blobs"}, gridsizes: []int{1, 2}, photons: []float64{1e3, 1e4, 1e6, 1e9},
		epochs: "auto"}
	for seed := range b.seeds {
		g.seeds = append(g.seeds, seed+1)
	}
	if b.quick {
		g.photons, g.seeds, g.epochs = []float64{1e4, 1e9}, g.seeds[:1], "1"
	}
	return g
}

// Objects that a trial of photons makes.
const (
	plain   = "object"
	refined = "refined"
)

// refinement is how many passes of the solver make the refined object.
const refinement = 10

// photonTrial is the default command on the simulator's default scan.
func (b *bench) photonTrial(kind string, gridsize int, photons float64, seed int, epochs string) trial {
	name := fmt.Sprintf("%s-%.0e-g%d-s%d", kind, photons, gridsize, seed)
	t := trial{
		name: name,
		simulate: command{"simulate", "--quiet", "--object", kind, "--nphotons", number(photons), "--seed",
			fmt.Sprint(seed), "--out", b.scan(name)},
		train: command{"train", "--quiet", "--train-data-file", b.scan(name), "--output-dir", b.model(name),
			"--gridsize", fmt.Sprint(gridsize), "--max-epochs", epochs, "--seed", fmt.Sprint(seed)},
		objects: []object{{plain, b.infer(name, plain)}},
	}
	if gridsize > 1 {
		t.objects = append(t.objects, object{refined, append(b.infer(name, refined), "--refine",
			fmt.Sprint(refinement))})
	}
	return t
}

func (b *bench) infer(t, name string) command {
	return command{"infer", "--quiet", "--model-path", b.model(t), "--test-data", b.scan(t), "--output-dir",
		b.object(t, name)}
}

// cell is one place of the table: what its seeds found.
type cell struct {
	kind     string
	gridsize int
	photons  float64
	runs     []*found
}

// values are one measure of one object, a value a seed.
func (c cell) values(object string, of func(measures) float64) []float64 {
	var out []float64
	for _, r := range c.runs {
		if m, ok := r.Objects[object]; ok {
			out = append(out, of(m))
		}
	}
	return out
}

// photons fills the table, one seed after the other, and writes it and its picture.
func photons(ctx context.Context, b *bench) error {
	g := b.grid()
	var cells []*cell
	for _, kind := range g.kinds {
		for _, gridsize := range g.gridsizes {
			for _, p := range g.photons {
				cells = append(cells, &cell{kind: kind, gridsize: gridsize, photons: p})
			}
		}
	}
	for _, seed := range g.seeds {
		for _, c := range cells {
			r, err := b.measured(ctx, b.photonTrial(c.kind, c.gridsize, c.photons, seed, g.epochs))
			if err != nil {
				return err
			}
			c.runs = append(c.runs, r)
		}
	}
	if err := b.insert("photons", photonTable(cells)); err != nil {
		return err
	}
	return b.draw(filepath.Join(b.docs, "photons.png"), g, cells)
}
