package workflow

import (
	"path/filepath"
	"slices"
	"strings"
)

// relocate names the files of a configuration as seen from the working directory. Their relative names, and recorded,
// that of the run directory, are as seen from where the training started; dir is the run directory as seen from here.
// If the run directory has moved, nothing says where the training started, and the names stay.
func (o *TrainOptions) relocate(recorded, dir string) error {
	here, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	run, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	start, inside := strings.CutSuffix(run, string(filepath.Separator)+filepath.Clean(recorded))
	if !inside || filepath.IsAbs(recorded) || start == here {
		return nil
	}
	from, err := filepath.Rel(here, start)
	if err != nil {
		return err
	}
	rename := func(name string) string {
		if name == "" || name[0] == ':' || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(from, name)
	}
	o.rename(rename)
	return nil
}

// rename gives all files of a configuration other names. rename keeps an empty name, and :PATH, which is in the scan's
// own file.
func (o *TrainOptions) rename(rename func(name string) string) {
	for _, paths := range []*Paths{&o.TrainFiles, &o.TestFiles, &o.ProbeFiles} {
		*paths = slices.Clone(*paths)
		for i, name := range *paths {
			(*paths)[i] = rename(name)
		}
	}
	o.View.Relocate(rename)
}
