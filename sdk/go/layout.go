package unit

// Numbers of protocol 1. Where things lie inside a segment its map says (segment.go); what is in here
// does not change within the major version.

const (
	protocolMajor = 1
	protocolMinor = 0

	segmentMagic = 0x50424131
	maxEngines   = 256
	maxWorkers   = 1024
	maxSeats     = 4096
	maxRun       = 64 // units in one run; a run lies within one word of the bitmap
	replyWindow  = 1 << 20
	bodyWindow   = 64 << 10
	maxHead      = 256 << 10 // bytes of a reply's head
	maxFields    = 1024

	positionMask = 1<<40 - 1 // of a ticket: position (40 bits), slot (24 bits)
)

// Phases of a slot's state: position (40 bits), seat (20 bits), phase (4 bits).
const (
	phaseQueued = 1
	phaseTaken  = 2
)

// Members of a request slot.
const (
	slotState         = 0
	slotExchange      = 8
	slotContentLength = 16
	slotEngine        = 24
	slotUnit          = 28
	slotMessageSize   = 32
	slotBodySize      = 36
	slotCancelled     = 40
	slotInboxSize     = 44
	slotInboxUnit     = 48
	slotInboxSeq      = 52
	slotConsumed      = 56
	slotBytes         = 64
)

// Bits of slotCancelled.
const (
	endCancelled = 1 // nobody waits for the answer
	endPeerDone  = 2 // the client sends no more; it may have left, or still wait
)

// Members of an engine's door, of a seat, of a reply ring.
const (
	doorSleeping = 0
	doorDirty    = 64
	doorBytes    = doorDirty + maxWorkers/8
	seatWake     = 0
	seatServed   = 4
	seatBytes    = 8
	ringHead     = 0
	ringTail     = 64
	ringBytes    = 72
)

// Members of a reply entry, and its flags.
const (
	entryTicket  = 0
	entryUnit    = 8
	entryUnits   = 12
	entrySize    = 16
	entryFlags   = 20
	entryTakenAt = 24
	entryBytes   = 32

	replyLast     = 1 // the response is complete; the slot is the server's again
	replyAbort    = 2 // with replyLast: it has failed
	replyWantBody = 4 // fill the inbox
)

// Types of messages on the channel.
const (
	msgReopenLog      = 5
	msgQuit           = 6
	msgAttach         = 80
	msgEngineDoorbell = 81
	msgWorkerReady    = 100
	msgWorkerFailed   = 101
	msgWorkerSpent    = 102
)

func ticketSlot(ticket uint64) uint32 { return uint32(ticket & 0xFFFFFF) }

func makeState(position uint64, phase uint64, seat uint32) uint64 {
	return position<<24 | uint64(seat&0xFFFFF)<<4 | phase
}
