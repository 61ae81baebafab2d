package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// profile is the timing file of a session. ONNX Runtime adds the time of day to the file's name. So it writes into a
// temporary folder, and keep renames the file.
type profile struct{ dir, path string }

// newProfile switches profiling on.
func newProfile(path string, options *ort.SessionOptions) (*profile, error) {
	target := path
	if n := countProfile(path); n > 1 {
		ext := filepath.Ext(path)
		target = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), n, ext)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".profile-*")
	if err != nil {
		return nil, fmt.Errorf("preparing the profile %s: %w", target, err)
	}
	p := &profile{dir: dir, path: target}
	if err := options.EnableProfiling(filepath.Join(dir, "p")); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the profile %s: %w", target, err), p.discard())
	}
	return p, nil
}

// countProfile counts the sessions of the process that have a profile of this name. The count outlives environments:
// each model of a server has its own, and a worker opens and closes models in turn.
func countProfile(path string) int {
	process.Lock()
	defer process.Unlock()
	if process.profiles == nil {
		process.profiles = map[string]int{}
	}
	process.profiles[path]++
	return process.profiles[path]
}

// keep moves the finished profile to its path, after the session has ended.
func (p *profile) keep() error {
	if p == nil {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "p*"))
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("%d files instead of one", len(files))
	}
	if err == nil {
		err = os.Rename(files[0], p.path)
	}
	if err = errors.Join(err, p.discard()); err != nil {
		return fmt.Errorf("writing the profile %s: %w", p.path, err)
	}
	return nil
}

// discard removes the folder.
func (p *profile) discard() error {
	if p == nil {
		return nil
	}
	return os.RemoveAll(p.dir)
}
