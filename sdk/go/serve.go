package unit

import (
	"context"
	"log"
	"net/http"
	"runtime"
	"strings"
	"sync"
)

// serve takes requests until it is told to stop, each into a goroutine of its own, and returns when
// all of them have ended.
func (h *host) serve(addr string, handler http.Handler) {
	go h.port.room.watch()
	go h.listen()
	h.sendReady()
	server := &http.Server{Addr: addr, Handler: handler} // for those who look for it in a context
	ctx := context.WithValue(context.Background(), http.ServerContextKey, server)
	var flying sync.WaitGroup
	for taken := uint32(0); !h.stopping.Load(); {
		ticket, ok := h.taker.take()
		if !ok {
			h.taker.rest()
			continue
		}
		flying.Add(1)
		go func() {
			defer flying.Done()
			h.handle(ctx, handler, ticket)
		}()
		if taken++; h.limit != 0 && taken == h.limit {
			// The successor is to be on its way before we are gone.
			h.channel.send(msgWorkerSpent, nil)
			break
		}
	}
	h.taker.leave()
	flying.Wait()
}

// handle serves one request.
func (h *host) handle(ctx context.Context, handler http.Handler, ticket uint64) {
	x, err := begin(h.port, ticket)
	if x == nil {
		log.Printf("unit: %v", err)
		return
	}
	w := newResponse(x)
	var m *message
	if err == nil {
		m, err = decodeMessage(x.message)
	}
	if err != nil {
		log.Printf("unit: #%d: %v", x.id, err)
		w.finish(false)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	x.cancel = cancel
	b := newBody(x)
	complete := false
	h.port.room.enter(x)
	// Also when the handler ends the goroutine.
	defer func() {
		h.port.room.leave(x)
		b.detach()
		w.finish(complete)
		cancel()
	}()
	w.isHead = m.method.value == http.MethodHead
	request, err := newRequest(ctx, m, b)
	if err != nil {
		w.header.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		w.WriteString("400 Bad Request")
		complete = true
		return
	}
	complete = call(handler, w, request)
}

// call: false, the handler panicked, as net/http takes it: the process lives on.
func call(handler http.Handler, w *response, request *http.Request) (complete bool) {
	defer func() {
		if complete {
			return
		}
		if cause := recover(); cause != nil && cause != http.ErrAbortHandler {
			stack := make([]byte, 64<<10)
			stack = stack[:runtime.Stack(stack, false)]
			log.Printf("unit: panic serving %v: %v\n%s", request.RemoteAddr, cause, stack)
		}
	}()
	handler.ServeHTTP(w, request)
	return true
}

// relevantCaller is the first frame outside of this package.
func relevantCaller() runtime.Frame {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "unit.nginx.org/go.") || !more {
			return frame
		}
	}
}
