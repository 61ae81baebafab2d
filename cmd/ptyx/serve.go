package main

import (
	"fmt"
	"os"
	"time"

	"ptyx/internal/app/workflow"
	"ptyx/internal/base/badinput"
	"ptyx/internal/service/serve"
)

type serveCmd struct {
	Model     []string      `required:"" sep:"none" placeholder:"[NAME=]PATH" help:"Model to serve: .onnx file or run directory; several times for several models. Without a name it is that of the file."`
	Listen    string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" complete:"-" help:"Where to listen; without a host, on this machine alone. Port 0: any that is free."`
	BatchSize int           `aliases:"batch_size" default:"16" help:"Samples handed to a network at once, of all requests together."`
	BatchWait time.Duration `aliases:"batch_wait" default:"2ms" help:"How long the first of a batch waits for others, where others have come before; 0: not at all."`
	Queue     int           `default:"512" help:"Samples that may wait before each model; requests beyond them are refused."`
	Timeout   time.Duration `default:"30s" help:"For a request, from its arrival."`
	MaxBody   int64         `aliases:"max_body" default:"64" placeholder:"MIB" help:"Largest body of a request in MiB."`
	Grace     time.Duration `default:"30s" help:"How long what was accepted may take to finish after SIGTERM or Ctrl-C."`
	JSON      bool          `name:"json" help:"Print what is served and where as JSON, once it is."`

	Scans      int    `default:"16" help:"Scans kept at the same time, for /v1/scans; 0: none."`
	ScanMemory int64  `aliases:"scan_memory" default:"1024" placeholder:"MIB" help:"Memory that scans may hold together, in MiB."`
	Store      string `placeholder:"DIR" complete:"directory" help:"Keep scans on disk, too, so that this server, when it is started again after whatever end, goes on with them."`

	TokenFile string `aliases:"token_file" placeholder:"FILE" group:"Who may ask" help:"File with the token that requests have to bear. Without it, the environment variable PTYX_TOKEN; with neither, none."`
	TLSCert   string `name:"tls-cert" aliases:"tls_cert" placeholder:"PEM" group:"Who may ask" help:"Certificate, with those of its chain."`
	TLSKey    string `name:"tls-key" aliases:"tls_key" placeholder:"PEM" group:"Who may ask" help:"Key of the certificate."`
	Insecure  bool   `group:"Who may ask" help:"Listen beyond this machine without TLS: anybody on the network can read along."`

	Workers          string `placeholder:"URL" complete:"-" group:"Workers elsewhere" help:"Have the workers of a broker run the networks, ptyx worker: nats://HOST:4222 or tls://HOST:4222, several with commas. What computes here is then said for scans that are refined."`
	InFlight         int    `aliases:"in_flight" default:"16" group:"Workers elsewhere" help:"Batches that are with the workers at once, at most; two for each worker keep all at work."`
	WorkersTokenFile string `aliases:"workers_token_file" placeholder:"FILE" group:"Workers elsewhere" help:"File with the token that the broker asks for. Without it, the environment variable PTYX_WORKERS_TOKEN; with neither, none."`
	WorkersTLSCA     string `name:"workers-tls-ca" aliases:"workers_tls_ca" placeholder:"PEM" group:"Workers elsewhere" help:"Certificate that has signed the broker's, where the system does not know it."`
	WorkersCreds     string `aliases:"workers_creds" placeholder:"FILE" group:"Workers elsewhere" help:"Credentials of a NATS user, where the broker wants them."`

	engineFlags `embed:"" group:"What computes"`
}

// Run serves until Ctrl-C or SIGTERM, and then ends well.
func (c *serveCmd) Run(app *appContext) error {
	workers, err := workflow.WorkersAddress(c.Workers, c.WorkersTokenFile, os.Getenv("PTYX_WORKERS_TOKEN"), c.WorkersTLSCA, c.WorkersCreds)
	if err != nil {
		return err
	}
	if c.Store == "" && app.Given["store"] {
		return &badinput.Error{Key: "--store", Found: "an empty name", Expected: "a directory", Remedy: "leave the flag out where scans are not kept"}
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
		Models: c.Model, Engine: c.options(), Workers: workers, InFlight: c.InFlight, TokenFile: c.TokenFile, Token: os.Getenv("PTYX_TOKEN"),
		Address: serve.Address{Listen: c.Listen, CertFile: c.TLSCert, KeyFile: c.TLSKey, Insecure: c.Insecure, Grace: c.Grace},
		Server: serve.Options{BatchSize: c.BatchSize, BatchWait: c.BatchWait, Queue: c.Queue, Timeout: c.Timeout, MaxBody: body,
			Scans: serve.ScanLimits{Count: c.Scans, Memory: memory}, Store: c.Store},
		Ready: func(s workflow.Serving) error { return app.conclude(s, c.JSON) },
	}, app.Log)
}

// mebibytes are bytes, of which a number must hold.
func mebibytes(flag string, mib int64) (int64, error) {
	const most = 1 << 20 // a tebibyte
	if mib < 0 || mib > most {
		return 0, &badinput.Error{Key: flag, Found: fmt.Sprintf("%d MiB", mib), Expected: fmt.Sprintf("0 to %d", most)}
	}
	return mib << 20, nil
}
