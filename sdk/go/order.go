package unit

import (
	"encoding/binary"
	"unsafe"
)

// native is the byte order of this machine; both ends are on it. No interface: nothing it is given
// must move to the heap.
var native nativeOrder

type nativeOrder struct{}

var bigEndian = func() bool {
	probe := uint16(1)
	return *(*byte)(unsafe.Pointer(&probe)) == 0
}()

func (nativeOrder) Uint16(b []byte) uint16 {
	if bigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (nativeOrder) Uint32(b []byte) uint32 {
	if bigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (nativeOrder) Uint64(b []byte) uint64 {
	if bigEndian {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func (nativeOrder) PutUint16(b []byte, v uint16) {
	if bigEndian {
		binary.BigEndian.PutUint16(b, v)
	} else {
		binary.LittleEndian.PutUint16(b, v)
	}
}

func (nativeOrder) PutUint32(b []byte, v uint32) {
	if bigEndian {
		binary.BigEndian.PutUint32(b, v)
	} else {
		binary.LittleEndian.PutUint32(b, v)
	}
}

func (nativeOrder) PutUint64(b []byte, v uint64) {
	if bigEndian {
		binary.BigEndian.PutUint64(b, v)
	} else {
		binary.LittleEndian.PutUint64(b, v)
	}
}
