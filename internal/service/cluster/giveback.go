package cluster

import (
	"context"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of a task that a worker has given back.
const (
	triesHeader = "Ptyx-Tries" // deliveries that ended in a try
	idHeader    = "Ptyx-Id"    // message id with which the job sent the task
)

// setDelivery reads from its message how often a task was delivered.
func (d *delivery) setDelivery() {
	headers := d.msg.Headers()
	d.number, d.id = 1, headers.Get(nats.MsgIdHdr)
	m, err := d.msg.Metadata()
	if err != nil {
		return
	}
	d.number, d.sequence = int(m.NumDelivered), m.Sequence.Stream
	if tries := headers.Get(triesHeader); tries != "" {
		earlier, _ := strconv.Atoi(tries) // 0 if it is malformed
		d.id, d.givenBack = headers.Get(idHeader), true
		d.number += max(0, earlier)
	}
}

// giveBack lets another worker take a task that was not tried here. The broker counts every delivery, also those that
// are given back, and restarted workers would use up a task's tries. So this replaces the task by a copy with the count
// of before. If that fails, the broker delivers the task again, and counts this delivery.
func (w *worker) giveBack(d *delivery) {
	w.held.release(d.msg, func() error {
		if w.connection.ready() != nil || w.replaceTask(d) != nil {
			return d.msg.Nak()
		}
		return d.msg.Ack()
	})
}

// replaceTask fails if the broker's task is no longer this one: a job that is done or cancelled has removed it, and it
// must not come back.
func (w *worker) replaceTask(d *delivery) error {
	// The worker's own context is done.
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Timing.Request)
	defer cancel()
	msg := nats.NewMsg(d.msg.Subject())
	msg.Data = d.msg.Data()
	msg.Header.Set(triesHeader, strconv.Itoa(d.number-1))
	// A copy with the same message id would be dropped as a duplicate, so the id moves to a header of its own.
	msg.Header.Set(idHeader, d.id)
	_, err := w.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(d.sequence))
	return err
}
