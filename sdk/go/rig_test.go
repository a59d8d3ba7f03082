package unit

import (
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rig is a server of our own: segments as core/ipc/layout.hpp has them, requests pushed by hand, and
// replies put together. The host under test runs in this process, on the other end of a real channel.
type rig struct {
	t      testing.TB
	app    *appSegment
	worker *workerSegment
	host   *host
	peer   int // our end of the channel
	bell   int
	tail   uint64
	done   chan struct{}
}

const (
	rigUnit  = 4096
	rigSlots = 64
	rigCells = 128
)

func newMemory(t testing.TB, size int) memory {
	data, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED|syscall.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (m memory) setMap(at uint64, values ...uint32) {
	for i, value := range values {
		*m.word32(at + 4*uint64(i)) = value
	}
}

func newApp(t testing.TB) *appSegment {
	const doors, seats, ring, slots = 1024, 1024 + maxEngines*256, 340000 &^ 63, 400000 &^ 63
	const units = 4 * maxRun
	m := newMemory(t, 1<<19+units*rigUnit)
	m.setMap(0, segmentMagic, 0, 64, 128, doors, 256, seats, 64, ring, rigCells, slots, 64, rigSlots,
		1<<19, rigUnit, units)
	s, err := newAppSegment(m)
	if err != nil {
		t.Fatal(err)
	}
	*s.head() = 1
	return s
}

func newWorker(t testing.TB, units uint32, entries uint32) *workerSegment {
	ring := 128 + entries*32
	free := 256 + maxEngines*ring
	memoryAt := (free + 4096 + 4095) &^ 4095
	m := newMemory(t, int(memoryAt+units*rigUnit))
	m.setMap(0, segmentMagic, 0, units, 0, 64, 68, 256, ring, 128, 32, entries, free, memoryAt, rigUnit)
	s, err := newWorkerSegment(m)
	if err != nil {
		t.Fatal(err)
	}
	for unit := uint32(0); unit < units; unit += 64 {
		*s.m.word64(uint64(free + unit/8)) = lowBits(units - unit)
	}
	return s
}

func newRig(t testing.TB, handler http.Handler, units uint32, limit uint32) *rig {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, app: newApp(t), worker: newWorker(t, units, 8), peer: pair[0], bell: pipe[0], tail: 1,
		done: make(chan struct{})}
	r.host = &host{channel: channel{fd: pair[1]}, limit: limit}
	room := newRoom(r.worker.event(), r.worker.waiting())
	r.host.port = newPort(r.app, r.worker, 3, room)
	r.host.port.setDoorbell(0, pipe[1])
	r.host.taker = taker{app: r.app, seat: 5}
	atomic.StoreUint32(r.app.m.word32(r.app.door(0)+doorSleeping), 1)
	go func() {
		r.host.serve("", handler)
		close(r.done)
	}()
	if kind := r.receive(); kind != msgWorkerReady {
		t.Fatalf("the first message is %d", kind)
	}
	return r
}

func (r *rig) receive() uint32 {
	buffer := make([]byte, 1024)
	n, err := syscall.Read(r.peer, buffer)
	if err != nil || n < 4 {
		r.t.Fatalf("the channel: %d, %v", n, err)
	}
	return native.Uint32(buffer)
}

// quit tells the host to go, and waits until it has.
func (r *rig) quit() {
	r.host.quit(true, 0)
	r.ended()
	os.NewFile(uintptr(r.bell), "bell").Close()
}

func (r *rig) ended() {
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		r.t.Fatal("the host does not end")
	}
}

// flight is a request as the server sees it.
type flight struct {
	rig    *rig
	slot   uint32
	ticket uint64
	body   []byte // not handed over yet
	reply  []byte
	flags  uint32
	ended  bool
	asked  int  // times it wanted more of the body
	mute   bool // takes nothing: the client does not read
}

func putText(m []byte, at int, tail *[]byte, value string) {
	native.PutUint32(m[at:], uint32(headBytes+fieldBytes+len(*tail)))
	native.PutUint32(m[at+4:], uint32(len(value)))
	*tail = append(*tail, value...)
}

func requestMessage(method, target string, length uint64) []byte {
	m := make([]byte, headBytes+fieldBytes)
	var tail []byte
	native.PutUint32(m[0:], messageLayout)
	native.PutUint32(m[4:], headBytes)
	native.PutUint64(m[24:], length)
	for i, value := range []string{method, target, target, "", "HTTP/1.1", "http", "host", "host", "80",
		"127.0.0.1", "127.0.0.1", ""} {
		putText(m, 48+8*i, &tail, value)
	}
	native.PutUint32(m[144:], headBytes)
	native.PutUint32(m[148:], 1)
	native.PutUint32(m[152:], fieldBytes)
	putText(m, headBytes, &tail, "Host")
	putText(m, headBytes+8, &tail, "host")
	m = append(m, tail...)
	native.PutUint32(m[8:], uint32(len(m)))
	return m
}

// push hands a request over; the memory of slot n is run n%4 of the request memory, so a test uses few
// with bodies at a time.
func (r *rig) push(slot uint32, method, target string, inline, later []byte) *flight {
	message := requestMessage(method, target, uint64(len(inline)+len(later)))
	return r.pushRaw(slot, message, inline, later)
}

func (r *rig) pushRaw(slot uint32, message, inline, later []byte) *flight {
	r.write(slot, message, inline, later)
	return r.publish(slot, later)
}

// pushChanged lets a test change the slot's members before anybody sees them.
func (r *rig) pushChanged(slot uint32, change func(at uint64)) *flight {
	r.write(slot, requestMessage("GET", "/hello", 0), nil, nil)
	change(r.app.slot(slot))
	return r.publish(slot, nil)
}

func (r *rig) write(slot uint32, message, inline, later []byte) {
	m, at := r.app.m, r.app.slot(slot)
	unit := slot * 4
	copy(r.app.bytes(unit, uint64(len(message)+len(inline))), append(append([]byte{}, message...), inline...))
	*m.word64(at + slotExchange) = uint64(slot)
	*m.word64(at + slotContentLength) = uint64(len(inline) + len(later))
	*m.word32(at + slotEngine) = 0
	*m.word32(at + slotUnit) = unit
	*m.word32(at + slotMessageSize) = uint32(len(message))
	*m.word32(at + slotBodySize) = uint32(len(inline))
	for _, member := range []uint64{slotCancelled, slotInboxSize, slotInboxUnit, slotInboxSeq} {
		atomic.StoreUint32(m.word32(at+member), 0)
	}
	atomic.StoreUint64(m.word64(at+slotConsumed), 0)
}

func (r *rig) publish(slot uint32, later []byte) *flight {
	m, at := r.app.m, r.app.slot(slot)
	f := &flight{rig: r, slot: slot, ticket: r.tail<<24 | uint64(slot), body: later}
	atomic.StoreUint64(m.word64(at+slotState), makeState(r.tail, phaseQueued, 0))
	atomic.StoreUint64(r.app.cell(r.tail), f.ticket)
	r.tail++
	if clearBits(r.app.idle(0), 1<<5)&(1<<5) != 0 {
		atomic.StoreUint32(m.word32(r.app.seat(5)+seatWake), 1)
		futexWake(m.word32(r.app.seat(5)+seatWake), 1)
	}
	return f
}

// drain gives the entries that are there to their flights; returns how many.
func (r *rig) drain(flights ...*flight) int {
	m, ring := r.worker.m, r.worker.ring(0)
	count := 0
	head := atomic.LoadUint64(m.word64(ring + ringHead))
	for ; head != atomic.LoadUint64(m.word64(ring+ringTail)); head++ {
		at := ring + uint64(r.worker.entriesAt) + head%uint64(r.worker.ringEntries)*32
		ticket := *m.word64(at + entryTicket)
		var of *flight
		for _, f := range flights {
			if f != nil && f.ticket == ticket {
				of = f
			}
		}
		if of == nil {
			r.t.Fatalf("an entry for the unknown ticket %#x", ticket)
		}
		of.take(*m.word32(at + entryUnit), *m.word32(at + entryUnits), *m.word32(at + entrySize),
			*m.word32(at + entryFlags))
		atomic.StoreUint64(m.word64(ring+ringHead), head+1)
		r.signal()
		count++
	}
	return count
}

func (r *rig) signal() {
	atomic.AddUint32(r.worker.event(), 1)
	if atomic.LoadUint32(r.worker.waiting()) != 0 {
		futexWake(r.worker.event(), 1<<30)
	}
}

func (f *flight) take(unit, units, size, flags uint32) {
	r := f.rig
	if f.ended || size > units*rigUnit || units > maxRun || unit%64+units > 64 {
		r.t.Fatalf("an entry that cannot be: ended %v, unit %d, units %d, size %d", f.ended, unit, units, size)
	}
	f.reply = append(f.reply, r.worker.run(unit, units)[:size]...)
	f.flags = flags
	f.ended = flags&replyLast != 0
	if units > 0 && !f.mute {
		setBits(r.host.port.freeWord(unit/64), lowBits(units)<<(unit%64))
		atomic.AddUint64(r.app.m.word64(r.app.slot(f.slot)+slotConsumed), uint64(units)*rigUnit)
	}
	if flags&replyWantBody != 0 {
		f.asked++
		f.fill()
	}
}

// fill hands the next 1000 bytes of the body over.
func (f *flight) fill() {
	m, at := f.rig.app.m, f.rig.app.slot(f.slot)
	n := copy(f.rig.app.bytes(f.slot*4+2, 1000), f.body)
	f.body = f.body[n:]
	*m.word32(at + slotInboxUnit) = f.slot*4 + 2
	*m.word32(at + slotInboxSize) = uint32(n)
	atomic.AddUint32(m.word32(at+slotInboxSeq), 1)
}

func (f *flight) end(bits uint32) {
	word := f.rig.app.m.word32(f.rig.app.slot(f.slot) + slotCancelled)
	atomic.StoreUint32(word, bits)
	f.rig.signal()
}

// finish collects until the reply is complete; returns status and body.
func (f *flight) finish() (int, string) {
	f.rig.t.Helper()
	for end := time.Now().Add(20 * time.Second); !f.ended; {
		if f.rig.drain(f) == 0 {
			time.Sleep(50 * time.Microsecond)
		}
		if time.Now().After(end) {
			f.rig.t.Fatalf("no end of the reply after %d bytes", len(f.reply))
		}
	}
	return f.parsed()
}

func (f *flight) parsed() (int, string) {
	if f.flags&replyAbort != 0 || len(f.reply) < 8 {
		return 0, ""
	}
	return int(native.Uint16(f.reply[4:])), string(f.reply[4+native.Uint32(f.reply):])
}
