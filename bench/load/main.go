// Command load sends requests to a server from many clients at once, for make bench-serve. It answers each line of
// standard input with a line of JSON:
//
//	requests CLIENTS SECONDS          one pattern a request; each client sends the next when it has its answer
//	frames CLIENTS SECONDS FRAMES     a scan of ptyx serve, FRAMES frames in a post, with new ids
//
//	load -url URL/v2/models/net/infer -scan scan.npz   the protocol of ptyx serve
//	load -url URL/infer -scan scan.npz -raw             float32 in both directions, nothing else
//	load -url URL/v1/scans -scan scan.npz
//
// It runs until its input ends, so that the harness can let servers take turns.
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
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	url := flags.String("url", "", "address to send to")
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
	l := load{url: *url, raw: *raw, patterns: patterns, x: scan.X, y: scan.Y, client: &http.Client{
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

// order carries out a line of input.
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
