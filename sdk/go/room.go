package unit

import (
	"sync"
	"sync/atomic"
	"time"
)

// room is where goroutines wait for the server: for reply memory, space in a ring, the client to take
// what was written, more of the request's body. One goroutine (watch) sleeps on the segment's event
// for all of them, so that no waiting handler blocks a thread. The same one sees which requests were
// cancelled.
//
// The server adds 1 to the event after each change, then wakes if `waiting` is not 0. Whoever waits
// raises `waiting`, enters the list, and looks once more; watch reads the event, then looks at the
// list, then sleeps unless the event has changed. So a change is seen by one of the two looks, or it
// ends the sleep.
type room struct {
	event, waiting *uint32
	kick           chan struct{} // wakes watch where it does not sleep on the event
	ended          atomic.Bool   // nobody waits for answers any more

	mu       sync.Mutex
	waiters  waiter    // ring of those who wait; this one is its anchor
	flying   exchange  // ring of the requests being served; anchor
	count    int       // of them
	parked   bool      // watch sleeps until there is a request
	scans    uint64    // looks at flying so far
	lastScan time.Time // at flying
}

// cancelEvery bounds how often requests are looked at for having been cancelled.
const cancelEvery = 10 * time.Millisecond

type waiter struct {
	ready      func() bool // does not block
	woken      chan struct{}
	next, prev *waiter
}

func newRoom(event, waiting *uint32) *room {
	r := &room{event: event, waiting: waiting, kick: make(chan struct{}, 1)}
	r.waiters.next, r.waiters.prev = &r.waiters, &r.waiters
	r.flying.next, r.flying.prev = &r.flying, &r.flying
	return r
}

// wait returns when ready holds, or the room has ended.
func (r *room) wait(ready func() bool) {
	if ready() || r.ended.Load() {
		return
	}
	w := &waiter{ready: ready, woken: make(chan struct{}, 1)}
	atomic.AddUint32(r.waiting, 1)
	r.mu.Lock()
	w.next, w.prev = &r.waiters, r.waiters.prev
	w.prev.next, w.next.prev = w, w
	r.mu.Unlock()
	for !ready() && !r.ended.Load() {
		r.nudge()
		<-w.woken
	}
	r.mu.Lock()
	w.prev.next, w.next.prev = w.next, w.prev
	r.mu.Unlock()
	atomic.AddUint32(r.waiting, ^uint32(0))
}

func (r *room) nudge() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// poke lets everybody look again, as the server does.
func (r *room) poke() {
	atomic.AddUint32(r.event, 1)
	if atomic.LoadUint32(r.waiting) != 0 {
		futexWake(r.event, 1<<30)
	}
}

// end lets every wait end, now and later, and cancels every request.
func (r *room) end() {
	r.ended.Store(true)
	r.mu.Lock()
	r.lastScan = time.Time{}
	r.mu.Unlock()
	r.poke()
	r.nudge()
}

// enter and leave: a request is being served.
func (r *room) enter(x *exchange) {
	r.mu.Lock()
	x.next, x.prev = &r.flying, r.flying.prev
	x.prev.next, x.next.prev = x, x
	x.since = r.scans
	r.count++
	parked := r.parked
	r.parked = false
	r.mu.Unlock()
	if parked {
		r.nudge()
	}
}

func (r *room) leave(x *exchange) {
	r.mu.Lock()
	x.prev.next, x.next.prev = x.next, x.prev
	r.count--
	r.mu.Unlock()
}

// What watch does after a look around.
type rest int

const (
	restPark    rest = iota // nothing is going on
	restBriefly             // requests have begun: look whether they are still there in a moment
	restOnEvent             // somebody waits, or has been served for a while
)

// watch runs in a goroutine of its own as long as the process.
func (r *room) watch() {
	timer := time.NewTimer(time.Hour)
	for {
		// Read before the look: whatever changes after it ends the sleep, though nobody may have been
		// announced as waiting when it changed.
		seen := atomic.LoadUint32(r.event)
		switch how, scanned := r.look(); {
		case how == restPark:
			<-r.kick
		case how == restOnEvent && scanned:
			r.sleep(seen, 0)
		case how == restOnEvent:
			r.sleep(seen, cancelEvery)
		default:
			r.pause(timer)
		}
	}
}

func (r *room) sleep(seen uint32, limit time.Duration) {
	atomic.AddUint32(r.waiting, 1)
	futexWait(r.event, seen, limit)
	atomic.AddUint32(r.waiting, ^uint32(0))
}

func (r *room) pause(timer *time.Timer) {
	timer.Reset(cancelEvery)
	select {
	case <-timer.C:
		return
	case <-r.kick:
	}
	if !timer.Stop() {
		select {
		case <-timer.C:
		default:
		}
	}
}

// look wakes whoever can go on, and tells requests that they are cancelled. scanned: all of them have
// been looked at.
func (r *room) look() (how rest, scanned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	blocked := false
	for w := r.waiters.next; w != &r.waiters; w = w.next {
		blocked = true
		if w.ready() || r.ended.Load() {
			select {
			case w.woken <- struct{}{}:
			default:
			}
		}
	}
	old, scanned := r.lookAtFlying()
	switch {
	case blocked || old:
		return restOnEvent, scanned
	case r.count > 0:
		return restBriefly, scanned
	default:
		r.parked = true
		return restPark, true
	}
}

// lookAtFlying: old says that one was there at an earlier look. Under load the server changes
// something all the time, so requests are looked at once in a moment only.
func (r *room) lookAtFlying() (old, scanned bool) {
	if r.count == 0 {
		return false, true
	}
	now := time.Now()
	if now.Sub(r.lastScan) < cancelEvery {
		return false, false
	}
	r.lastScan = now
	for x := r.flying.next; x != &r.flying; x = x.next {
		if x.cancel != nil && x.isLeft() {
			x.cancel()
			x.cancel = nil
		}
		old = old || x.since < r.scans
	}
	r.scans++
	return old, true
}
