package unit

import (
	"fmt"
	"strings"
)

// The head of a reply: u32 bytes that follow, u16 status, u16 number of fields; each field u16 and u32
// sizes of name and value, then both. encodeHead refuses what the server would refuse.
func encodeHead(status int, fields []field) ([]byte, error) {
	if status < 100 || status > 999 {
		return nil, fmt.Errorf("the response status %d is not between 100 and 999", status)
	}
	if len(fields) > maxFields {
		return nil, fmt.Errorf("the response has %d fields; at most %d are allowed", len(fields), maxFields)
	}
	size := 8
	for _, f := range fields {
		if !isToken(f.name) || len(f.name) > 0xFFFF {
			return nil, fmt.Errorf("the response field name %.100q is invalid", f.name)
		}
		if strings.ContainsAny(f.value, "\r\n\x00") {
			return nil, fmt.Errorf("the value of response field %.100q contains a line break or a zero byte", f.name)
		}
		size += 6 + len(f.name) + len(f.value)
	}
	if size > maxHead {
		return nil, fmt.Errorf("the response header is larger than %d bytes", maxHead)
	}
	head := appendU32(make([]byte, 0, size), uint32(size-4))
	head = appendU16(appendU16(head, uint16(status)), uint16(len(fields)))
	for _, f := range fields {
		head = appendU32(appendU16(head, uint16(len(f.name))), uint32(len(f.value)))
		head = append(append(head, f.name...), f.value...)
	}
	return head, nil
}

func appendU16(to []byte, number uint16) []byte {
	var bytes [2]byte
	native.PutUint16(bytes[:], number)
	return append(to, bytes[:]...)
}

// isToken: RFC 9110 5.6.2.
func isToken(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return name != ""
}
