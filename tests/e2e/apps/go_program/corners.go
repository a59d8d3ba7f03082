package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// corners: what http.ResponseWriter does in the less usual cases. Each answers the same under the
// server and alone.
func corners() {
	page := strings.Repeat("<p>some text</p>\n", 300)
	cases := map[string]http.HandlerFunc{
		"nothing": func(w http.ResponseWriter, r *http.Request) {},
		"html":    func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<!DOCTYPE html><p>x") },
		"text":    func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "plain") },
		"binary":  func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0, 1, 2, 0xFF}) },
		"png":     func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("\x89PNG\x0D\x0A\x1A\x0A....")) },
		"pieces": func(w http.ResponseWriter, r *http.Request) { // sniffed as a whole
			for _, c := range "<html><body>pieces" {
				io.WriteString(w, string(c))
			}
		},
		"kept-2048": func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte("k"), 2048)) },
		"kept-2049": func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte("k"), 2049)) },
		"long":      func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, page) },
		"typed": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/css")
			io.WriteString(w, "<html>")
		},
		"untyped": func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		},
		"encoded": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "x-none")
			io.WriteString(w, "<html>")
		},
		"declared": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "12345")
		},
		"beyond": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			n, err := io.WriteString(w, "12345")
			m, fault := io.WriteString(w, "6")
			note("beyond", fmt.Sprint(n, err, m, fault == http.ErrContentLength))
		},
		"bad-length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "five")
			io.WriteString(w, "12345")
		},
		"no-content": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(204)
			_, err := io.WriteString(w, "x")
			note("no-content", fmt.Sprint(err == http.ErrBodyNotAllowed))
		},
		"not-modified": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(304)
			_, err := io.WriteString(w, "x")
			note("not-modified", fmt.Sprint(err == http.ErrBodyNotAllowed))
		},
		"created": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201) },
		"teapot":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, "short", 418) },
		"599":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(599); io.WriteString(w, "x") },
		"twice": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			w.WriteHeader(500)
			io.WriteString(w, "first wins")
		},
		"interim": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(102)
			io.WriteString(w, "final")
		},
		"late-field": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Early", "1")
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1")
			io.WriteString(w, "x")
		},
		"fields": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("X-Many", "1")
			w.Header().Add("X-Many", "2")
			w.Header().Set("X-Lines", "a\r\nX-Smuggled: b")
			w.Header().Set("X-Blank", "  padded ")
			w.Header()["bad name"] = []string{"x"}
			w.Header()["x-lower"] = []string{"kept"}
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Path: "/", HttpOnly: true})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2", MaxAge: 60})
			io.WriteString(w, "x")
		},
		"cookies": func(w http.ResponseWriter, r *http.Request) {
			for _, c := range r.Cookies() {
				fmt.Fprintf(w, "%s=%s;", c.Name, c.Value)
			}
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere?a=b", 303) },
		"relative": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "down", 302) },
		"form": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.FormValue("a"), "|", r.PostFormValue("b"))
		},
		"too-large": tooLarge,
		"flushed": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "<html>after")
		},
		"flushed-text": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<html>before")
			w.(http.Flusher).Flush()
			io.WriteString(w, " after")
		},
		"trailer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "x")
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"X-More", "1")
		},
		"multipart": multipart,
		"file":      func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(dir, "file.txt")) },
		"content": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			http.ServeContent(w, r, "page.html", time.Unix(1600000000, 0), strings.NewReader(page))
		},
		"copy": func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(w, strings.NewReader(page))
			note("copy", fmt.Sprint(n, err))
		},
		"copy-file": func(w http.ResponseWriter, r *http.Request) {
			file, err := os.Open(filepath.Join(dir, "file.txt"))
			if err == nil {
				defer file.Close()
				n, err := io.Copy(w, file)
				note("copy-file", fmt.Sprint(n, err))
			}
		},
	}
	for name, handler := range cases {
		http.HandleFunc("/corner/"+name, handler)
	}
	breaking()
}

// breaking: what does not end well.
func breaking() {
	for name, handler := range map[string]http.HandlerFunc{
		"panic": func(w http.ResponseWriter, r *http.Request) { panic("at the wrong time") },
		"panic-late": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			panic("too late")
		},
		"abort":  func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"goexit": func(w http.ResponseWriter, r *http.Request) { runtime.Goexit() },
		"status": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(42) },
		"short": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "short")
		},
		"large-head": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 300<<10))
		},
		"exit": func(w http.ResponseWriter, r *http.Request) { os.Exit(7) },
		"hang": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			note("hang", "cancelled")
		},
		"late-write": func(w http.ResponseWriter, r *http.Request) {
			go func() {
				for !exists("late") {
					time.Sleep(5 * time.Millisecond)
				}
				_, writing := w.Write([]byte("x"))
				_, reading := r.Body.Read(make([]byte, 1))
				note("late-write", fmt.Sprint(writing != nil, " ", reading == http.ErrBodyReadAfterClose))
			}()
			io.WriteString(w, "on time")
		},
	} {
		http.HandleFunc("/break/"+name, handler)
	}
}

func tooLarge(w http.ResponseWriter, r *http.Request) {
	_, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	io.WriteString(w, "small enough")
}

func multipart(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	defer file.Close()
	content, _ := io.ReadAll(file)
	fmt.Fprintf(w, "%s %d %s", header.Filename, len(content), r.FormValue("a"))
}
