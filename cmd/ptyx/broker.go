package main

import (
	"os"

	"ptyx/internal/app/workflow"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/listen"
)

type brokerCmd struct {
	Store    string `required:"" placeholder:"DIR" help:"Directory of the tasks, results and models."`
	Listen   string `default:"127.0.0.1:4222" placeholder:"HOST:PORT" help:"Address to listen on; port 0: a free port."`
	MaxStore int64  `default:"0" placeholder:"MIB" help:"Largest size of the store in MiB; 0: 3/4 of the free disk."`
	JSON     bool   `name:"json" help:"Print the broker's address as JSON when it is ready."`

	TokenFile string `placeholder:"FILE" group:"Access" help:"File with the token for clients. Default: $$PTYX_TOKEN."`
	TLSCert   string `name:"tls-cert" placeholder:"PEM" group:"Access" help:"TLS certificate and its chain."`
	TLSKey    string `name:"tls-key" placeholder:"PEM" group:"Access" help:"Key of the TLS certificate."`
	Insecure  bool   `group:"Access" help:"Accept other machines without TLS or token. Anyone on the network can join."`
}

// Help explains what does not fit into a line.
func (brokerCmd) Help() string {
	return `The store survives a restart: another broker can continue with it. An address without a host listens on this
machine alone.`
}

// Run passes batches on until Ctrl-C or SIGTERM.
func (c *brokerCmd) Run(app *appContext) error {
	token, err := workflow.Token("--token-file", c.TokenFile, os.Getenv("PTYX_TOKEN"))
	if err != nil {
		return err
	}
	const mebi = 1 << 20
	return workflow.RunBroker(app.Context, cluster.BrokerOptions{
		Address: listen.Address{Listen: c.Listen, CertFile: c.TLSCert, KeyFile: c.TLSKey, Insecure: c.Insecure},
		Store:   c.Store, Token: token, MaxStore: c.MaxStore * mebi,
	}, func(b workflow.BrokerInfo) error { return app.conclude(b, nil, c.JSON) }, app.Log)
}
