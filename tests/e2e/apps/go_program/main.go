// A program for test_go.py: the same handlers under the server and alone. Its argument is the address
// to listen on when alone.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	unit "unit.nginx.org/go"
)

var dir = os.Getenv("DIR") // where tests and handlers leave files for each other

func note(name, text string) {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err == nil {
		fmt.Fprintln(file, text)
		file.Close()
	}
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// show prints every field of the request.
func show(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	_, hijacks := w.(http.Hijacker)
	_, flushes := w.(http.Flusher)
	port := func(address string) string {
		if host, _, err := net.SplitHostPort(address); err == nil {
			return host + " and a port"
		}
		return address
	}
	seen := map[string]any{
		"Method": r.Method, "URL": r.URL.String(), "Scheme": r.URL.Scheme, "URLHost": r.URL.Host,
		"Path": r.URL.Path, "RawPath": r.URL.RawPath, "RawQuery": r.URL.RawQuery, "Proto": r.Proto,
		"ForceQuery": r.URL.ForceQuery, "Version": []int{r.ProtoMajor, r.ProtoMinor}, "Header": r.Header,
		"ContentLength": r.ContentLength, "TransferEncoding": r.TransferEncoding, "Close": r.Close,
		"Host": r.Host, "RemoteAddr": port(r.RemoteAddr), "RequestURI": r.RequestURI, "TLS": r.TLS != nil,
		"Trailer": r.Trailer, "Body": string(body), "Error": fmt.Sprint(err), "Local": local.Network(),
		"Server": server != nil, "Hijacker": hosted && hijacks, "Flusher": flushes,
		"NoBody": r.Body == http.NoBody, "Cancelled": r.Context().Err() != nil,
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(seen)
}

var hosted = os.Getenv("PATCHBAY_INIT") != ""

func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	count, _ := strconv.Atoi(r.URL.Query().Get("n"))
	for i := 0; i < count; i++ {
		fmt.Fprintf(w, "data: %d\n\n", i)
		w.(http.Flusher).Flush()
		if gate := r.URL.Query().Get("gate"); gate != "" {
			for !exists(gate + strconv.Itoa(i)) {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	_, again := r.Body.Read(make([]byte, 1))
	fmt.Fprintf(w, "%d %x %v %v", n, sum.Sum(nil), err, again)
}

var pattern = bytes.Repeat([]byte("0123456789abcdef"), 4096) // 64 KiB

func download(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	step, _ := strconv.Atoi(r.URL.Query().Get("step"))
	for left := n; left > 0; {
		part := pattern[(n-left)%16:]
		if step > 0 && len(part) > step {
			part = part[:step]
		}
		if len(part) > left {
			part = part[:left]
		}
		written, err := w.Write(part)
		if left -= written; err != nil {
			note("failed", fmt.Sprint("download: ", err))
			return
		}
	}
	note("done", "download")
}

// echo answers while it still reads.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	_, err := io.Copy(w, r.Body)
	note("echo", fmt.Sprint(err))
}

var inside, most atomic.Int32

// meet returns when n requests are inside at the same time.
func meet(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	inside.Add(1)
	defer inside.Add(-1)
	for most.Load() < int32(n) {
		if now := inside.Load(); now > most.Load() {
			most.Store(now)
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Fprint(w, "met")
}

// cancelled waits until its client leaves.
func cancelled(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("begin") != "" {
		w.(http.Flusher).Flush()
	}
	note("waiting", "cancelled")
	select {
	case <-r.Context().Done():
		note("cancelled", r.Context().Err().Error())
	case <-time.After(time.Minute):
		note("cancelled", "never")
	}
}

// until returns when the file appears; the test sees that it has begun.
func until(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/until/")
	note("begun", name)
	for !exists(name) {
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Fprint(w, "until ", name)
}

func middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Middleware", "yes")
		next.ServeHTTP(w, r)
	})
}

func main() {
	if os.Getenv("EXIT_BEFORE_READY") != "" {
		fmt.Fprintln(os.Stderr, "no database to talk to")
		os.Exit(3)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "hello from %s", os.Getenv("VERSION"))
	})
	http.HandleFunc("/show", show)
	http.HandleFunc("/show/", show)
	http.HandleFunc("/events", events)
	http.HandleFunc("/upload", upload)
	http.HandleFunc("/download", download)
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/meet", meet)
	http.HandleFunc("/cancelled", cancelled)
	http.HandleFunc("/until/", until)
	http.HandleFunc("/pid", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getpid()) })
	http.HandleFunc("/peer", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) })
	http.HandleFunc("/descriptors", descriptors)
	http.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		list := append(os.Environ(), fmt.Sprintf("argv=%q", os.Args))
		sort.Strings(list)
		fmt.Fprint(w, strings.Join(list, "\n"))
	})
	corners()
	address := ""
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listen := unit.ListenAndServe
	if strings.HasPrefix(address, "/") {
		listen = listenUnix
	}
	if hosted && os.Getenv("TWICE") != "" {
		go func() {
			for !exists("first") {
				time.Sleep(5 * time.Millisecond)
			}
			err := unit.ListenAndServe(":0", nil)
			note("second", fmt.Sprint(errors.Is(err, unit.ErrServing)))
		}()
	}
	var handler http.Handler // nil: http.DefaultServeMux
	if os.Getenv("MIDDLEWARE") != "" {
		handler = middleware(http.DefaultServeMux)
	}
	note("returned", fmt.Sprint(listen(address, handler)))
}

func listenUnix(path string, handler http.Handler) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	return http.Serve(listener, handler)
}

func descriptors(w http.ResponseWriter, r *http.Request) {
	entries, _ := os.ReadDir("/proc/self/fd")
	var lines []string
	for _, entry := range entries {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil {
			lines = append(lines, entry.Name()+" "+target)
		}
	}
	fmt.Fprint(w, strings.Join(lines, "\n"))
}
