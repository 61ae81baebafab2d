package main

import (
	"os"

	"ptyx/internal/app/workflow"
	"ptyx/internal/service/cluster"
)

// natsFlags say how a broker is talked to. They are no settings of an object, which does not depend on them, and a URL may hold a password.
type natsFlags struct {
	TokenFile string `settings:"-" aliases:"token_file" placeholder:"FILE" help:"File with the token that the broker asks for. Without it, the environment variable PTYX_TOKEN; with neither, none."`
	TLSCA     string `settings:"-" name:"tls-ca" aliases:"tls_ca" placeholder:"PEM" help:"Certificate that has signed the broker's, where the system does not know it."`
	Creds     string `settings:"-" placeholder:"FILE" help:"Credentials of a NATS user, where the broker wants them."`
}

// address reads the token.
func (f natsFlags) address(url string) (cluster.Address, error) {
	token, err := workflow.Token("--token-file", f.TokenFile, os.Getenv("PTYX_TOKEN"))
	return cluster.Address{URL: url, Token: token, CA: f.TLSCA, Creds: f.Creds}, err
}

type workerCmd struct {
	NATS  string   `name:"nats" required:"" placeholder:"URL" complete:"-" help:"Broker to take batches from: nats://HOST:4222 or tls://HOST:4222, several with commas."`
	Model []string `sep:"none" placeholder:"PATH" help:"Model that is here, .onnx file or run directory; several times for several. Others come from the broker."`
	JSON  bool     `name:"json" help:"Print where tasks are waited for as JSON, once they are."`

	natsFlags   `embed:"" group:"Who may take part"`
	engineFlags `embed:"" group:"What computes"`
}

// Run works until Ctrl-C or SIGTERM, and then ends well.
func (c *workerCmd) Run(app *appContext) error {
	address, err := c.address(c.NATS)
	if err != nil {
		return err
	}
	return workflow.Work(app.Context, workflow.WorkOptions{
		Models: c.Model, Engine: c.options(), Cluster: address, Ready: func(w workflow.Waiting) error { return app.conclude(w, c.JSON) },
	}, app.Log)
}
