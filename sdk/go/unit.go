// Package unit runs an http.Handler under the application server Patchbay, or alone.
//
// A program calls ListenAndServe as it would call http.ListenAndServe. Started by the server it takes
// its requests from there and addr is not used; started by hand it listens on addr.
//
// Everything is in Go: no cgo, and nothing but the standard library. Where what comes: ListenAndServe
// (here), host.go (the server's messages), output.go (log files), taker.go (requests, one after another), serve.go (a
// goroutine for each), request.go and body.go (what the handler reads), response.go and reply.go (what
// it writes), ring.go (the way back), room.go (waiting). The protocol is described in sdk/PROTOCOL.md.
package unit

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
)

// Version of this package, as the server logs it.
const Version = "0.1.0"

// ErrServing is returned by a second ListenAndServe of a program that the server started: all
// requests go to the first one's handler.
var ErrServing = errors.New("unit: the program serves already; the server has one handler per application")

const initVariable = "PATCHBAY_INIT"

var serving atomic.Bool

// ListenAndServe serves requests with the handler; nil means http.DefaultServeMux.
//
// Under the server it returns nil after the server has told the program to go and the requests in
// flight are answered; the program should end then. If the server speaks another version of the
// protocol, or something else is wrong with what it gave us, the program ends with a line on standard
// error and status 1: it must not look alive.
//
// Alone it is http.ListenAndServe(addr, handler).
func ListenAndServe(addr string, handler http.Handler) error {
	text, hosted := os.LookupEnv(initVariable)
	if !hosted && !serving.Load() {
		return http.ListenAndServe(addr, handler)
	}
	if serving.Swap(true) {
		return ErrServing
	}
	os.Unsetenv(initVariable) // processes that we start are not the server's
	if handler == nil {
		handler = http.DefaultServeMux
	}
	host, err := meet(text)
	if err != nil {
		if host != nil {
			host.sendFailed(err.Error())
		}
		fmt.Fprintf(os.Stderr, "unit: %v\n", err)
		os.Exit(1)
	}
	host.serve(addr, handler)
	return nil
}
