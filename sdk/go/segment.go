package unit

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// The shared memory: mapping it, and finding everything in it by the maps at its beginning. All
// numbers of the maps are checked once, here; what is read later (units, sizes) is checked where it is
// read.

const (
	fcntlGetSeals   = 1034
	sealShrinkGrow  = 2 | 4
	madviseDontFork = 10
	mapNoReserve    = 0x4000
)

// memory is a mapped segment. Its words are shared with other processes: atomics only.
type memory []byte

func (m memory) word32(at uint64) *uint32 { return (*uint32)(unsafe.Pointer(&m[at : at+4 : at+4][0])) }
func (m memory) word64(at uint64) *uint64 { return (*uint64)(unsafe.Pointer(&m[at : at+8 : at+8][0])) }

// mapSegment maps what the server sent and closes the descriptor. Nobody can shrink it: that is sealed.
func mapSegment(fd int, least int) (memory, error) {
	defer syscall.Close(fd)
	var status syscall.Stat_t
	if err := syscall.Fstat(fd, &status); err != nil {
		return nil, fmt.Errorf("fstat of a shared segment: %w", err)
	}
	if status.Mode&syscall.S_IFMT != syscall.S_IFREG || status.Size < int64(least) || status.Size > 1<<40 {
		return nil, fmt.Errorf("a shared segment has %d bytes, which cannot be", status.Size)
	}
	seals, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), fcntlGetSeals, 0)
	if errno != 0 || seals&sealShrinkGrow != sealShrinkGrow {
		return nil, fmt.Errorf("a shared segment is not sealed")
	}
	data, err := syscall.Mmap(fd, 0, int(status.Size), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED|mapNoReserve)
	if err != nil {
		return nil, fmt.Errorf("mmap of a shared segment: %w", err)
	}
	if err := syscall.Madvise(data, madviseDontFork); err != nil {
		return nil, fmt.Errorf("madvise of a shared segment: %w", err)
	}
	m := memory(data)
	if magic := atomic.LoadUint32(m.word32(0)); magic != segmentMagic {
		return nil, fmt.Errorf("a shared segment begins with %#x instead of %#x", magic, segmentMagic)
	}
	return m, nil
}

// array describes count things of a size that lie stride bytes apart.
type array struct {
	name                    string
	at, stride, size, count uint64
}

// check: does it lie inside, aligned for 64-bit atomics?
func (m memory) check(parts ...array) error {
	for _, p := range parts {
		if p.count == 0 || p.stride < p.size || p.at%4 != 0 || p.size >= 8 && (p.at%8 != 0 || p.stride%8 != 0) {
			return fmt.Errorf("the %s of a shared segment cannot be used: at %d, %d of %d bytes each",
				p.name, p.at, p.count, p.stride)
		}
		if end := p.at + (p.count-1)*p.stride + p.size; end > uint64(len(m)) {
			return fmt.Errorf("the %s of a shared segment end at %d, behind its end at %d", p.name, end, len(m))
		}
	}
	return nil
}

func goodUnit(unit uint32) bool { return unit >= 512 && unit <= 1<<20 && unit&(unit-1) == 0 }

// appSegment: requests. Shared with the server and the application's other workers.
type appSegment struct {
	m memory

	headAt, idleAt, doorsAt, doorStride, seatsAt, seatStride, ringAt, ringCells uint32
	slotsAt, slotStride, slots, memoryAt, unit, units                           uint32
}

func openAppSegment(fd int) (*appSegment, error) {
	const mapAt = 8
	m, err := mapSegment(fd, mapAt+14*4)
	if err != nil {
		return nil, err
	}
	return newAppSegment(m)
}

func newAppSegment(m memory) (*appSegment, error) {
	const mapAt = 8
	if len(m) < mapAt+14*4 {
		return nil, fmt.Errorf("a shared segment of %d bytes has no room for its map", len(m))
	}
	s := &appSegment{m: m}
	for i, member := range []*uint32{&s.headAt, &s.idleAt, &s.doorsAt, &s.doorStride, &s.seatsAt,
		&s.seatStride, &s.ringAt, &s.ringCells, &s.slotsAt, &s.slotStride, &s.slots, &s.memoryAt,
		&s.unit, &s.units} {
		*member = atomic.LoadUint32(m.word32(mapAt + 4*uint64(i)))
	}
	if !goodUnit(s.unit) || s.ringCells&(s.ringCells-1) != 0 || s.slots > 1<<24 {
		return nil, fmt.Errorf("a shared segment has units of %d bytes, %d cells, %d slots, which cannot be",
			s.unit, s.ringCells, s.slots)
	}
	return s, m.check(
		array{"head", uint64(s.headAt), 8, 8, 1},
		array{"idle bits", uint64(s.idleAt), 8, 8, maxSeats / 64},
		array{"doors", uint64(s.doorsAt), uint64(s.doorStride), doorBytes, maxEngines},
		array{"seats", uint64(s.seatsAt), uint64(s.seatStride), seatBytes, maxSeats},
		array{"ring", uint64(s.ringAt), 8, 8, uint64(s.ringCells)},
		array{"slots", uint64(s.slotsAt), uint64(s.slotStride), slotBytes, uint64(s.slots)},
		array{"units", uint64(s.memoryAt), uint64(s.unit), uint64(s.unit), uint64(s.units)})
}

func (s *appSegment) head() *uint64 { return s.m.word64(uint64(s.headAt)) }

func (s *appSegment) cell(position uint64) *uint64 {
	return s.m.word64(uint64(s.ringAt) + position&uint64(s.ringCells-1)*8)
}

func (s *appSegment) idle(word uint32) *uint64 { return s.m.word64(uint64(s.idleAt) + uint64(word)*8) }

func (s *appSegment) seat(seat uint32) uint64 {
	return uint64(s.seatsAt) + uint64(seat)*uint64(s.seatStride)
}

func (s *appSegment) door(engine uint32) uint64 {
	return uint64(s.doorsAt) + uint64(engine)*uint64(s.doorStride)
}

func (s *appSegment) slot(slot uint32) uint64 {
	return uint64(s.slotsAt) + uint64(slot)*uint64(s.slotStride)
}

// bytes of request memory from a unit on, or nil if they are not all inside.
func (s *appSegment) bytes(unit uint32, size uint64) []byte {
	begin := uint64(unit) * uint64(s.unit)
	if unit >= s.units || size > uint64(s.units)*uint64(s.unit)-begin {
		return nil
	}
	at := uint64(s.memoryAt) + begin
	return s.m[at : at+size : at+size]
}

// workerSegment: replies. Shared with the server.
type workerSegment struct {
	m     memory
	units uint32

	eventAt, waitingAt, ringsAt, ringStride, entriesAt, entryStride, ringEntries uint32
	freeAt, memoryAt, unit                                                       uint32
}

func openWorkerSegment(fd int) (*workerSegment, error) {
	m, err := mapSegment(fd, 16+10*4)
	if err != nil {
		return nil, err
	}
	return newWorkerSegment(m)
}

func newWorkerSegment(m memory) (*workerSegment, error) {
	const unitsAt, mapAt = 8, 16
	if len(m) < mapAt+10*4 {
		return nil, fmt.Errorf("a shared segment of %d bytes has no room for its map", len(m))
	}
	s := &workerSegment{m: m, units: atomic.LoadUint32(m.word32(unitsAt))}
	for i, member := range []*uint32{&s.eventAt, &s.waitingAt, &s.ringsAt, &s.ringStride, &s.entriesAt,
		&s.entryStride, &s.ringEntries, &s.freeAt, &s.memoryAt, &s.unit} {
		*member = atomic.LoadUint32(m.word32(mapAt + 4*uint64(i)))
	}
	ring := uint64(s.entriesAt) + uint64(s.ringEntries)*uint64(s.entryStride)
	if !goodUnit(s.unit) || s.ringEntries == 0 || s.ringEntries&(s.ringEntries-1) != 0 ||
		s.entryStride < entryBytes || s.entryStride%8 != 0 || s.entriesAt%8 != 0 || s.entriesAt < ringBytes {
		return nil, fmt.Errorf("a shared segment has units of %d bytes, rings of %d entries, which cannot be",
			s.unit, s.ringEntries)
	}
	return s, m.check(
		array{"event", uint64(s.eventAt), 4, 4, 1},
		array{"waiting", uint64(s.waitingAt), 4, 4, 1},
		array{"rings", uint64(s.ringsAt), uint64(s.ringStride), ring, maxEngines},
		array{"free units", uint64(s.freeAt), 8, 8, (uint64(s.units) + 63) / 64},
		array{"units", uint64(s.memoryAt), uint64(s.unit), uint64(s.unit), uint64(s.units)})
}

func (s *workerSegment) event() *uint32   { return s.m.word32(uint64(s.eventAt)) }
func (s *workerSegment) waiting() *uint32 { return s.m.word32(uint64(s.waitingAt)) }

func (s *workerSegment) ring(engine uint32) uint64 {
	return uint64(s.ringsAt) + uint64(engine)*uint64(s.ringStride)
}

// run is the memory of units; they are ours, so nobody else writes there.
func (s *workerSegment) run(unit, units uint32) []byte {
	at := uint64(s.memoryAt) + uint64(unit)*uint64(s.unit)
	end := at + uint64(units)*uint64(s.unit)
	return s.m[at:end:end]
}
