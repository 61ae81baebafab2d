package main

import (
	"os"

	"ptyx/internal/app/workflow"
	"ptyx/internal/service/cluster"
)

type brokerCmd struct {
	Store    string `required:"" placeholder:"DIR" complete:"directory" help:"Where tasks, outcomes and models lie; another broker may go on with it."`
	Listen   string `default:"127.0.0.1:4222" placeholder:"HOST:PORT" complete:"-" help:"Where to listen; without a host, on this machine alone. Port 0: any that is free."`
	MaxStore int64  `aliases:"max_store" default:"0" placeholder:"MIB" help:"Most that is kept on disk, in MiB; 0: three quarters of what is free."`
	JSON     bool   `name:"json" help:"Print where the broker is as JSON, once it is."`

	TokenFile string `aliases:"token_file" placeholder:"FILE" group:"Who may take part" help:"File with the token that all have to bear. Without it, the environment variable PTYX_TOKEN; with neither, none."`
	TLSCert   string `name:"tls-cert" aliases:"tls_cert" placeholder:"PEM" group:"Who may take part" help:"Certificate, with those of its chain."`
	TLSKey    string `name:"tls-key" aliases:"tls_key" placeholder:"PEM" group:"Who may take part" help:"Key of the certificate."`
	Insecure  bool   `group:"Who may take part" help:"Listen beyond this machine without TLS or token: anybody on the network can read along and take part."`
}

// Run passes work on until Ctrl-C or SIGTERM, and then ends well.
func (c *brokerCmd) Run(app *appContext) error {
	token, err := workflow.Token("--token-file", c.TokenFile, os.Getenv("PTYX_TOKEN"))
	if err != nil {
		return err
	}
	const mebi = 1 << 20
	return workflow.Broke(app.Context, cluster.BrokerOptions{
		Store: c.Store, Listen: c.Listen, Token: token, CertFile: c.TLSCert, KeyFile: c.TLSKey, Insecure: c.Insecure, MaxStore: c.MaxStore * mebi,
	}, func(b workflow.Brokering) error { return app.conclude(b, c.JSON) }, app.Log)
}
