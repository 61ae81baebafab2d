package main

import "ptyx/internal/app/workflow"

type workerCmd struct {
	NATS  string   `name:"nats" required:"" placeholder:"URL" help:"Broker to take tasks from."`
	Model []string `sep:"none" placeholder:"PATH" help:"Local run directory or .onnx file. May be repeated."`
	JSON  bool     `name:"json" help:"Print the broker's address as JSON when the worker is ready."`

	natsFlags   `embed:"" group:"Access"`
	engineFlags `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (workerCmd) Help() string {
	return `A URL is nats://HOST:4222 or tls://HOST:4222; several are separated by commas. From the broker, the
worker fetches models that --model does not name.

A worker also computes shards of ptyx train and ptyx pretrain with --nats, one after the other, each on one core. For
these, start a worker with --threads 1 for each core. It reads the files that a training names.`
}

// Run works until Ctrl-C or SIGTERM.
func (c *workerCmd) Run(app *appContext) error {
	address, err := c.address(c.NATS)
	if err != nil {
		return err
	}
	return workflow.Work(app.Context, workflow.WorkOptions{
		Models: c.Model, Engine: c.options(app.Log), Cluster: address,
		Ready: func(w workflow.WorkerInfo) error { return app.conclude(w, nil, c.JSON) },
	}, app.Log)
}
