// What the server runs, and what listens itself (net/http) beside it: argv[1] is the address.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	unit "unit.nginx.org/go"
)

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "Hello, world!\n")
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func main() {
	http.HandleFunc("/hello", hello)
	http.HandleFunc("/echo", echo)
	address := ""
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := unit.ListenAndServe(address, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
