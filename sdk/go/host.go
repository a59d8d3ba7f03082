package unit

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// host is the server that started the program, as the program sees it: what it says on the channel.
type host struct {
	channel channel
	port    *port
	taker   taker
	limit   uint32 // requests to serve; 0: any number
	output  output

	stopping atomic.Bool // no more requests
}

// orphanTime: what a program whose server is gone may still take.
const orphanTime = 1500 * time.Millisecond

// offer is what PATCHBAY_INIT says: "MAJOR.MINOR;DESCRIPTOR;SERVER".
type offer struct {
	major, minor uint32
	fd           int
	server       string
}

func parseOffer(text string) (offer, error) {
	bad := fmt.Errorf("%s is %.100q; expected is \"MAJOR.MINOR;DESCRIPTOR;SERVER\" from the server",
		initVariable, text)
	parts := strings.SplitN(text, ";", 3)
	if len(parts) != 3 {
		return offer{}, bad
	}
	majorText, minorText, _ := strings.Cut(parts[0], ".")
	major, err1 := strconv.ParseUint(majorText, 10, 32)
	minor, err2 := strconv.ParseUint(minorText, 10, 32)
	fd, err3 := strconv.ParseUint(parts[1], 10, 31)
	if err1 != nil || err2 != nil || err3 != nil {
		return offer{}, bad
	}
	return offer{uint32(major), uint32(minor), int(fd), parts[2]}, nil
}

// check: the same major, and a minor that the server knows.
func (o offer) check() error {
	if o.major == protocolMajor && o.minor >= protocolMinor {
		return nil
	}
	return fmt.Errorf("this program was built with package unit %s, which speaks version %d.%d of the "+
		"application protocol; the server %s speaks %d.%d: build the program with the package of this server",
		Version, protocolMajor, protocolMinor, o.server, o.major, o.minor)
}

// meet opens what the server gave us. With an error the host, unless nil, can be told of it.
func meet(text string) (*host, error) {
	o, err := parseOffer(text)
	if err != nil {
		return nil, err
	}
	h := &host{channel: channel{fd: o.fd}, output: takeOutput()}
	syscall.CloseOnExec(o.fd)
	if err := o.check(); err != nil {
		return h, err
	}
	first, err := h.channel.receive()
	if err == io.EOF {
		os.Exit(0) // the server went away
	}
	if err != nil {
		return nil, fmt.Errorf("descriptor %d of %s is not the server's channel: %w", o.fd, initVariable, err)
	}
	return h, h.attach(&first)
}

func (h *host) attach(first *frame) error {
	var number, seat, seats uint32
	if first.kind != msgAttach || len(first.fds) != 2 {
		first.closeFds()
		return errors.New("the first message of the server is not what it should be")
	}
	if err := numbers(first.payload, &number, &seat, &seats, &h.limit); err != nil {
		first.closeFds()
		return err
	}
	if number >= maxWorkers || seats == 0 || seat >= maxSeats {
		first.closeFds()
		return fmt.Errorf("the server gave number %d and seat %d, which cannot be", number, seat)
	}
	app, err := openAppSegment(first.fds[0])
	if err != nil {
		syscall.Close(first.fds[1])
		return err
	}
	worker, err := openWorkerSegment(first.fds[1])
	if err != nil {
		return err
	}
	h.port = newPort(app, worker, number, newRoom(worker.event(), worker.waiting()))
	h.taker = taker{app: app, seat: seat}
	return nil
}

func (h *host) sendFailed(text string) { h.channel.send(msgWorkerFailed, appendText(nil, text)) }

func (h *host) sendReady() {
	payload := appendU32(appendU32(appendU32(nil, protocolMajor), protocolMinor), 1)
	h.channel.send(msgWorkerReady, appendText(payload, "patchbay-go "+Version))
}

// listen handles the server's messages until it is gone.
func (h *host) listen() {
	for {
		f, err := h.channel.receive()
		if err != nil {
			if err != io.EOF {
				log.Printf("unit: %v", err)
			}
			h.stop()
			h.port.room.end()
			h.exitAfter(orphanTime)
			return
		}
		if err := h.handleMessage(&f); err != nil {
			log.Printf("unit: a message of the server was dropped: %v", err)
		}
		f.closeFds()
	}
}

// handleMessage: types that are not known are a newer server's.
func (h *host) handleMessage(f *frame) error {
	switch f.kind {
	case msgEngineDoorbell:
		var engine uint32
		if err := numbers(f.payload, &engine); err != nil {
			return err
		}
		if len(f.fds) != 1 {
			return errors.New("a doorbell without its descriptor")
		}
		h.port.setDoorbell(engine, f.fds[0])
		f.fds = nil
	case msgReopenLog:
		h.output.reopen()
	case msgQuit:
		var graceful, deadline uint32
		if err := numbers(f.payload, &graceful, &deadline); err != nil {
			return err
		}
		h.quit(graceful != 0, time.Duration(deadline)*time.Millisecond)
	}
	return nil
}

// quit: gracefully without a deadline the requests in flight take what they take.
func (h *host) quit(graceful bool, deadline time.Duration) {
	h.stop()
	if graceful {
		if deadline > 0 {
			h.exitAfter(deadline)
		}
		return
	}
	h.port.room.end()
	if deadline > orphanTime {
		deadline = orphanTime
	}
	h.exitAfter(deadline)
}

// stop: no more requests.
func (h *host) stop() {
	h.stopping.Store(true)
	h.taker.getUp()
}

// exitAfter: a handler or the program's end is stuck, and nobody waits for it.
func (h *host) exitAfter(limit time.Duration) {
	if limit <= 0 {
		os.Exit(0)
	}
	time.AfterFunc(limit, func() { os.Exit(0) })
}
