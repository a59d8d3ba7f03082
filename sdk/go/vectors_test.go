package unit

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The vectors of sdk/vectors: what every library must read, refuse and write. They are little-endian.

type block struct {
	kind, name string
	numbers    map[string]uint64
	texts      map[string]text
	fields     []field
	bytes      string
	refused    bool
}

func readVectors(t testing.TB, file string) []block {
	t.Helper()
	input, err := os.Open(filepath.Join("..", "vectors", file))
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	var blocks []block
	inside := false
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		words := splitLine(t, lines.Text())
		switch {
		case len(words) == 0:
		case !inside:
			blocks = append(blocks, block{kind: words[0], name: words[1], numbers: map[string]uint64{},
				texts: map[string]text{}})
			inside = true
		case words[0] == "end":
			inside = false
		default:
			blocks[len(blocks)-1].statement(t, words)
		}
	}
	if len(blocks) == 0 || inside || lines.Err() != nil {
		t.Fatalf("%s cannot be read: %v", file, lines.Err())
	}
	return blocks
}

func (b *block) statement(t testing.TB, words []string) {
	t.Helper()
	switch words[0] {
	case "number":
		value, err := strconv.ParseUint(words[2], 10, 64)
		if err != nil {
			t.Fatal(b.name, err)
		}
		b.numbers[words[1]] = value
	case "text":
		b.texts[words[1]] = text{unquote(t, words[2]), words[2] != "absent"}
	case "field":
		b.fields = append(b.fields, field{unquote(t, words[1]), unquote(t, words[2])})
	case "message", "head":
		if len(words) > 1 {
			bytes, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatal(b.name, err)
			}
			b.bytes += string(bytes)
		}
	case "refused":
		b.refused = true
	}
}

// splitLine: words, texts with their quotes.
func splitLine(t testing.TB, line string) []string {
	var words []string
	for line = strings.TrimSpace(line); line != "" && line[0] != '#'; line = strings.TrimLeft(line, " ") {
		end := strings.IndexByte(line, ' ')
		if line[0] == '"' {
			for end = 1; line[end] != '"'; end++ {
				if line[end] == '\\' {
					end++
				}
			}
			end++
		}
		if end < 0 {
			end = len(line)
		}
		words = append(words, line[:end])
		line = line[end:]
	}
	return words
}

func unquote(t testing.TB, word string) string {
	if word == "absent" {
		return ""
	}
	value, err := strconv.Unquote(word)
	if err != nil {
		t.Fatalf("%s: %v", word, err)
	}
	return value
}

func TestRequestVectors(t *testing.T) {
	for _, b := range readVectors(t, "requests.txt") {
		m, err := decodeMessage(b.bytes)
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		numbers := map[string]uint64{"flags": uint64(m.flags), "exchangeId": m.exchangeID,
			"contentLength": m.contentLength, "engine": uint64(m.engine), "targetIndex": uint64(m.target),
			"localPort": uint64(m.localPort), "remotePort": uint64(m.remotePort)}
		texts := map[string]text{"method": m.method, "target": m.uri, "path": m.path, "query": m.query,
			"version": m.version, "scheme": m.scheme, "host": m.host, "serverName": m.serverName,
			"serverPort": m.serverPort, "localAddress": m.localAddress, "remoteAddress": m.remoteAddress,
			"contentType": m.contentType}
		if len(b.numbers) != len(numbers) || len(b.texts) != len(texts) {
			t.Errorf("%s: %d numbers and %d texts", b.name, len(b.numbers), len(b.texts))
		}
		if fmt.Sprint(numbers) != fmt.Sprint(b.numbers) {
			t.Errorf("%s: numbers are %v, should be %v", b.name, numbers, b.numbers)
		}
		for name, value := range b.texts {
			if texts[name] != value {
				t.Errorf("%s: %s is %v, should be %v", b.name, name, texts[name], value)
			}
		}
		if fmt.Sprintf("%q", m.fields) != fmt.Sprintf("%q", b.fields) {
			t.Errorf("%s: fields are %q, should be %q", b.name, m.fields, b.fields)
		}
	}
}

func TestDamagedVectors(t *testing.T) {
	for _, b := range readVectors(t, "damaged.txt") {
		if m, err := decodeMessage(b.bytes); err == nil {
			t.Errorf("%s was read: %+v", b.name, m)
		}
	}
}

func TestReplyVectors(t *testing.T) {
	for _, b := range readVectors(t, "replies.txt") {
		head, err := encodeHead(int(b.numbers["status"]), b.fields)
		if b.refused != (err != nil) || string(head) != b.bytes {
			t.Errorf("%s: %x, %v; should be %x", b.name, head, err, b.bytes)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, file := range []string{"requests.txt", "damaged.txt"} {
		for _, b := range readVectors(f, file) {
			f.Add(b.bytes)
		}
	}
	f.Fuzz(func(t *testing.T, bytes string) {
		m, err := decodeMessage(bytes)
		if err != nil {
			return
		}
		if !m.method.present || len(m.fields) > len(bytes)/fieldBytes {
			t.Fatalf("%d fields in %d bytes", len(m.fields), len(bytes))
		}
		newRequest(context.Background(), m, nil)
	})
}
