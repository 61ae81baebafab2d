// Command ptyx trains, runs and inspects neural ptychography models. Each command is one row of the struct cli and one
// file, which declares its flags and calls the package that does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/workflow"
)

// Exit statuses, listed in --help.
const (
	exitOK          = 0
	exitFailure     = 1   // bad input or a failure; one sentence on standard error
	exitInterrupted = 130 // Ctrl-C; finished work is saved
)

const description = `Neural ptychography: train on diffraction patterns, export ONNX, infer, see the object.

Exit status: 0 success; 1 bad input or failure, explained in one sentence; 130 interrupted by Ctrl-C. An interrupted
training saves its model, an interrupted solver its object. The other commands leave no partial files.`

// cli is the list of commands.
type cli struct {
	Train    trainCmd    `cmd:"" help:"Train a network on scans and export it as ONNX."`
	Infer    inferCmd    `cmd:"" help:"Reconstruct the object of a scan with a trained network."`
	Watch    watchCmd    `cmd:"" help:"Reconstruct a scan while it is measured."`
	Serve    serveCmd    `cmd:"" help:"Serve trained networks over HTTP (Open Inference Protocol)."`
	Worker   workerCmd   `cmd:"" help:"Compute tasks of a broker: batches, trainings and tiles of the solver."`
	Broker   brokerCmd   `cmd:"" help:"Pass work between ptyx infer, serve, solve or a training and workers (NATS)."`
	Solve    solveCmd    `cmd:"" help:"Find the object and probe of a scan by iteration."`
	Refine   refineCmd   `cmd:"" help:"Improve a reconstruction by iteration."`
	Probe    probeCmd    `cmd:"" help:"Make a probe from the patterns of a scan or from a model of the optics."`
	Pretrain pretrainCmd `cmd:"" help:"Train a general network on simulated experiments of every kind."`
	Simulate simulateCmd `cmd:"" help:"Simulate a scan of a known object."`
	Eval     evalCmd     `cmd:"" help:"Compare a reconstruction with a reference."`
	Report   reportCmd   `cmd:"" help:"Write an HTML report about a training or a reconstruction."`
	Validate validateCmd `cmd:"" help:"Check a scan for faults before solving or training."`
	Convert  convertCmd  `cmd:"" help:"Convert scans and results to and from CXI, HDF5, ptychodus, TIFF and PNG."`
	Export   exportCmd   `cmd:"" help:"Write a variant of a model: opset, batch size, half precision, fewer nodes."`
	Inspect  inspectCmd  `cmd:"" help:"Describe a model, or the arrays of a scan and the flags that read them."`
	Doctor   doctorCmd   `cmd:"" help:"Check ONNX Runtime and this machine by running networks."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	Completion completionCmd `cmd:"" help:"Print the completion script of a shell."`
	Complete   completeCmd   `cmd:"" hidden:"" help:"List completions for that script."`

	Verbose bool `short:"v" help:"Log details."`
	Quiet   bool `short:"q" help:"Print only warnings, errors and requested output such as that of --json."`
}

// appContext is what a command gets from the process.
type appContext struct {
	Context context.Context // done on Ctrl-C
	Stdout  io.Writer
	Stderr  io.Writer
	Log     *slog.Logger
	Quiet   bool          // print only what was requested
	Parsed  *kong.Context // the command line
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program, and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &observed{Writer: stdout}
	err := execute(ctx, args, out, stderr)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "ptyx:", interruption(err))
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "ptyx:", err)
	if slices.Contains(args, "--json") && !out.used {
		_ = writeJSON(out, failureOf(err)) // the exit status reports the failure in any case
	}
	return exitFailure
}

// execute parses the command line and runs its command.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	helped := false
	parser, err := newParser(&c, kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(joinNegatives(args))
	if helped {
		return nil
	}
	if err != nil {
		return usage(err)
	}
	log := newLog(stderr, c.Verbose, c.Quiet)
	return parsed.Run(&appContext{ctx, stdout, stderr, log, c.Quiet, parsed})
}

// newParser makes the parser that reads a command line into c.
func newParser(c *cli, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append([]kong.Option{
		kong.Name("ptyx"), kong.Description(description), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(helpWithDefault), kong.PostBuild(addUnderscores),
	}, more...)...)
}

// helpWithDefault adds to a flag's help the default that its placeholder hides.
func helpWithDefault(v *kong.Value) string {
	if v.Flag == nil || v.Flag.PlaceHolder == "" || !v.HasDefault {
		return v.Help
	}
	return v.Help + " Default: " + v.Default + "."
}

// addUnderscores makes every flag of several words understood with underscores too, as PtychoPINN's scripts write them.
func addUnderscores(k *kong.Kong) error {
	for _, command := range k.Model.Leaves(false) {
		for _, f := range command.Flags {
			if alias := strings.ReplaceAll(f.Name, "-", "_"); alias != f.Name {
				f.Aliases = append(f.Aliases, alias)
			}
		}
	}
	return nil
}

// interruption describes what an interrupted command saved, if anything.
func interruption(err error) string {
	if saved := (workflow.Interrupted{}); errors.As(err, &saved) {
		return saved.Error()
	}
	return "interrupted"
}

// newLog writes log lines without a time, so that two runs print the same.
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
