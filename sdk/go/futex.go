package unit

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Words of memory that processes share: futexes (never the private kind) and the atomics that Go 1.19
// lacks.

const (
	futexOpWait = 0
	futexOpWake = 1
)

// futexWait sleeps while the word is as expected; it may return early. timeout 0: none. The thread
// blocks; the Go runtime lets others run meanwhile.
func futexWait(word *uint32, expected uint32, timeout time.Duration) {
	var limit *syscall.Timespec
	if timeout > 0 {
		value := syscall.NsecToTimespec(int64(timeout))
		limit = &value
	}
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexOpWait, uintptr(expected),
		uintptr(unsafe.Pointer(limit)), 0, 0)
}

func futexWake(word *uint32, count uint32) {
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexOpWake, uintptr(count), 0, 0, 0)
}

// setBits returns what was there before.
func setBits(word *uint64, bits uint64) uint64 {
	for {
		seen := atomic.LoadUint64(word)
		if seen&bits == bits || atomic.CompareAndSwapUint64(word, seen, seen|bits) {
			return seen
		}
	}
}

func clearBits(word *uint64, bits uint64) uint64 {
	for {
		seen := atomic.LoadUint64(word)
		if seen&bits == 0 || atomic.CompareAndSwapUint64(word, seen, seen&^bits) {
			return seen
		}
	}
}
