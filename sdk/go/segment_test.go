package unit

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

func TestMapsThatMakeNoSense(t *testing.T) {
	good := newApp(t)
	if _, err := newAppSegment(good.m[:100]); err == nil {
		t.Error("a cut segment was taken")
	}
	if _, err := newAppSegment(good.m[:20]); err == nil {
		t.Error("a cut map was taken")
	}
	for member := uint64(0); member < 14; member++ {
		word := good.m.word32(8 + 4*member)
		before := *word
		for _, value := range []uint32{0xFFFFFFFF, 0xFFFFFFF8, 3} {
			*word = value
			if _, err := newAppSegment(good.m); err == nil && value != 3 {
				t.Errorf("member %d = %#x was taken", member, value)
			}
		}
		*word = before
	}
	worker := newWorker(t, 100, 8)
	for member := uint64(0); member < 10; member++ {
		word := worker.m.word32(16 + 4*member)
		before := *word
		*word = 0xFFFFFFF8
		if _, err := newWorkerSegment(worker.m); err == nil {
			t.Errorf("member %d of a worker's was taken", member)
		}
		*word = before
	}
}

func TestBytesOfRequests(t *testing.T) {
	app := newApp(t)
	for _, c := range []struct {
		unit uint32
		size uint64
		good bool
	}{{0, 0, true}, {0, 1, true}, {app.units - 1, rigUnit, true}, {app.units - 1, rigUnit + 1, false},
		{app.units, 0, false}, {0xFFFFFFFF, 1, false}, {0, uint64(app.units) * rigUnit, true},
		{0, uint64(app.units)*rigUnit + 1, false}, {1, 1 << 62, false}} {
		if (app.bytes(c.unit, c.size) != nil) != c.good {
			t.Errorf("unit %d, size %d", c.unit, c.size)
		}
	}
}

func TestDescriptorsThatAreNoSegments(t *testing.T) {
	plain, err := os.CreateTemp(t.TempDir(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	plain.Truncate(1 << 20)
	for name, text := range map[string]string{plain.Name(): "not sealed", "/dev/null": "0 bytes",
		"/": "bytes, which cannot be"} {
		fd, err := syscall.Open(name, syscall.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := openAppSegment(fd); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
		if syscall.Close(fd) == nil {
			t.Errorf("%s was left open", name)
		}
	}
}

func TestRuns(t *testing.T) {
	worker := newWorker(t, 100, 8)
	p := newPort(newApp(t), worker, 0, newRoom(worker.event(), worker.waiting()))
	var runs [][2]uint32
	taken := uint32(0)
	for want := uint32(64); ; want = 40 {
		unit, units := p.takeRun(want)
		if units == 0 {
			break
		}
		if unit/64 != (unit+units-1)/64 || unit+units > 100 {
			t.Fatalf("a run of %d units at %d", units, unit)
		}
		taken += units
		runs = append(runs, [2]uint32{unit, units})
	}
	if taken != 100 || p.hasMemory() {
		t.Errorf("%d of 100 units taken", taken)
	}
	for _, run := range runs {
		p.giveRun(run[0], run[1])
	}
	if unit, units := p.takeRun(64); unit != 0 || units != 64 {
		t.Errorf("then: %d units at %d", units, unit)
	}
}

func TestOffers(t *testing.T) {
	for text, good := range map[string]bool{"1.0;7;Patchbay/0.1.0": true, "1.9;0;x": true, "1.0;7;a;b": true,
		"2.0;7;x": false, "0.9;7;x": false, "": false, "1.0": false, "1.0;7": false, "1;7;x": false, "a.b;7;x": false,
		"1.0;-1;x": false, "1.0;99999999999;x": false, "1.0;x;x": false, "-1.0;7;x": false, "1.0.0;7;x": false} {
		o, err := parseOffer(text)
		if err == nil {
			err = o.check()
		}
		if good != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzSegment(f *testing.F) {
	app := newApp(f)
	f.Add([]byte(app.m[:64]))
	f.Fuzz(func(t *testing.T, begin []byte) {
		const size = 1 << 20
		m := memory(newAligned(size))
		copy(m, begin)
		s, err := newAppSegment(m)
		if err != nil {
			return
		}
		// Whatever the map says, nothing of it lies outside: these would panic.
		s.head()
		s.cell(1 << 40)
		s.idle(maxSeats/64 - 1)
		m.word32(s.seat(maxSeats-1) + seatServed)
		m.word64(s.door(maxEngines-1) + doorBytes - 8)
		m.word64(s.slot(s.slots-1) + slotConsumed)
		if s.bytes(s.units-1, uint64(s.unit)) == nil || s.bytes(s.units-1, uint64(s.unit)+1) != nil {
			t.Fatal("the last unit")
		}
	})
}

func newAligned(size int) []byte {
	words := make([]uint64, size/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
}

// A handler must not be able to send what would break the head.
func FuzzHead(f *testing.F) {
	f.Add(200, "X-A", "b")
	f.Add(99, "X A", "b\r\nc")
	f.Fuzz(func(t *testing.T, status int, name, value string) {
		w := newResponse(&exchange{})
		w.header[name] = []string{value}
		head, err := encodeHead(status, []field{{name, value}})
		if (err == nil) != (status >= 100 && status <= 999 && isToken(name) && len(name) < 1<<16 &&
			!strings.ContainsAny(value, "\r\n\x00") && len(value) < maxHead-100) && len(value) < maxHead-1<<17 {
			t.Fatalf("%d %q %q: %v", status, name, value, err)
		}
		if err == nil && int(native.Uint32(head)) != len(head)-4 {
			t.Fatal("the size of the head")
		}
		w.writeHeader(http.StatusOK)
		for _, field := range w.fields {
			if !isToken(field.name) || strings.ContainsAny(field.value, "\r\n") {
				t.Fatalf("%q", field)
			}
		}
	})
}
