package main

import (
	"fmt"
	"os"
	"time"

	"ptyx/internal/app/workflow"
	"ptyx/internal/base/badinput"
	"ptyx/internal/service/listen"
	"ptyx/internal/service/serve"
)

type serveCmd struct {
	Model  []string `default:"general" sep:"none" placeholder:"[NAME=]PATH" help:"Run, .onnx or general. Repeatable."`
	Listen string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on; port 0: a free port."`

	BatchSize int           `default:"16" help:"Samples per batch of a network, over all requests."`
	BatchWait time.Duration `default:"2ms" help:"Time that a batch waits to fill up; 0: none."`
	Queue     int           `default:"512" help:"Samples that may wait for each model. Further requests are refused."`
	Timeout   time.Duration `default:"30s" help:"Time limit of a request, from its arrival."`
	MaxBody   int64         `default:"64" placeholder:"MIB" help:"Largest body of a request in MiB."`
	Grace     time.Duration `default:"30s" help:"Time to finish accepted requests after SIGTERM or Ctrl-C."`
	JSON      bool          `name:"json" help:"Print the address and the models as JSON when the server is ready."`

	Scans      int    `default:"16" help:"Scans kept at once, for /v1/scans; 0: none."`
	ScanMemory int64  `default:"1024" placeholder:"MIB" help:"Memory of all scans together, in MiB."`
	Store      string `placeholder:"DIR" help:"Directory that keeps the scans, so that a restarted server has them."`

	TokenFile string `placeholder:"FILE" group:"Access" help:"File with the token for clients. Default: $$PTYX_TOKEN."`
	TLSCert   string `name:"tls-cert" placeholder:"PEM" group:"Access" help:"TLS certificate and its chain."`
	TLSKey    string `name:"tls-key" placeholder:"PEM" group:"Access" help:"Key of the TLS certificate."`
	Insecure  bool   `group:"Access" help:"Accept other machines without TLS. Anyone on the network can read the data."`

	serveWorkerFlags `embed:"" group:"Remote workers"`
	engineFlags      `embed:"" group:"Compute"`
}

// serveWorkerFlags have the workers of a broker run the networks.
type serveWorkerFlags struct {
	Workers          string `placeholder:"URL" help:"Broker whose workers run the networks."`
	InFlight         int    `default:"16" help:"Maximum number of batches at the workers at the same time, up to 1000."`
	WorkersTokenFile string `placeholder:"FILE" help:"File with the broker's token. Default: $$PTYX_WORKERS_TOKEN."`
	WorkersTLSCA     string `name:"workers-tls-ca" placeholder:"PEM" help:"Certificate authority of the broker."`
	WorkersCreds     string `placeholder:"FILE" help:"Credentials of a NATS user."`
}

// Help explains what does not fit into a line.
func (serveCmd) Help() string {
	return `The server answers requests of the Open Inference Protocol (KServe v2). At /v1/scans it reconstructs scans
frame by frame. A model without a NAME is named after its file. general is the network inside ptyx for
patterns of 64 pixels, general:N for those of N; clients send the probe with the patterns. An address without a host
listens on this machine alone. A batch waits for further requests only if requests arrive close together.
Without a token, anyone may send requests.

With --workers, the workers of a broker run the networks, and this machine only refines scans. A
URL is nats://HOST:4222 or tls://HOST:4222; several are separated by commas. Two batches in flight for each worker keep
all of them busy.`
}

// Run serves until Ctrl-C or SIGTERM.
func (c *serveCmd) Run(app *appContext) error {
	workers, err := workflow.WorkersAddress(
		c.Workers, c.WorkersTokenFile, os.Getenv("PTYX_WORKERS_TOKEN"), c.WorkersTLSCA, c.WorkersCreds)
	if err != nil {
		return err
	}
	if c.Store == "" && app.given("store") {
		return &badinput.Error{
			Key: "--store", Found: "an empty name", Expected: "a directory", Remedy: "omit the flag to keep no scans",
		}
	}
	token, err := workflow.Token("--token-file", c.TokenFile, os.Getenv("PTYX_TOKEN"))
	if err != nil {
		return err
	}
	body, err := mebibytes("--max-body", c.MaxBody)
	if err != nil {
		return err
	}
	memory, err := mebibytes("--scan-memory", c.ScanMemory)
	if err != nil {
		return err
	}
	return workflow.Serve(app.Context, workflow.ServeOptions{
		Models: c.Model, Engine: c.options(app.Log), Workers: workers, InFlight: c.InFlight,
		Address: listen.Address{Listen: c.Listen, CertFile: c.TLSCert, KeyFile: c.TLSKey, Insecure: c.Insecure},
		Server: serve.Options{
			BatchSize: c.BatchSize, BatchWait: c.BatchWait, Queue: c.Queue, Timeout: c.Timeout, MaxBody: body,
			Token: token,
			Grace: c.Grace, Scans: serve.ScanLimits{Count: c.Scans, Memory: memory}, Store: c.Store,
		},
		Ready: func(s workflow.ServerInfo) error { return app.conclude(s, nil, c.JSON) },
	}, app.Log)
}

// mebibytes converts the value of a flag from MiB to bytes.
func mebibytes(flag string, mib int64) (int64, error) {
	const most = 1 << 20 // a tebibyte
	if mib < 0 || mib > most {
		found, expected := fmt.Sprintf("%d MiB", mib), fmt.Sprintf("0 to %d", most)
		return 0, &badinput.Error{Key: flag, Found: found, Expected: expected}
	}
	return mib << 20, nil
}
