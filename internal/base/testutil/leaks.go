package testutil

import "go.uber.org/goleak"

// OfBrokers are goroutines that NATS leaves behind, where tests look for those of their own.
func OfBrokers() []goleak.Option {
	return []goleak.Option{
		// nats.go 1.55 starts this one for an object that is stored; where the object is stored before it runs, it
		// waits for a channel that is gone.
		goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"),
		// Of a stream that is asked for while the NATS server closes, which its process does not outlive.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	}
}
