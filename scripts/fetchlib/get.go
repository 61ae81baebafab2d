package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// errNoTool is the error for a source whose program is missing.
var errNoTool = errors.New("is not installed")

// get downloads the file into dir with the program of its source.
func (d download) get(ctx context.Context, dir string) (path string, err error) {
	command, err := d.command(ctx, dir)
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	command.Dir, command.Stdout, command.Stderr = dir, &output, &output
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("cannot download %s: %s", d.file, fault(output.String(), err))
	}
	path = filepath.Join(dir, d.file)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("did not download %s", d.file)
	}
	return path, nil
}

// command is the call of the program. It requests the wheel for a given Python, whatever Python is installed.
func (d download) command(ctx context.Context, dir string) (*exec.Cmd, error) {
	name, version := d.packageName()
	switch d.source {
	case "pip":
		args := []string{
			"download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", dir,
			"--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--platform", d.tag,
			name + "==" + version,
		}
		for _, pip := range [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}, {"python", "-m", "pip"}} {
			call := append(pip[1:len(pip):len(pip)], "--version")
			if exec.CommandContext(ctx, pip[0], call...).Run() == nil {
				return exec.CommandContext(ctx, pip[0], append(pip[1:len(pip):len(pip)], args...)...), nil
			}
		}
	case "npm":
		if _, err := exec.LookPath("npm"); err == nil {
			return exec.CommandContext(ctx, "npm", "pack", "--loglevel=error", "--pack-destination", dir,
				name+"@"+version), nil
		}
	}
	return nil, errNoTool
}

// fault is the line of a program's output that names the cause: npm's code, or the last line, which is pip's. Without
// output it is the program's exit status.
func fault(output string, err error) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "npm error code") {
			return strings.TrimSpace(line)
		}
	}
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}

// verify compares the file's checksum with the pinned one.
func (d download) verify(path string) error {
	sum, err := fileSum(path)
	if err != nil {
		return err
	}
	if sum != d.sha256 {
		return fmt.Errorf("downloaded %s with sha256 %s, expected %s: it is not the pinned file", d.file, sum, d.sha256)
	}
	return nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// extract copies a library from the file.
func (d download) extract(path, member string, to io.Writer) error {
	copyMember := extractZip
	if d.source == "npm" {
		copyMember = extractTar
	}
	if err := copyMember(path, member, to); err != nil {
		return fmt.Errorf("extracting %s from %s: %w", member, d.file, err)
	}
	return nil
}

func extractZip(path, member string, to io.Writer) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer z.Close()
	m, err := z.Open(member)
	if err != nil {
		return err
	}
	defer m.Close()
	_, err = io.Copy(to, m)
	return err
}

func extractTar(path, member string, to io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	for {
		header, err := t.Next()
		if err == io.EOF {
			return os.ErrNotExist
		}
		if err != nil {
			return err
		}
		if header.Name == member {
			_, err = io.Copy(to, t)
			return err
		}
	}
}
