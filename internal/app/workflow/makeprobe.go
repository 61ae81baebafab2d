package workflow

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
)

// ProbeOptions describe a probe to be made.
type ProbeOptions struct {
	Scan   string          // whose patterns or sampling the probe has; empty: N and the view's units say it
	Read   dataset.Options // how to read the scan
	N      int             // of the probe, without a scan
	Optic  Optic
	Values OpticValues
	Seed   uint64
	Out    string // NPZ file; the picture beside it has its name with .png
}

// MadeProbe describes a probe that was written.
type MadeProbe struct {
	File        string   `json:"file"`
	Picture     string   `json:"picture"`
	Size        int      `json:"size_pixels"`
	PixelSizeNM *float64 `json:"pixel_size_nm"` // null: not known
	Residual    *float64 `json:"residual"`      // of the patterns that chose it; null: made from a model
}

func (m MadeProbe) String() string {
	s := fmt.Sprintf("%s: a probe of %d x %d pixels", m.File, m.Size, m.Size)
	if m.PixelSizeNM != nil {
		s += fmt.Sprintf(" of %.4g nm", *m.PixelSizeNM)
	}
	if m.Residual != nil {
		s += fmt.Sprintf(", residual %.4f", *m.Residual)
	}
	return s
}

// MakeProbe makes a probe from a model of the optics or from the patterns of a scan, and writes it with a picture.
func MakeProbe(ctx context.Context, o ProbeOptions, log *slog.Logger) (*MadeProbe, error) {
	model, err := o.Optic.model(o.Values)
	if err != nil {
		return nil, err
	}
	picture := strings.TrimSuffix(o.Out, filepath.Ext(o.Out)) + ".png"
	if picture == o.Out {
		return nil, &badinput.Error{Key: "--out", Found: o.Out, Expected: "a name that ends in .npz"}
	}
	for _, file := range []string{o.Out, picture} {
		if err := destination.File("--out", file); err != nil {
			return nil, err
		}
	}
	result := &MadeProbe{File: o.Out, Picture: picture}
	probe, err := o.probe(ctx, model, result, log)
	if err != nil {
		return nil, err
	}
	result.Size = probe.Shape[0]
	if err := npz.Write(o.Out, []npz.Member{{Key: dataset.KeyProbe, Value: probe}}); err != nil {
		return nil, fmt.Errorf("writing the probe: %w", err)
	}
	if err := render.Probe(picture, probe); err != nil {
		return nil, fmt.Errorf("drawing the probe: %w", err)
	}
	return result, nil
}

// probe makes the probe, and notes its pixel and residual.
func (o ProbeOptions) probe(
	ctx context.Context, model opticModel, result *MadeProbe, log *slog.Logger,
) (*ndarray.Complex64, error) {
	n, geometry := o.N, o.Read.View.Geometry()
	var scan *dataset.Scan
	if o.Scan != "" {
		o.Read.NoProbe, o.Read.NoObject, o.Read.Log = true, true, log
		// A model needs no positions.
		o.Read.NoPositions = model.probe != nil
		var err error
		if scan, err = dataset.Open(o.Scan, o.Read); err != nil {
			return nil, err
		}
		defer scan.Close()
		n, geometry = scan.N, scan.Geometry
	} else if model.probe == nil {
		return nil, &badinput.Error{
			Key: "--data", Found: "nothing", Expected: "the scan whose patterns the probe is to explain",
			Remedy: "name a scan, or a model with --optic",
		}
	}
	if !dataset.HasSize(n) {
		return nil, &badinput.Error{
			Key: "--n", Found: fmt.Sprint(n), Expected: dataset.SizeRule() + ", the side of the patterns",
			Remedy: "give it, or a scan with --data",
		}
	}
	if scan == nil && geometry.PixelX == 0 && geometry.EnergyEV != 0 && geometry.DetectorPixelX != 0 {
		wide := geometry.DetectorPixelX * float64(n)
		geometry.PixelX = source.Wavelength(geometry.EnergyEV) * geometry.DistanceM / wide
	}
	if geometry.PixelX > 0 {
		nm := 1e9 * geometry.PixelX
		result.PixelSizeNM = &nm
	}
	if model.probe == nil {
		probe, residual, err := guessedProbe(ctx, scan, o.Seed, log)
		result.Residual = &residual
		return probe, err
	}
	for _, fact := range []struct {
		value float64
		flags string
	}{
		{geometry.EnergyEV, "--energy-ev"},
		{geometry.PixelX, "--pixel-size-nm, or --distance-m and --detector-pixel-um"},
	} {
		if fact.value == 0 {
			return nil, &badinput.Error{
				File: o.Scan, Key: fact.flags, Found: "nothing", Expected: "what scales a model of the optics",
			}
		}
	}
	return model.probe(o.Values, geometry.Sampling(n))
}
