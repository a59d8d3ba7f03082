package unit

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// exchange is one request at the server's side: its slot, and the entries that concern it. Made when
// the request is taken; after finish() the slot belongs to the server again.
type exchange struct {
	port    *port
	ticket  uint64
	slot    uint64 // where it lies
	id      uint64
	engine  uint32
	takenAt uint64 // CLOCK_MONOTONIC, goes along with every entry

	message string // as the encoder wrote it
	inline  []byte // the body behind it, in shared memory
	length  uint64 // of the whole body

	finished   atomic.Bool
	bodyClosed atomic.Bool // nobody reads it any more

	// Of the room, under its mutex.
	next, prev *exchange
	since      uint64
	cancel     context.CancelFunc
}

// nanotime is CLOCK_MONOTONIC, the clock of the server's engines.
func nanotime() uint64 { return clockBase + uint64(time.Since(clockStart)) }

var clockStart, clockBase = readClock()

func readClock() (time.Time, uint64) {
	const clockMonotonic = 1
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return time.Now(), uint64(now.Nano())
}

var errOutside = errors.New("a request lies outside of the memory of requests")

// begin looks at the slot of a ticket just taken. Everything is copied out and checked: other workers
// can write there. The exchange can be finished even if there is an error, unless it is nil.
func begin(p *port, ticket uint64) (*exchange, error) {
	m, slot := p.app.m, p.app.slot(ticketSlot(ticket))
	x := &exchange{port: p, ticket: ticket, slot: slot, takenAt: nanotime()}
	x.engine = atomic.LoadUint32(m.word32(slot + slotEngine))
	if x.engine >= maxEngines {
		return nil, fmt.Errorf("a request comes from engine %d, which cannot be", x.engine)
	}
	x.id = atomic.LoadUint64(m.word64(slot + slotExchange))
	x.length = atomic.LoadUint64(m.word64(slot + slotContentLength))
	messageSize := uint64(atomic.LoadUint32(m.word32(slot + slotMessageSize)))
	bodySize := uint64(atomic.LoadUint32(m.word32(slot + slotBodySize)))
	all := p.app.bytes(atomic.LoadUint32(m.word32(slot+slotUnit)), messageSize+bodySize)
	if all == nil || bodySize > x.length || x.length > 1<<62 {
		return x, errOutside
	}
	x.message = string(all[:messageSize])
	x.inline = all[messageSize:]
	return x, nil
}

// isCancelled: nobody waits for the answer.
func (x *exchange) isCancelled() bool { return x.endedBy(endCancelled) }

// isLeft: the client has ended its side, or more. What net/http takes for the end of a context.
func (x *exchange) isLeft() bool { return x.endedBy(endCancelled | endPeerDone) }

func (x *exchange) endedBy(bits uint32) bool {
	return x.port.room.ended.Load() ||
		atomic.LoadUint32(x.port.app.m.word32(x.slot+slotCancelled))&bits != 0 && !x.finished.Load()
}

// over: the handler can do nothing more for it.
func (x *exchange) over() bool { return x.finished.Load() || x.isCancelled() }

// waitUntil blocks until ready holds; false: the request is over.
func (x *exchange) waitUntil(ready func() bool) bool {
	x.port.room.wait(func() bool { return x.over() || ready() })
	return !x.over()
}

// push hands an entry over, waiting for space in the ring; false: the request is over. The last one
// frees the slot: it goes out even when nobody wants the answer.
func (x *exchange) push(unit, units, size, flags uint32) bool {
	e := entry{ticket: x.ticket, engine: x.engine, unit: unit, units: units, size: size, flags: flags,
		takenAt: x.takenAt}
	last := flags&replyLast != 0
	for !x.port.push(&e) {
		space := func() bool { return !x.port.isFull(x.engine) }
		if !last {
			if !x.waitUntil(space) {
				return false
			}
			continue
		}
		if x.port.room.wait(space); x.port.room.ended.Load() {
			return false
		}
	}
	return true
}

// consumed: bytes of whole units that the client has taken.
func (x *exchange) consumed() uint64 {
	return atomic.LoadUint64(x.port.app.m.word64(x.slot + slotConsumed))
}

// window asks for the next part of the body and waits for it. errLost: there is none.
func (x *exchange) window(seq *uint32, missing uint64) ([]byte, error) {
	m := x.port.app.m
	if !x.push(0, 0, 0, replyWantBody) {
		return nil, errLost
	}
	word, before := m.word32(x.slot+slotInboxSeq), *seq
	arrived := func() bool { return atomic.LoadUint32(word) != before }
	if !x.waitUntil(func() bool { return arrived() || x.bodyClosed.Load() }) || !arrived() {
		return nil, errLost
	}
	*seq = atomic.LoadUint32(word)
	size := uint64(atomic.LoadUint32(m.word32(x.slot + slotInboxSize)))
	part := x.port.app.bytes(atomic.LoadUint32(m.word32(x.slot+slotInboxUnit)), size)
	if part == nil || size == 0 || size > missing || size > bodyWindow {
		return nil, errLost
	}
	return part, nil
}
