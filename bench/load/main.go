// Command load asks servers for patches, as many clients at once, for make bench-serve. It prints one line of JSON for each line of
// standard input, which says what to do:
//
//	requests CLIENTS SECONDS          one pattern a request, each client asks again when it was answered
//	frames CLIENTS SECONDS FRAMES     a scan of ptyx serve, so many frames in a post, new ids in each
//
//	load -url URL/v2/models/net/infer -scan scan.npz   the protocol of ptyx serve
//	load -url URL/infer -scan scan.npz -raw             float32 there, float32 back, nothing else
//	load -url URL/v1/scans -scan scan.npz
//
// It stays alive between two lines, so that the harness can let servers take turns.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"ptyx/internal/scan/dataset"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	url := flags.String("url", "", "what to ask")
	path := flags.String("scan", "", "scan to take patterns from")
	raw := flags.Bool("raw", false, "bodies are float32 and nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	scan, err := dataset.Open(*path, dataset.Options{NoProbe: true, NoObject: true})
	if err != nil {
		return err
	}
	defer scan.Close()
	patterns, err := scan.Load()
	if err != nil {
		return err
	}
	x, y := scan.X, scan.Y
	l := load{url: *url, raw: *raw, patterns: patterns, x: x, y: y, client: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
	}}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		found, err := l.order(lines.Text())
		if err != nil {
			return err
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

// order does what a line says.
func (l load) order(line string) (report, error) {
	var clients, frames int
	var seconds float64
	if _, err := fmt.Sscanf(line, "requests %d %g", &clients, &seconds); err == nil {
		return l.requests(clients, time.Duration(seconds*float64(time.Second)))
	}
	if _, err := fmt.Sscanf(line, "frames %d %g %d", &clients, &seconds, &frames); err == nil {
		return l.frames(clients, time.Duration(seconds*float64(time.Second)), frames)
	}
	return report{}, errors.New("not understood: " + line)
}
