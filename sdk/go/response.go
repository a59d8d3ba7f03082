package unit

import (
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// response is the http.ResponseWriter. It does what net/http's does, as far as the server does not do
// it: the server writes Date, Connection and the chunks, and sends no trailers.
//
// The first sniffAt bytes are kept back until it is known whether they are all, so that a small
// response has a Content-Length.
type response struct {
	header http.Header

	mu            sync.Mutex // of all below
	reply         reply
	wroteHeader   bool // WriteHeader was called
	sentHead      bool
	handlerDone   bool
	failed        error // every further write
	status        int
	fields        []field // as they were at WriteHeader
	contentLength int64   // as declared; -1: not
	written       int64
	kept          []byte // until the head is sent
	isHead        bool   // the method
	sniff         bool   // the handler has said nothing of a type
}

const sniffAt = 2048

var (
	errDone  = errors.New("unit: the handler of this request has returned")
	keptPool = sync.Pool{New: func() any { return new([sniffAt]byte) }}
	copyPool = sync.Pool{New: func() any { return new([32 << 10]byte) }}
)

func newResponse(x *exchange) *response {
	return &response{header: make(http.Header), reply: reply{x: x}, contentLength: -1}
}

func (w *response) Header() http.Header { return w.header }

// bodyAllowed: RFC 9110 6.4.1.
func bodyAllowed(status int) bool { return status >= 200 && status != 204 && status != 304 }

// WriteHeader ignores 1xx: the server sends no interim responses of applications.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("invalid WriteHeader code " + strconv.Itoa(status))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wroteHeader {
		caller := relevantCaller()
		log.Printf("unit: superfluous WriteHeader call from %s (%s:%d)", caller.Function, caller.File, caller.Line)
		return
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.writeHeader(status)
	}
}

// writeHeader takes the header as it is now; later changes do not count.
func (w *response) writeHeader(status int) {
	w.wroteHeader, w.status = true, status
	if text := w.header.Get("Content-Length"); text != "" {
		length, err := strconv.ParseInt(text, 10, 64)
		if err != nil || length < 0 {
			log.Printf("unit: invalid Content-Length of %q", text)
			w.header.Del("Content-Length")
		} else if bodyAllowed(status) {
			w.contentLength = length
		}
	}
	_, hasType := w.header["Content-Type"]
	w.sniff = !hasType && bodyAllowed(status) && w.header.Get("Content-Encoding") == "" &&
		w.header.Get("Transfer-Encoding") == ""
	w.takeFields()
}

// takeFields leaves out what belongs to other statuses and to trailers, and mends what net/http mends.
func (w *response) takeFields() {
	trailers := map[string]bool{"Trailer": true}
	for _, list := range w.header["Trailer"] {
		for _, name := range strings.Split(list, ",") {
			trailers[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	if !bodyAllowed(w.status) {
		trailers["Content-Length"] = true
		trailers["Content-Type"] = w.status == http.StatusNotModified
	}
	names := make([]string, 0, len(w.header))
	for name := range w.header {
		if isToken(name) && !trailers[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		for _, value := range w.header[name] {
			w.fields = append(w.fields, field{name, strings.TrimSpace(newlines.Replace(value))})
		}
	}
}

var newlines = strings.NewReplacer("\n", " ", "\r", " ")

// sendHead: body begins with `begin`, and following more bytes come right behind the head.
func (w *response) sendHead(begin []byte, following int) error {
	w.sentHead = true
	if w.sniff && len(begin) > 0 {
		w.fields = append(w.fields, field{"Content-Type", http.DetectContentType(begin)})
	}
	if w.handlerDone && w.contentLength < 0 && bodyAllowed(w.status) && (!w.isHead || len(begin) > 0) &&
		w.header.Get("Transfer-Encoding") == "" {
		w.fields = append(w.fields, field{"Content-Length", strconv.Itoa(len(begin))})
	}
	head, err := encodeHead(w.status, w.fields)
	if err != nil {
		log.Printf("unit: #%d: %v", w.reply.x.id, err)
		return err
	}
	return appendBytes(&w.reply, head, following)
}

func (w *response) Write(data []byte) (int, error)       { return write(w, data) }
func (w *response) WriteString(data string) (int, error) { return write(w, data) }

func write[T string | []byte](w *response, data T) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return 0, w.failed
	}
	if !w.wroteHeader {
		w.writeHeader(http.StatusOK)
	}
	if len(data) == 0 {
		return 0, nil
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(len(data))
	if w.contentLength >= 0 && w.written > w.contentLength {
		return 0, http.ErrContentLength
	}
	if !w.sentHead && len(w.kept)+len(data) <= sniffAt {
		if w.kept == nil {
			w.kept = keptPool.Get().(*[sniffAt]byte)[:0]
		}
		w.kept = append(w.kept, data...)
		return len(data), nil
	}
	if w.failed = send(w, data); w.failed != nil {
		return 0, w.failed
	}
	return len(data), nil
}

// send: the head if it has not been, what was kept, and data.
func send[T string | []byte](w *response, data T) error {
	if !w.sentHead {
		begin := w.kept
		if len(begin) < 512 && len(data) > 0 { // as many as sniffing looks at
			more := len(data)
			if more > 512 {
				more = 512
			}
			begin = append(append(make([]byte, 0, 1024), begin...), data[:more]...)
		}
		following := len(w.kept) + len(data)
		if w.isHead {
			following = 0
		}
		if err := w.sendHead(begin, following); err != nil {
			return err
		}
		if err := w.sendKept(len(data)); err != nil {
			return err
		}
	}
	if w.isHead {
		return nil
	}
	if err := appendBytes(&w.reply, data, 0); err != nil {
		return err
	}
	return w.reply.settle()
}

func (w *response) sendKept(following int) error {
	if w.kept == nil {
		return nil
	}
	var err error
	if !w.isHead {
		err = appendBytes(&w.reply, w.kept, following)
	}
	keptPool.Put((*[sniffAt]byte)(w.kept[:sniffAt]))
	w.kept = nil
	return err
}

// Flush is for http.Flusher, FlushError for http.ResponseController.
func (w *response) Flush() { w.FlushError() }

func (w *response) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.failed
	}
	if !w.wroteHeader {
		w.writeHeader(http.StatusOK)
	}
	if w.failed = send(w, ""); w.failed == nil {
		w.failed = w.reply.flush()
	}
	return w.failed
}

// EnableFullDuplex is for http.ResponseController: it always is.
func (w *response) EnableFullDuplex() error { return nil }

// ReadFrom copies a file into shared memory without a buffer in between.
func (w *response) ReadFrom(source io.Reader) (int64, error) {
	var total int64
	if isFile(source) && !w.isHead {
		// What sniffing needs goes the usual way.
		n, err := w.copyBuffered(io.LimitReader(source, 512))
		total = n
		if err != nil || n < 512 || !w.canCopyFile() {
			return total, err
		}
		for {
			n, err := w.copyFile(source)
			total += int64(n)
			if err == io.EOF {
				return total, nil
			}
			if err != nil {
				return total, err
			}
		}
	}
	return w.copyBuffered(source)
}

func (w *response) copyBuffered(source io.Reader) (int64, error) {
	buffer := copyPool.Get().(*[32 << 10]byte)
	defer copyPool.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, source, buffer[:])
}

func (w *response) canCopyFile() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed == nil && bodyAllowed(w.status)
}

// copyFile moves as much as one run holds.
func (w *response) copyFile(source io.Reader) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return 0, w.failed
	}
	if !w.sentHead {
		if w.failed = send(w, ""); w.failed != nil {
			return 0, w.failed
		}
	}
	limit := int64(maxRun) * int64(w.reply.x.port.worker.unit)
	if w.contentLength >= 0 {
		if limit > w.contentLength-w.written {
			limit = w.contentLength - w.written
		}
		if limit == 0 {
			return 0, io.EOF
		}
	}
	n, err := w.reply.readFrom(source, int(limit))
	w.written += int64(n)
	if fault := w.reply.settle(); fault != nil {
		w.failed = fault
		return n, fault
	}
	return n, err
}

// isFile: reading it does not wait for anybody.
func isFile(source io.Reader) bool {
	if limited, ok := source.(*io.LimitedReader); ok {
		source = limited.R
	}
	file, ok := source.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// finish ends the response; complete false: the handler panicked, the client gets 503 or a cut
// connection.
func (w *response) finish(complete bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if complete && w.failed == nil {
		w.handlerDone = true
		if !w.wroteHeader {
			w.writeHeader(http.StatusOK)
		}
		if !w.sentHead {
			following := len(w.kept)
			if w.isHead {
				following = 0
			}
			if w.failed = w.sendHead(w.kept, following); w.failed == nil {
				w.failed = w.sendKept(0)
			}
		}
	}
	w.reply.finish(complete && w.failed == nil)
	w.failed = errDone
}
