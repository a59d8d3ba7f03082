package unit

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// newRequest makes of a message what net/http makes of a connection. TLS is not nil on https; what was
// agreed upon there only the server knows.
func newRequest(ctx context.Context, m *message, b *body) (*http.Request, error) {
	major, minor, ok := http.ParseHTTPVersion(m.version.value)
	if !ok {
		return nil, fmt.Errorf("malformed HTTP version %q", m.version.value)
	}
	target, err := url.ParseRequestURI(m.uri.value)
	if err != nil {
		return nil, err
	}
	request := &http.Request{
		Method:     m.method.value,
		URL:        target,
		Proto:      m.version.value,
		ProtoMajor: major,
		ProtoMinor: minor,
		Header:     header(m.fields),
		Host:       target.Host, // of an absolute target; else of the field
		RequestURI: m.uri.value,
		Close:      wantsClose(major, minor, m.fields),
		RemoteAddr: peer(m.remoteAddress.value, m.remotePort),
	}
	if request.Host == "" {
		request.Host = m.host.value
	}
	delete(request.Header, "Host")
	if request.Header["Pragma"] != nil && request.Header["Pragma"][0] == "no-cache" &&
		request.Header["Cache-Control"] == nil {
		request.Header["Cache-Control"] = []string{"no-cache"} // RFC 7234 5.4, as net/http
	}
	setBody(request, m, b)
	if m.flags&flagHTTPS != 0 {
		request.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: m.serverName.value}
	}
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, localAddr(m))
	return request.WithContext(ctx), nil
}

// wantsClose: RFC 9112 9.3. It is the server that keeps the connection or closes it.
func wantsClose(major, minor int, fields []field) bool {
	closes, keeps := false, false
	for _, f := range fields {
		if !strings.EqualFold(f.name, "Connection") {
			continue
		}
		for _, token := range strings.Split(f.value, ",") {
			token = strings.TrimSpace(token)
			closes = closes || strings.EqualFold(token, "close")
			keeps = keeps || strings.EqualFold(token, "keep-alive")
		}
	}
	return closes || major == 1 && minor == 0 && !keeps
}

// header has one array for the values of all fields.
func header(fields []field) http.Header {
	result := make(http.Header, len(fields))
	values := make([]string, len(fields))
	for i, f := range fields {
		name := textproto.CanonicalMIMEHeaderKey(f.name)
		if known := result[name]; known != nil {
			result[name] = append(known, f.value)
			continue
		}
		values[i] = f.value
		result[name] = values[i : i+1 : i+1]
	}
	return result
}

// setBody: a chunked body has been collected by the server; the handler sees it as it came.
func setBody(request *http.Request, m *message, b *body) {
	request.Body = http.NoBody
	request.ContentLength = int64(m.contentLength)
	if m.flags&flagChunked != 0 {
		delete(request.Header, "Transfer-Encoding")
		delete(request.Header, "Content-Length")
		request.TransferEncoding = []string{"chunked"}
		request.ContentLength = -1
		request.Body = b
	} else if m.contentLength > 0 {
		request.Body = b
	}
}

// peer as net/http has it: "127.0.0.1:50123", "[::1]:50123", and "@" for a Unix domain socket.
func peer(address string, port uint32) string {
	if strings.HasPrefix(address, "unix:") {
		return "@"
	}
	return net.JoinHostPort(address, strconv.FormatUint(uint64(port), 10))
}

func localAddr(m *message) net.Addr {
	if path := strings.TrimPrefix(m.localAddress.value, "unix:"); path != m.localAddress.value {
		return &net.UnixAddr{Name: path, Net: "unix"}
	}
	return &net.TCPAddr{IP: net.ParseIP(m.localAddress.value), Port: int(m.localPort)}
}
