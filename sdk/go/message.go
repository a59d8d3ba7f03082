package unit

import "fmt"

// A request's message: a head of numbers and places of texts, fields, then the bytes. Its length and
// every place in it is checked here; modules/go/message.hpp is the writer's side.

const (
	messageLayout = 1
	headBytes     = 160 // of version 1.0; a newer server's head is longer
	fieldBytes    = 16

	flagHTTPS   = 1
	flagChunked = 4
)

// text is a string that may be absent.
type text struct {
	value   string
	present bool
}

type field struct{ name, value string }

type message struct {
	flags, engine, target, localPort, remotePort uint32
	exchangeID, contentLength                    uint64

	method, uri, path, query, version, scheme, host text
	serverName, serverPort, localAddress            text
	remoteAddress, contentType                      text
	fields                                          []field
}

type messageReader struct {
	bytes string
	head  uint64 // its size: texts and fields lie behind it
	bad   bool
}

func (r *messageReader) u32(at uint64) uint32 {
	if r.bad || at+4 > uint64(len(r.bytes)) {
		r.bad = true
		return 0
	}
	return native.Uint32([]byte(r.bytes[at : at+4]))
}

func (r *messageReader) u64(at uint64) uint64 {
	if r.bad || at+8 > uint64(len(r.bytes)) {
		r.bad = true
		return 0
	}
	return native.Uint64([]byte(r.bytes[at : at+8]))
}

func (r *messageReader) text(at uint64) text {
	offset, size := uint64(r.u32(at)), uint64(r.u32(at+4))
	if offset == 0 {
		r.bad = r.bad || size != 0
		return text{}
	}
	if r.bad || offset < r.head || offset+size > uint64(len(r.bytes)) {
		r.bad = true
		return text{}
	}
	return text{r.bytes[offset : offset+size], true}
}

// must is for what is never absent.
func (r *messageReader) must(at uint64) string {
	t := r.text(at)
	r.bad = r.bad || !t.present
	return t.value
}

// decodeMessage reads a message; strings of the result are parts of it.
func decodeMessage(bytes string) (*message, error) {
	r := &messageReader{bytes: bytes}
	layout, headSize, size := r.u32(0), r.u32(4), r.u32(8)
	if r.bad || layout != messageLayout || uint64(size) != uint64(len(bytes)) || headSize < headBytes ||
		headSize > size {
		return nil, fmt.Errorf("a request's message of %d bytes, layout %d, cannot be read", len(bytes), layout)
	}
	r.head = uint64(headSize)
	m := &message{flags: r.u32(12), exchangeID: r.u64(16), contentLength: r.u64(24), engine: r.u32(32),
		target: r.u32(36), localPort: r.u32(40), remotePort: r.u32(44)}
	for i, t := range []*text{&m.method, &m.uri, &m.path, &m.query, &m.version, &m.scheme, &m.host,
		&m.serverName, &m.serverPort, &m.localAddress, &m.remoteAddress, &m.contentType} {
		*t = r.text(48 + 8*uint64(i))
	}
	m.readFields(r)
	for _, t := range []text{m.method, m.uri, m.path, m.version, m.scheme, m.serverName, m.serverPort,
		m.localAddress, m.remoteAddress} {
		r.bad = r.bad || !t.present
	}
	if r.bad {
		return nil, fmt.Errorf("a request's message of %d bytes is damaged", len(bytes))
	}
	return m, nil
}

func (m *message) readFields(r *messageReader) {
	at, count, stride := uint64(r.u32(144)), uint64(r.u32(148)), uint64(r.u32(152))
	if count == 0 || r.bad {
		return
	}
	if stride < fieldBytes || at < r.head || at+(count-1)*stride+fieldBytes > uint64(len(r.bytes)) {
		r.bad = true
		return
	}
	m.fields = make([]field, count)
	for i := range m.fields {
		place := at + uint64(i)*stride
		m.fields[i] = field{r.must(place), r.must(place + 8)}
		r.bad = r.bad || m.fields[i].name == ""
	}
}
