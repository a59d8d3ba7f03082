package unit

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// The channel to the server: frames of a type and a payload, with descriptors, over SOCK_SEQPACKET.

const (
	maxFrame = 64 << 10
	maxFds   = 16
)

type frame struct {
	kind    uint32
	payload []byte // of the receiver's buffer: valid until the next receive
	fds     []int  // the receiver's, close-on-exec
}

func (f *frame) closeFds() {
	for _, fd := range f.fds {
		syscall.Close(fd)
	}
	f.fds = nil
}

type channel struct {
	fd     int
	buffer [maxFrame]byte
	sendMu sync.Mutex
}

// receive blocks its thread. io.EOF: the server is gone.
func (c *channel) receive() (frame, error) {
	control := make([]byte, syscall.CmsgSpace(4*maxFds))
	for {
		size, controlSize, flags, _, err := syscall.Recvmsg(c.fd, c.buffer[:], control,
			syscall.MSG_CMSG_CLOEXEC)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECONNRESET || err == nil && size == 0:
			return frame{}, io.EOF
		case err != nil:
			return frame{}, fmt.Errorf("recvmsg on the channel: %w", err)
		}
		result := frame{fds: descriptors(control[:controlSize])}
		if size < 4 || flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
			result.closeFds()
			continue // of a newer server, perhaps: not for us
		}
		result.kind = native.Uint32(c.buffer[:])
		result.payload = c.buffer[4:size]
		return result, nil
	}
}

func descriptors(control []byte) []int {
	var all []int
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		if fds, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	return all
}

// send waits until there is room; when the server is gone nobody needs to know.
func (c *channel) send(kind uint32, payload []byte) {
	message := make([]byte, 4, 4+len(payload))
	native.PutUint32(message, kind)
	message = append(message, payload...)
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	for syscall.Sendmsg(c.fd, message, nil, nil, syscall.MSG_NOSIGNAL) == syscall.EINTR {
	}
}

var errShort = errors.New("a message of the server is too short")

// numbers reads u32s from the beginning of a payload.
func numbers(payload []byte, out ...*uint32) error {
	if len(payload) < 4*len(out) {
		return errShort
	}
	for i, number := range out {
		*number = native.Uint32(payload[4*i:])
	}
	return nil
}

func appendU32(to []byte, number uint32) []byte {
	var bytes [4]byte
	native.PutUint32(bytes[:], number)
	return append(to, bytes[:]...)
}

func appendText(to []byte, text string) []byte {
	return append(appendU32(to, uint32(len(text))), text...)
}
