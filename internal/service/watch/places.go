package watch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
	"ptyx/internal/service/zeromq"
)

// placeStream receives positions as messages of JSON over ZeroMQ.
type placeStream struct {
	address string
	unit    string // that the user states; empty: that of the messages
	log     *slog.Logger
	news    func()

	mu      sync.Mutex
	room    *sync.Cond
	come    []places
	closed  bool
	damaged int
}

// places is one message: some positions. Each of the lists may be a single number.
type places struct {
	IDs  list[int64]   `json:"ids"`
	ID   list[int64]   `json:"id"`
	X    list[float64] `json:"x"`
	Y    list[float64] `json:"y"`
	Unit string        `json:"unit"` // px, m, mm, um or nm; empty: px
}

// placeKeys are the keys of places.
var placeKeys = []string{"ids", "id", "x", "y", "unit"}

// list is a list of JSON, or one number.
type list[T any] []T

// UnmarshalJSON reads a list or a number. A null is neither.
func (l *list[T]) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	var values []*T
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	*l = make([]T, len(values))
	for i, v := range values {
		if v == nil {
			return errors.New("null in place of a number")
		}
		(*l)[i] = *v
	}
	return nil
}

// parsePlaces reads a message. unit is the one that the user states.
func parsePlaces(raw []byte, unit string) (p places, err error) {
	fault := func(found string, cause error) error {
		return &badinput.Error{Found: found, Expected: `JSON such as {"ids": [0, 1], "x": [1.5, 2], "y": [0, 0], ` +
			`"unit": "um"}`, Cause: cause}
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fault("a message that is no list of positions", err)
	}
	if key := misspelt(raw); key != "" {
		return p, fault(fmt.Sprintf("the key %q", key), nil)
	}
	if p.IDs == nil {
		p.IDs = p.ID
	}
	if p.IDs == nil {
		return p, fault("a message without ids", nil)
	}
	if len(p.IDs) != len(p.X) || len(p.IDs) != len(p.Y) {
		return p, fault(fmt.Sprintf("%d ids, %d x, %d y", len(p.IDs), len(p.X), len(p.Y)), nil)
	}
	if unit != "" {
		p.Unit = unit
	}
	if _, known := source.Metres(p.Unit); !known && p.Unit != "" && p.Unit != "px" {
		return p, fault(fmt.Sprintf("the unit %q", p.Unit), nil)
	}
	for i, id := range p.IDs {
		if err := checkPosition(id, p.X[i], p.Y[i], p.Unit); err != nil {
			return p, err
		}
	}
	return p, nil
}

// misspelt is the first key of a message that is nearly one of placeKeys; empty if there is none. Other keys, such as a
// time, are ignored.
func misspelt(raw []byte) string {
	var keys map[string]json.RawMessage
	if json.Unmarshal(raw, &keys) != nil {
		return ""
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		lower := strings.ToLower(key)
		if !slices.Contains(placeKeys, lower) && strings.Contains(lower, "unit") {
			return key
		}
	}
	return ""
}

// run receives until ctx is done.
func (s *placeStream) run(ctx context.Context) {
	zeromq.Follow(ctx, s.address, func() func([][]byte) { return s.receive }, s.log)
}

// mostPlaces is how many messages wait to be taken in; then the sender waits.
const mostPlaces = 1 << 12

// receive takes in one message, each part of which has positions.
func (s *placeStream) receive(parts [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, part := range parts {
		p, err := parsePlaces(part, s.unit)
		if err != nil {
			s.skip(err)
			continue
		}
		for len(s.come) >= mostPlaces && !s.closed {
			s.room.Wait()
		}
		s.come = append(s.come, p)
	}
	s.news()
}

// skip counts a message that is not used, and logs the first. The caller holds the lock.
func (s *placeStream) skip(why error) {
	if s.damaged++; s.damaged == 1 {
		s.log.Warn("a message of positions is skipped; further ones are only counted",
			"address", s.address, "error", why)
	}
}

// skipped is the number of messages that were not used.
func (s *placeStream) skipped() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damaged
}

// takeInto moves what has come to the positions.
func (s *placeStream) takeInto(p *positions) {
	s.mu.Lock()
	come := s.come
	s.come = nil
	s.room.Broadcast()
	s.mu.Unlock()
	for _, one := range come {
		if _, metres := source.Metres(one.Unit); p.byID.count > 0 && metres != p.metres {
			s.mu.Lock()
			s.skip(&badinput.Error{
				Key: "unit", Found: fmt.Sprintf("%q, after positions in another kind of unit", cmp.Or(one.Unit, "px")),
				Expected: "pixels in all messages, or lengths in all",
			})
			s.mu.Unlock()
			continue
		}
		p.add(one.IDs, one.X, one.Y, one.Unit)
	}
}

func (s *placeStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.room.Broadcast()
}
