package unit

import (
	"errors"
	"io"
)

// reply is the way of a response's bytes into this worker's reply memory: runs of units, each handed
// over with an entry. A client that does not read stops us after replyWindow bytes.
//
// Used under the mutex of its response.
type reply struct {
	x     *exchange
	run   []byte // being filled; nil: none
	unit  uint32
	units uint32
	used  int
	sent  uint64 // bytes of whole units handed over

	pushed bool // something of this response is out
}

// errGone is what a handler gets that writes to a client that has left.
var errGone = errors.New("unit: the client is gone, or its request has been cancelled")

// pushAt: as many bytes go out without waiting for a Flush.
const pushAt = 4096

// fairUnits: so many units anybody may hold, however little memory is left. fairShare: of what is left
// above the reserve that this needs one response gets this part at most. So clients that do not read,
// as many as there may be, cannot hold up the others.
const (
	fairUnits = 2
	fairShare = 32
)

// allowance: how many units may be taken now.
func (r *reply) allowance() uint32 {
	worker := r.x.port.worker
	consumed := r.x.consumed()
	if consumed > r.sent {
		consumed = r.sent
	}
	outstanding := uint32((r.sent - consumed) / uint64(worker.unit))
	if outstanding < fairUnits {
		return fairUnits - outstanding + r.more(outstanding)
	}
	return r.more(outstanding)
}

// more: beyond the fair units.
func (r *reply) more(outstanding uint32) uint32 {
	worker := r.x.port.worker
	reserve := uint32(fairUnits * r.x.port.app.slots)
	if reserve > worker.units/2 {
		reserve = worker.units / 2
	}
	limit := uint32(0)
	if free := r.x.port.freeUnits(); free > reserve {
		limit = (free - reserve) / fairShare
	}
	if window := replyWindow / worker.unit; limit > window {
		limit = window
	}
	if outstanding < fairUnits {
		outstanding = fairUnits
	}
	if limit <= outstanding {
		return 0
	}
	return limit - outstanding
}

// takeRun waits for memory for so many bytes, or as much of it as a run may have.
func (r *reply) takeRun(wanted int) error {
	port := r.x.port
	size := int(port.worker.unit)
	units := uint32(maxRun)
	if wanted < maxRun*size {
		units = uint32((wanted + size - 1) / size)
	}
	for {
		if r.x.over() {
			return errGone
		}
		// Most responses are small and need no look at the others.
		allowed := uint32(fairUnits)
		if r.sent != 0 || units > fairUnits {
			allowed = r.allowance()
		}
		if allowed > units {
			allowed = units
		}
		if unit, got := port.takeRun(allowed); got != 0 {
			r.unit, r.units, r.used = unit, got, 0
			r.run = port.worker.run(unit, got)
			return nil
		}
		if !r.x.waitUntil(func() bool { return port.hasMemory() && r.allowance() > 0 }) {
			return errGone
		}
	}
}

func (r *reply) dropRun() {
	if r.run != nil {
		r.x.port.giveRun(r.unit, r.units)
		r.run, r.units, r.used = nil, 0, 0
	}
}

func (r *reply) pushRun(flags uint32) error {
	unit, units, used := r.unit, r.units, r.used
	if r.run == nil {
		unit, units, used = 0, 0, 0
	}
	if !r.x.push(unit, units, uint32(used), flags) {
		r.dropRun()
		return errGone
	}
	r.sent += uint64(units) * uint64(r.x.port.worker.unit)
	r.run, r.units, r.used = nil, 0, 0
	r.pushed = true
	return nil
}

// appendBytes copies; following: so many will come right behind them, so that one run holds both.
func appendBytes[T string | []byte](r *reply, data T, following int) error {
	if r.x.over() {
		return errGone
	}
	for len(data) > 0 {
		if r.run != nil && r.used == len(r.run) {
			if err := r.pushRun(0); err != nil {
				return err
			}
		}
		if r.run == nil {
			if err := r.takeRun(len(data) + following); err != nil {
				return err
			}
		}
		n := copy(r.run[r.used:], data)
		r.used += n
		data = data[n:]
	}
	return nil
}

// readFrom lets a file read into the run itself.
func (r *reply) readFrom(source io.Reader, limit int) (int, error) {
	if r.run != nil && r.used == len(r.run) {
		if err := r.pushRun(0); err != nil {
			return 0, err
		}
	}
	if r.run == nil {
		if err := r.takeRun(limit); err != nil {
			return 0, err
		}
	}
	free := r.run[r.used:]
	if len(free) > limit {
		free = free[:limit]
	}
	n, err := source.Read(free)
	if n < 0 || n > len(free) {
		return 0, errors.New("unit: a reader returned an impossible count")
	}
	r.used += n
	return n, err
}

// settle hands over what has grown large enough.
func (r *reply) settle() error {
	if r.used >= pushAt {
		return r.pushRun(0)
	}
	return nil
}

func (r *reply) flush() error {
	if r.run == nil || r.used == 0 {
		return nil
	}
	return r.pushRun(0)
}

// finish is the last entry; complete false: the response has failed, and what nobody has seen of it
// stays unseen.
func (r *reply) finish(complete bool) {
	if !complete && !r.pushed || r.x.isCancelled() {
		r.dropRun()
		complete = false
	}
	if r.used == 0 {
		r.dropRun()
	}
	r.x.finished.Store(true)
	flags := uint32(replyLast)
	if !complete {
		flags |= replyAbort
	}
	r.pushRun(flags)
}
