package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"time"
)

// ready is the first line of output.
type ready struct {
	BuildSeconds float64 `json:"build_seconds"` // from nothing to a session that can run
	Patterns     int     `json:"patterns"`      // in a step
}

// serve announces that step can be run, and runs it as asked.
func serve(r ready, step func() (time.Duration, error)) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(r); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		seconds := make([]float64, count)
		for i := range seconds {
			taken, err := step()
			if err != nil {
				return err
			}
			seconds[i] = taken.Seconds()
		}
		if err := out.Encode(map[string][]float64{"seconds": seconds}); err != nil {
			return err
		}
	}
	return lines.Err()
}
