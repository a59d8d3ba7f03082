package unit

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

var pageText = strings.Repeat("0123456789abcdef", 4096) // 64 KiB

// answer is the handler of most tests.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/hello":
		io.WriteString(w, "hello")
	case "/large":
		for i := 0; i < 64; i++ {
			io.WriteString(w, pageText)
		}
	case "/echo":
		data, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %v %s", len(data), err, data)
	case "/cancel":
		<-r.Context().Done()
		fmt.Fprint(w, "late")
	case "/panic":
		panic("panic")
	}
}

func TestServe(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 256, 0)
	for i := uint32(0); i < 500; i++ {
		status, body := r.push(i%rigSlots, "GET", "/hello", nil, nil).finish()
		if status != 200 || body != "hello" {
			t.Fatalf("%d: %d %q", i, status, body)
		}
	}
	if served := atomic.LoadUint32(r.app.m.word32(r.app.seat(5) + seatServed)); served != 500 {
		t.Errorf("served %d", served)
	}
	r.quit()
}

func TestManyAtATime(t *testing.T) {
	var inside sync.WaitGroup
	const count = 40
	inside.Add(count)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		inside.Done()
		inside.Wait() // until all are there
		w.Write([]byte("x"))
	}), 256, 0)
	var flights []*flight
	for i := uint32(0); i < count; i++ {
		flights = append(flights, r.push(i, "GET", "/", nil, nil))
	}
	for ended := 0; ended < count; {
		r.drain(flights...)
		ended = 0
		for _, f := range flights {
			if f.ended {
				ended++
			}
		}
		time.Sleep(time.Millisecond)
	}
	r.quit()
}

func TestLargeAnswerInLittleMemory(t *testing.T) {
	for _, units := range []uint32{1, 7, 64, 256} {
		r := newRig(t, http.HandlerFunc(answer), units, 0)
		status, body := r.push(0, "GET", "/large", nil, nil).finish()
		if status != 200 || body != strings.Repeat(pageText, 64) {
			t.Errorf("%d units: %d, %d bytes", units, status, len(body))
		}
		if free := atomic.LoadUint64(r.host.port.freeWord(0)); free != lowBits(units) {
			t.Errorf("%d units: free are %#x", units, free)
		}
		r.quit()
	}
}

// A client that does not read stops the handler at the window, not the process.
func TestWindow(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 16384, 0)
	slow := r.push(0, "GET", "/large", nil, nil)
	slow.mute = true
	for still := 0; still < 5; time.Sleep(20 * time.Millisecond) {
		if still++; r.drain(slow) != 0 || len(slow.reply) == 0 {
			still = 0
		}
	}
	if len(slow.reply) < replyWindow/2 || len(slow.reply) > replyWindow {
		t.Errorf("%d bytes without a client that reads", len(slow.reply))
	}
	if status, _ := r.push(1, "GET", "/hello", nil, nil).finish(); status != 200 {
		t.Errorf("another: %d", status)
	}
	slow.end(endCancelled)
	slow.finish()
	if slow.flags != replyLast|replyAbort {
		t.Errorf("flags %d", slow.flags)
	}
	r.quit()
}

// Nor do many of them: small answers find memory.
func TestManyWindows(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 128, 0)
	flights := make([]*flight, 30)
	for i := range flights {
		flights[i] = r.push(uint32(i), "GET", "/large", nil, nil)
		flights[i].mute = true
		for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
			r.drain(flights...)
		}
	}
	for i := uint32(40); i < 50; i++ {
		f := r.push(i, "GET", "/hello", nil, nil)
		for end := time.Now().Add(10 * time.Second); !f.ended && time.Now().Before(end); {
			r.drain(append(flights, f)...)
		}
		if status, _ := f.parsed(); !f.ended || status != 200 {
			t.Fatalf("a small answer: ended %v, %d; %d units are free", f.ended, status, r.host.port.freeUnits())
		}
	}
	for _, f := range flights {
		f.end(endCancelled)
	}
	for _, f := range flights {
		for end := time.Now().Add(10 * time.Second); !f.ended && time.Now().Before(end); {
			r.drain(flights...)
		}
	}
	r.quit()
}

func TestBody(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 256, 0)
	body := []byte(pageText[:10500])
	for _, inline := range []int{0, 1, 500, 4000} {
		f := r.push(7, "POST", "/echo", body[:inline], body[inline:])
		_, text := f.finish()
		if text != fmt.Sprintf("%d <nil> %s", len(body), body) {
			t.Errorf("%d inline: %.40q", inline, text)
		}
		if want := (len(body) - inline + 999) / 1000; f.asked != want {
			t.Errorf("asked %d times instead of %d", f.asked, want)
		}
	}
	// The server cannot read it: a window of nothing.
	f := r.push(8, "POST", "/echo", nil, body)
	f.body = nil
	if _, text := f.finish(); text != "0 unexpected EOF " {
		t.Errorf("no body: %q", text)
	}
	r.quit()
}

func TestCancel(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 256, 0)
	for _, bits := range []uint32{endPeerDone, endCancelled, endPeerDone | endCancelled} {
		f := r.push(2, "GET", "/cancel", nil, nil)
		time.Sleep(30 * time.Millisecond)
		f.end(bits)
		status, body := f.finish()
		if bits == endPeerDone != (status == 200 && body == "late") {
			t.Errorf("%d: %d %q", bits, status, body)
		}
	}
	// Before it was taken, as it were: seen all the same.
	f := r.push(2, "GET", "/cancel", nil, nil)
	f.end(endPeerDone)
	f.finish()
	r.quit()
}

func TestPanic(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 256, 0)
	f := r.push(1, "GET", "/panic", nil, nil)
	f.finish()
	if f.flags != replyLast|replyAbort || len(f.reply) != 0 {
		t.Errorf("flags %d, %d bytes", f.flags, len(f.reply))
	}
	r.quit()
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 256, 0)
	for i, message := range [][]byte{nil, {1, 2, 3}, bytes.Repeat([]byte{0xFF}, 200)} {
		f := r.pushRaw(uint32(i), message, nil, nil)
		if f.finish(); f.flags != replyLast|replyAbort {
			t.Errorf("%d: flags %d", i, f.flags)
		}
	}
	m := r.app.m
	for member, value := range map[uint64]uint32{slotUnit: 1 << 30, slotMessageSize: 1 << 30, slotBodySize: 1 << 31} {
		f := r.pushChanged(9, func(at uint64) { *m.word32(at + member) = value })
		if f.finish(); f.flags != replyLast|replyAbort {
			t.Errorf("member %d: flags %d", member, f.flags)
		}
	}
	r.pushChanged(10, func(at uint64) { *m.word32(at + slotEngine) = maxEngines }) // no ring to say so
	bad := r.tail<<24 | 0xFFFFFF                                                   // a slot that does not exist
	atomic.StoreUint64(r.app.cell(r.tail), bad)
	r.tail++
	if status, _ := r.push(1, "GET", "/hello", nil, nil).finish(); status != 200 {
		t.Errorf("after all that: %d", status)
	}
	if f := r.push(1, "GET", "no path", nil, nil); true {
		if status, body := f.finish(); status != 400 || body != "400 Bad Request" {
			t.Errorf("a bad target: %d %q", status, body)
		}
	}
	r.quit()
}

func TestLimit(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 256, 3)
	for i := uint32(0); i < 3; i++ {
		r.push(i, "GET", "/hello", nil, nil).finish()
	}
	if kind := r.receive(); kind != msgWorkerSpent {
		t.Errorf("message %d", kind)
	}
	r.ended()
}

// The end of the server ends every wait.
func TestEnd(t *testing.T) {
	r := newRig(t, http.HandlerFunc(answer), 16, 0)
	r.push(0, "GET", "/large", nil, nil)
	r.push(1, "GET", "/cancel", nil, nil)
	time.Sleep(50 * time.Millisecond)
	r.host.stop()
	r.host.port.room.end()
	r.ended()
}

// Handlers that go on in other goroutines after the end find nothing of the next request.
func TestAfterTheEnd(t *testing.T) {
	var late sync.WaitGroup
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		late.Add(2)
		go func() {
			defer late.Done()
			for {
				if _, err := q.Body.Read(make([]byte, 10)); err == http.ErrBodyReadAfterClose {
					return
				}
			}
		}()
		go func() {
			defer late.Done()
			for {
				if _, err := io.WriteString(w, "x"); err == errDone {
					return
				}
			}
		}()
		time.Sleep(time.Millisecond)
	}), 256, 0)
	for i := uint32(0); i < 50; i++ {
		if status, body := r.push(i%4, "POST", "/", []byte("body"), nil).finish(); status != 200 || strings.Trim(body, "x") != "" {
			t.Fatalf("%d %.50q", status, body)
		}
	}
	late.Wait()
	r.quit()
}

func BenchmarkServe(b *testing.B) {
	r := newRig(b, http.HandlerFunc(answer), 256, 0)
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		f := r.push(uint32(i)%rigSlots, "GET", "/hello", nil, nil)
		for !f.ended {
			r.drain(f)
		}
	}
	r.quit()
}
