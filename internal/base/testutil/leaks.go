package testutil

import "go.uber.org/goleak"

// IgnoreBrokers are goleak's options for goroutines that NATS leaves behind.
func IgnoreBrokers() []goleak.Option {
	return []goleak.Option{
		// nats.go 1.55 starts it to store an object. If the object is stored before it runs, it waits for ever.
		goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"),
		// Of a stream that a client asks for while the NATS server closes.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	}
}
