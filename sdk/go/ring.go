package unit

import (
	"log"
	"math/bits"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The way back to the server: reply memory, a reply ring for each of its engines, their doorbells. The
// goroutines of all requests use it.

// doorbellPatience: the server announces an engine before its first request.
const doorbellPatience = 5 * time.Second

type entry struct {
	ticket      uint64
	engine      uint32 // whose ring
	unit, units uint32
	size, flags uint32
	takenAt     uint64
}

type port struct {
	app    *appSegment
	worker *workerSegment
	number uint32
	room   *room

	locks     [maxEngines]sync.Mutex // of the rings
	doorbells [maxEngines]atomic.Int32
	announced chan struct{} // closed and replaced when a doorbell comes
	mu        sync.Mutex    // of announced
}

func newPort(app *appSegment, worker *workerSegment, number uint32, room *room) *port {
	p := &port{app: app, worker: worker, number: number, room: room, announced: make(chan struct{})}
	for i := range p.doorbells {
		p.doorbells[i].Store(-1)
	}
	return p
}

// push puts an entry into the engine's ring and rings; false: that ring is full.
func (p *port) push(e *entry) bool {
	if !p.put(e) {
		return false
	}
	door := p.app.door(e.engine)
	setBits(p.app.m.word64(door+doorDirty+uint64(p.number/64)*8), 1<<(p.number%64))
	if atomic.LoadUint32(p.app.m.word32(door+doorSleeping)) != 0 {
		p.ringDoorbell(e.engine)
	}
	return true
}

func (p *port) put(e *entry) bool {
	p.locks[e.engine].Lock()
	defer p.locks[e.engine].Unlock()
	w := p.worker
	ring := w.ring(e.engine)
	tail := atomic.LoadUint64(w.m.word64(ring + ringTail))
	if tail-atomic.LoadUint64(w.m.word64(ring+ringHead)) >= uint64(w.ringEntries) {
		return false
	}
	at := ring + uint64(w.entriesAt) + tail&uint64(w.ringEntries-1)*uint64(w.entryStride)
	*w.m.word64(at + entryTicket) = e.ticket
	*w.m.word32(at + entryUnit) = e.unit
	*w.m.word32(at + entryUnits) = e.units
	*w.m.word32(at + entrySize) = e.size
	*w.m.word32(at + entryFlags) = e.flags
	*w.m.word64(at + entryTakenAt) = e.takenAt
	atomic.StoreUint64(w.m.word64(ring+ringTail), tail+1)
	return true
}

func (p *port) isFull(engine uint32) bool {
	ring := p.worker.ring(engine)
	tail := atomic.LoadUint64(p.worker.m.word64(ring + ringTail))
	return tail-atomic.LoadUint64(p.worker.m.word64(ring+ringHead)) >= uint64(p.worker.ringEntries)
}

// setDoorbell takes the descriptor over.
func (p *port) setDoorbell(engine uint32, fd int) {
	if engine >= maxEngines {
		syscall.Close(fd)
		return
	}
	if known := p.doorbells[engine].Load(); known >= 0 {
		// In place: a goroutine may be about to write to the number it has read.
		syscall.Dup3(fd, int(known), syscall.O_CLOEXEC)
		syscall.Close(fd)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doorbells[engine].Store(int32(fd))
	close(p.announced)
	p.announced = make(chan struct{})
}

func (p *port) ringDoorbell(engine uint32) {
	fd := p.doorbells[engine].Load()
	for deadline := time.Now().Add(doorbellPatience); fd < 0; fd = p.doorbells[engine].Load() {
		p.mu.Lock()
		announced := p.announced
		known := p.doorbells[engine].Load() >= 0
		p.mu.Unlock()
		if known {
			continue
		}
		select {
		case <-announced:
		case <-time.After(time.Until(deadline)):
			log.Printf("unit: the doorbell of engine %d is not known: its answers wait", engine)
			return
		}
	}
	one := make([]byte, 8)
	native.PutUint64(one, 1)
	for {
		// EAGAIN: the counter is full, so the engine is about to wake anyway.
		if _, err := syscall.Write(int(fd), one); err != syscall.EINTR {
			return
		}
	}
}

// takeRun returns a run of units, or a shorter one when there is none so long; 0 units: nothing is free.
func (p *port) takeRun(wanted uint32) (unit, units uint32) {
	words := (p.worker.units + 63) / 64
	for count := wanted; count > 0; count /= 2 {
		for word := uint32(0); word < words; word++ {
			if first, ok := p.takeFrom(word, count); ok {
				return word*64 + first, count
			}
		}
	}
	return 0, 0
}

func (p *port) takeFrom(word, count uint32) (uint32, bool) {
	free := p.freeWord(word)
	valid := lowBits(p.worker.units - word*64) // bits behind the last unit are nobody's
	for {
		seen := atomic.LoadUint64(free)
		starts := runStarts(seen&valid, count)
		if starts == 0 {
			return 0, false
		}
		first := uint32(bits.TrailingZeros64(starts))
		if atomic.CompareAndSwapUint64(free, seen, seen&^(lowBits(count)<<first)) {
			return first, true
		}
	}
}

// giveRun gives one back that was never pushed.
func (p *port) giveRun(unit, units uint32) {
	setBits(p.freeWord(unit/64), lowBits(units)<<(unit%64))
	p.room.poke()
}

func (p *port) hasMemory() bool {
	for word := uint32(0); word < (p.worker.units+63)/64; word++ {
		if atomic.LoadUint64(p.freeWord(word))&lowBits(p.worker.units-word*64) != 0 {
			return true
		}
	}
	return false
}

func (p *port) freeUnits() uint32 {
	count := 0
	for word := uint32(0); word < (p.worker.units+63)/64; word++ {
		count += bits.OnesCount64(atomic.LoadUint64(p.freeWord(word)) & lowBits(p.worker.units-word*64))
	}
	return uint32(count)
}

func (p *port) freeWord(word uint32) *uint64 {
	return p.worker.m.word64(uint64(p.worker.freeAt) + uint64(word)*8)
}

func lowBits(count uint32) uint64 {
	if count >= 64 {
		return ^uint64(0)
	}
	return 1<<count - 1
}

// runStarts: bits where a run of count ones starts.
func runStarts(word uint64, count uint32) uint64 {
	for have := uint32(1); have < count && word != 0; {
		step := have
		if step > count-have {
			step = count - have
		}
		word &= word >> step
		have += step
	}
	return word
}
