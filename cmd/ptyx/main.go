// Command ptyx trains, runs and inspects neural ptychography models. Each command is one file here that declares its
// flags and calls the package that does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/workflow"
)

// Exit statuses, listed in --help.
const (
	exitOK          = 0
	exitFailure     = 1   // bad input, or something went wrong; one sentence on standard error
	exitInterrupted = 130 // Ctrl-C; what was finished is saved
)

const description = `Neural ptychography: train on diffraction patterns, export ONNX, infer, see the object.

Exit status: 0 done; 1 bad input or failure, told in one sentence; 130 interrupted: train saves its model so far, the others leave nothing half-written.`

// cli is the list of commands.
type cli struct {
	Train    trainCmd    `cmd:"" help:"Train a network on a scan and export it as ONNX."`
	Infer    inferCmd    `cmd:"" help:"Reconstruct the object of a scan with a trained model."`
	Watch    watchCmd    `cmd:"" help:"Follow a scan while it is measured, and keep its object up to date."`
	Serve    serveCmd    `cmd:"" help:"Answer over HTTP with trained models: requests of the Open Inference Protocol (KServe v2), scans frame by frame."`
	Worker   workerCmd   `cmd:"" help:"Run the network for others: take batches of a scan from a broker, and give back what becomes of them."`
	Broker   brokerCmd   `cmd:"" help:"Pass batches on between ptyx infer --nats and the workers: a NATS server with JetStream."`
	Solve    solveCmd    `cmd:"" help:"Find object and probe of a scan by iteration, without a network."`
	Refine   refineCmd   `cmd:"" help:"Improve a reconstruction by iteration."`
	Simulate simulateCmd `cmd:"" help:"Make a scan with known truth."`
	Eval     evalCmd     `cmd:"" help:"Compare a reconstruction with a reference."`
	Report   reportCmd   `cmd:"" help:"Write a page about a run: curves, object, probe, patterns beside predictions, settings."`
	Validate validateCmd `cmd:"" help:"Look for what is wrong with a scan before training, with the fix for each finding."`
	Convert  convertCmd  `cmd:"" help:"Turn scans and results into files of other programs, and theirs into scans: CXI, HDF5, ptychodus, TIFF, PNG."`
	Export   exportCmd   `cmd:"" help:"Write a variant of a model for consumers with needs: opset, fixed batch, half precision, fewer nodes."`
	Inspect  inspectCmd  `cmd:"" help:"Show what a model file holds."`
	Doctor   doctorCmd   `cmd:"" help:"Check ONNX Runtime and the machine."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	Completion completionCmd `cmd:"" help:"Print a script with which bash, zsh or fish completes commands, flags, their values and files."`

	Verbose bool `short:"v" help:"Log details."`
	Quiet   bool `short:"q" help:"Say nothing but warnings and errors: the exit status tells. What was asked for, such as --json, is printed."`
}

// appContext is what a command gets from the process.
type appContext struct {
	Context context.Context // done on Ctrl-C
	Stdout  io.Writer
	Stderr  io.Writer
	Log     *slog.Logger
	Quiet   bool            // nothing is to be said that was not asked for
	Given   map[string]bool // names of the flags that were on the command line
	Command *kong.Node      // with what its flags were told
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once, whatever it is at
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program, and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := newParser(&c, kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(stderr, "ptyx:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(joinNegatives(args))
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		err = usage(err)
	} else {
		err = parsed.Run(&appContext{Context: ctx, Stdout: stdout, Stderr: stderr, Log: newLog(stderr, c.Verbose, c.Quiet), Quiet: c.Quiet, Given: given(parsed), Command: parsed.Selected()})
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "ptyx:", interruption(err))
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "ptyx:", err)
	return exitFailure
}

// newParser is how ptyx reads a command line into c.
func newParser(c *cli, more ...kong.Option) (*kong.Kong, error) {
	options := []kong.Option{kong.Name("ptyx"), kong.Description(description), kong.ConfigureHelp(kong.HelpOptions{Compact: true})}
	return kong.New(c, append(options, more...)...)
}

// interruption is what to say of an interrupted command: what it saved, if it did.
func interruption(err error) string {
	if saved := (workflow.Interrupted{}); errors.As(err, &saved) {
		return saved.Error()
	}
	return "interrupted"
}

// newLog writes log lines without a clock, so that two runs print the same.
func newLog(w io.Writer, verbose, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	switch {
	case quiet:
		level = slog.LevelWarn
	case verbose:
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
