package unit

import (
	"runtime"
	"sync/atomic"
)

// taker takes requests from the ring that all workers of the application share. Who wins the
// compare-and-swap on a slot's state has the request; the ring's head is moved by whoever sees that a
// ticket is done with. One goroutine runs it; getUp may be called by any.
type taker struct {
	app  *appSegment
	seat uint32
	up   atomic.Bool
}

// take returns a request nobody else has, or false: there is none.
func (t *taker) take() (uint64, bool) {
	for {
		head := atomic.LoadUint64(t.app.head())
		ticket := atomic.LoadUint64(t.app.cell(head))
		if ticket>>24 != head&positionMask {
			if atomic.LoadUint64(t.app.head()) == head {
				return 0, false
			}
			continue // others went on meanwhile
		}
		taken := false
		if slot := ticketSlot(ticket); slot < t.app.slots {
			state := t.app.m.word64(t.app.slot(slot) + slotState)
			position := ticket >> 24
			taken = atomic.CompareAndSwapUint64(state, makeState(position, phaseQueued, 0),
				makeState(position, phaseTaken, t.seat))
		}
		// Ours, another's or cancelled: nobody needs to see it again.
		atomic.CompareAndSwapUint64(t.app.head(), head, head+1)
		if taken {
			atomic.AddUint32(t.app.m.word32(t.app.seat(t.seat)+seatServed), 1)
			return ticket, true
		}
	}
}

func (t *taker) hasTicket() bool {
	for {
		head := atomic.LoadUint64(t.app.head())
		if atomic.LoadUint64(t.app.cell(head))>>24 == head&positionMask {
			return true
		}
		if atomic.LoadUint64(t.app.head()) == head {
			return false
		}
	}
}

func (t *taker) wake() *uint32 { return t.app.m.word32(t.app.seat(t.seat) + seatWake) }

func (t *taker) clearIdle() { clearBits(t.app.idle(t.seat/64), 1<<(t.seat%64)) }

// rest lets the handlers that were just started run, then sleeps until there may be a request.
func (t *taker) rest() {
	for i := 0; i < 4; i++ {
		if runtime.Gosched(); t.hasTicket() {
			return
		}
	}
	t.sleep()
}

// The order matters. wake = 0 comes before the look at up: a getUp that is missed there sets wake
// afterwards, and the wait ends. The idle bit comes before the look at the ring: a server that misses
// the bit has published its ticket before, and it is seen there.
func (t *taker) sleep() {
	atomic.StoreUint32(t.wake(), 0)
	if t.up.Swap(false) {
		return
	}
	setBits(t.app.idle(t.seat/64), 1<<(t.seat%64))
	if !t.hasTicket() {
		for atomic.LoadUint32(t.wake()) == 0 {
			futexWait(t.wake(), 0, 0)
		}
	}
	t.clearIdle()
}

// getUp ends a sleep, now or the next one.
func (t *taker) getUp() {
	t.up.Store(true)
	atomic.StoreUint32(t.wake(), 1)
	futexWake(t.wake(), 1)
}

// leave is the last call. A wake-up that was meant for us goes to another worker.
func (t *taker) leave() {
	t.clearIdle()
	if !t.hasTicket() {
		return
	}
	for word := uint32(0); word < maxSeats/64; word++ {
		bits := atomic.LoadUint64(t.app.idle(word))
		for bit := uint32(0); bits != 0 && bit < 64; bit++ {
			if mask := uint64(1) << bit; clearBits(t.app.idle(word), mask)&mask != 0 {
				wake := t.app.m.word32(t.app.seat(word*64+bit) + seatWake)
				atomic.StoreUint32(wake, 1)
				futexWake(wake, 1)
				return
			}
		}
	}
}
