// The bundled example in Go: net/http and nothing else. Under the server it takes its requests from
// there; started by hand it listens on port 8082 itself.
//
//	/        the request as the application sees it
//	/stream  a page that arrives line by line
//	/upload  a form that takes a file
package main

import (
	"crypto/sha256"
	"fmt"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"

	unit "unit.nginx.org/go"
)

const begin = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title><style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
nav a { margin-right: 1rem }
table { border-collapse: collapse; width: 100%; font: 14px/1.6 ui-monospace, monospace }
td { border-top: 1px solid #8884; padding: .15rem .5rem; vertical-align: top;
     overflow-wrap: anywhere }
td:first-child { white-space: nowrap; opacity: .7 }
</style></head>
<body><nav><a href="/">Request</a><a href="/stream">Stream</a><a href="/upload">Upload</a></nav>
<h1>{{.Title}}</h1>
`

const pages = `
{{define "begin"}}` + begin + `{{end}}
{{define "end"}}</body></html>
{{end}}
{{define "request"}}{{template "begin" .}}<p>{{.Version}}, answered by process {{.Process}}, which has
{{.Goroutines}} goroutines: requests share it.</p>
<table>{{range .Facts}}<tr><td>{{.Name}}</td><td>{{.Value}}</td></tr>
{{end}}</table><h2>Next</h2><ul>
<li>Open <a href="/stream">/stream</a> in several windows: one process serves them all, at the same time</li>
<li>Change main.go and build it again; then <code>patchbayctl restart example-go</code>: no request is
lost</li>
<li>Start {{.Executable}} by hand: it listens itself, with the same handlers</li></ul>
{{template "end"}}{{end}}
{{define "upload"}}{{template "begin" .}}
{{with .File}}<p>Got <b>{{.Name}}</b>: {{.Size}} bytes, SHA-256 <code>{{.Digest}}</code></p>{{end}}
{{with .Fault}}<p>Nothing came: {{.}}.</p>{{end}}
<form method="post" enctype="multipart/form-data"><input type="file" name="file">
<button>Send</button></form><p>Up to 8 MiB, the server's default limit.</p>
{{template "end"}}{{end}}
{{define "none"}}{{template "begin" .}}<p>There is no such page.</p>{{template "end"}}{{end}}
`

var templates = template.Must(template.New("pages").Parse(pages))

type fact struct{ Name, Value string }

type file struct {
	Name   string
	Size   int64
	Digest string
}

func show(w http.ResponseWriter, status int, page string, values map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := templates.ExecuteTemplate(w, page, values); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
	}
}

func facts(r *http.Request) []fact {
	all := []fact{{"Method", r.Method}, {"RequestURI", r.RequestURI}, {"Proto", r.Proto}, {"Host", r.Host},
		{"RemoteAddr", r.RemoteAddr}}
	fields := make([]fact, 0, len(r.Header))
	for name, values := range r.Header {
		fields = append(fields, fact{name, strings.Join(values, ", ")})
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
	return append(all, fields...)
}

func request(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		show(w, http.StatusNotFound, "none", map[string]any{"Title": "Not here"})
		return
	}
	greeting := os.Getenv("GREETING")
	if greeting == "" {
		greeting = "Hello"
	}
	show(w, http.StatusOK, "request", map[string]any{"Title": greeting, "Version": runtime.Version(),
		"Process": os.Getpid(), "Goroutines": runtime.NumGoroutine(), "Executable": os.Args[0],
		"Facts": facts(r)})
}

func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	title := map[string]any{"Title": "A page that takes its time"}
	if err := templates.ExecuteTemplate(w, "begin", title); err != nil {
		return
	}
	fmt.Fprint(w, "<p>Each line is sent when it is made. Other pages answer meanwhile.</p><ol>")
	for i := 0; i < 10; i++ {
		fmt.Fprintf(w, "<li>%s</li>\n", time.Now().Format("15:04:05"))
		w.(http.Flusher).Flush()
		select {
		case <-time.After(500 * time.Millisecond):
		case <-r.Context().Done(): // the client has left
			return
		}
	}
	fmt.Fprint(w, "</ol></body></html>\n")
}

// The first file of a multipart body, which is never held as a whole.
func receive(parts *multipart.Reader) (*file, error) {
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FileName() == "" {
			continue
		}
		digest := sha256.New()
		size, err := io.Copy(digest, part)
		if err != nil {
			return nil, err
		}
		return &file{part.FileName(), size, fmt.Sprintf("%x", digest.Sum(nil))}, nil
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	values := map[string]any{"Title": "Upload"}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		parts, err := r.MultipartReader()
		if err == nil {
			values["File"], err = receive(parts)
		}
		if err == io.EOF {
			err = fmt.Errorf("no file was chosen")
		}
		if err != nil {
			delete(values, "File")
			values["Fault"], status = err, http.StatusBadRequest
		}
	}
	show(w, status, "upload", values)
}

func main() {
	http.HandleFunc("/", request)
	http.HandleFunc("/stream", stream)
	http.HandleFunc("/upload", upload)
	if err := unit.ListenAndServe("127.0.0.1:8082", nil); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}
