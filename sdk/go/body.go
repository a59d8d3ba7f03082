package unit

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// body is a request's body. Its beginning, mostly all of it, came with the request; the rest is asked
// for window by window. The handler may read in another goroutine than it writes.
type body struct {
	mu      sync.Mutex
	x       *exchange
	part    []byte // what can be read now, in shared memory
	missing uint64 // what the server still has
	seq     uint32 // of the last window
	err     error  // from now on
}

// errLost: the client is gone, or its body cannot be read. What the handler sees is io.ErrUnexpectedEOF,
// as of a connection that breaks.
var errLost = errors.New("the rest of the request's body is lost")

func newBody(x *exchange) *body {
	b := &body{x: x, part: x.inline, missing: x.length - uint64(len(x.inline))}
	b.seq = atomic.LoadUint32(x.port.app.m.word32(x.slot + slotInboxSeq))
	return b
}

func (b *body) Read(out []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return 0, b.err
	case b.x.over():
		// Of the server's memory there is nothing to be read any more.
		b.part, b.err = nil, io.ErrUnexpectedEOF
		return 0, b.err
	case len(out) == 0:
		return 0, nil
	}
	if len(b.part) == 0 && b.missing > 0 {
		part, err := b.x.window(&b.seq, b.missing)
		if err != nil {
			b.err = io.ErrUnexpectedEOF
			return 0, b.err
		}
		b.part = part
		b.missing -= uint64(len(part))
	}
	n := copy(out, b.part)
	b.part = b.part[n:]
	if len(b.part) == 0 && b.missing == 0 {
		b.err = io.EOF
	}
	return n, b.err
}

// Close: what has not been read is not wanted.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.part, b.missing = nil, 0
	if b.err == nil || b.err == io.EOF {
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}

// detach: the handler has returned, the memory will be the server's again. A Read that waits ends.
func (b *body) detach() {
	b.x.bodyClosed.Store(true)
	if !b.mu.TryLock() {
		b.x.port.room.poke()
		b.mu.Lock()
	}
	b.part, b.missing, b.err = nil, 0, http.ErrBodyReadAfterClose
	b.mu.Unlock()
}
