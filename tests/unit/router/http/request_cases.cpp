// Data only; see request_cases.hpp.
#include "router/http/request_cases.hpp"

namespace patchbay::http::test {
namespace {

using std::string;

// A request with these field lines, each with its CRLF.
string get(const string &fields)
{
    return "GET / HTTP/1.1\r\n" + fields + "\r\n";
}
string target(const string &text)
{
    return "GET " + text + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
string zero(const string &before, const string &after)
{
    return before + string(1, '\0') + after;
}

void addFraming(std::vector<BadRequest> &cases)
{
    const string length = "Content-Length: 5\r\n";
    const string chunked = "Transfer-Encoding: chunked\r\n";
    auto coding = [](const string &value) { return get("Transfer-Encoding: " + value + "\r\n"); };
    cases.insert(
        cases.end(),
        {{"H1 length, then chunked", get(length + chunked), 400},
         {"H1 chunked, then length", get(chunked + length), 400},
         {"H1 length and another coding", get(length + "Transfer-Encoding: gzip\r\n"), 400},
         {"H2 two equal lengths", get(length + length), 400},
         {"H2 two lengths", get(length + "Content-Length: 6\r\n"), 400},
         {"H2 two lengths, other case", get(length + "CONTENT-length: 5\r\n"), 400},
         {"H2 list of lengths", get("Content-Length: 5, 5\r\n"), 400},
         {"length with plus", get("Content-Length: +5\r\n"), 400},
         {"length with minus", get("Content-Length: -5\r\n"), 400},
         {"length in hex", get("Content-Length: 0x5\r\n"), 400},
         {"length with blank inside", get("Content-Length: 5 5\r\n"), 400},
         {"length empty", get("Content-Length:\r\n"), 400},
         {"length not a number", get("Content-Length: a\r\n"), 400},
         {"length 2^63", get("Content-Length: 9223372036854775808\r\n"), 400},
         {"length 2^64+5", get("Content-Length: 18446744073709551621\r\n"), 400},
         {"length of 40 digits", get("Content-Length: " + string(40, '9') + "\r\n"), 400},
         {"length over max_body_size", get("Content-Length: 8388609\r\n"), 413},
         {"length of 2^63-1", get("Content-Length: 9223372036854775807\r\n"), 413},
         {"H3 identity line, chunked line", get("Transfer-Encoding: identity\r\n" + chunked), 501},
         {"H3 chunked line, identity line", get(chunked + "Transfer-Encoding: identity\r\n"), 501},
         {"H3 chunked twice", get(chunked + chunked), 501},
         {"H3 chunked, identity", coding("chunked, identity"), 501},
         {"H3 gzip, chunked", coding("gzip, chunked"), 501},
         {"H3 chunked, chunked", coding("chunked, chunked"), 501},
         {"H3 xchunked", coding("xchunked"), 501},
         {"H3 chunkedx", coding("chunkedx"), 501},
         {"H3 quoted", coding("\"chunked\""), 501},
         {"H3 with parameter", coding("chunked;q=1"), 501},
         {"H3 gzip", coding("gzip"), 501},
         {"H3 identity", coding("identity"), 501},
         {"H3 empty coding", coding(""), 501},
         {"H3 vertical tab before chunked", coding("\vchunked"), 400},
         {"H4 chunked in 1.0", "POST / HTTP/1.0\r\n" + chunked + "\r\n", 400}});
}

void addFields(std::vector<BadRequest> &cases)
{
    const string big(256, 'n');
    cases.insert(cases.end(),
                 {{"H8 two Host", get("Host: a\r\nHost: a\r\n"), 400},
                  {"H8 two Host, other case", get("Host: a\r\nHOST: b\r\n"), 400},
                  {"Host with slash", get("Host: a/b\r\n"), 400},
                  {"Host with dots", get("Host: a..b\r\n"), 400},
                  {"Host of two dots", get("Host: ..\r\n"), 400},
                  {"H9 space before colon", get("Host : a\r\n"), 400},
                  {"H9 tab before colon", get("Host\t: a\r\n"), 400},
                  {"H9 folded with space", get("X: a\r\n b\r\n"), 400},
                  {"H9 folded with tab", get("X: a\r\n\tb\r\n"), 400},
                  {"H9 folded first line", get(" X: a\r\n"), 400},
                  {"H9 empty name", get(": a\r\n"), 400},
                  {"no colon", get("Host\r\n"), 400},
                  {"H9 NUL in name", get(zero("X", "Y: a\r\n")), 400},
                  {"H9 NUL in value", get(zero("X: a", "b\r\n")), 400},
                  {"H9 NUL at the end of a value", get(zero("X: 12345678", "\r\n")), 400},
                  {"H9 bare CR in value", get("X: a\rb\r\n"), 400},
                  {"H9 bare CR before the line end", get("X: a\r\r\n"), 400},
                  {"H9 bare CR as last line", "GET / HTTP/1.1\r\nX: a\r\n\r\r\n", 400},
                  {"H9 bare CR then name", get("\rX: a\r\n"), 400},
                  {"escape in value", get("X: \x1b[0m\r\n"), 400},
                  {"control in a long value", get("X: abcdefghijklmnop\x01qrstuvwxyz\r\n"), 400},
                  {"slash in name", get("A/B: a\r\n"), 400},
                  {"bracket in name", get("A[B]: a\r\n"), 400},
                  {"high byte in name", get("\xc3\xa9: a\r\n"), 400},
                  {"H14 name of 256", get(big + ": a\r\n"), 431},
                  {"H14 name of 256, no colon", get(big + "\r\n"), 431}});
}

void addRequestLines(std::vector<BadRequest> &cases)
{
    auto line = [](const string &text) { return text + "\r\nHost: a\r\n\r\n"; };
    cases.insert(cases.end(),
                 {{"method in lower case", line("get / HTTP/1.1"), 400},
                  {"method of mixed case", line("Get / HTTP/1.1"), 400},
                  {"method with digit", line("GET1 / HTTP/1.1"), 400},
                  {"no method", line(" / HTTP/1.1"), 400},
                  {"tab after method", line("GET\t/ HTTP/1.1"), 400},
                  {"NUL in method", line(zero("GE", "T / HTTP/1.1")), 400},
                  {"CONNECT", line("CONNECT a:80 HTTP/1.1"), 400},
                  {"CONNECT with path", line("CONNECT / HTTP/1.1"), 400},
                  {"target *", line("OPTIONS * HTTP/1.1"), 400},
                  {"relative target", line("GET a HTTP/1.1"), 400},
                  {"target of a query", line("GET ?a HTTP/1.1"), 400},
                  {"no target", line("GET HTTP/1.1"), 400},
                  {"no target, two spaces", line("GET  HTTP/1.1"), 400},
                  {"HTTP/0.9 request", "GET /\r\n\r\n", 400},
                  {"HTTP/0.9 with space", "GET / \r\n\r\n", 400},
                  {"HTTP/0.9 said", line("GET / HTTP/0.9"), 400},
                  {"HTTP in lower case", line("GET / http/1.1"), 400},
                  {"no version number", line("GET / HTTP/"), 400},
                  {"version 1", line("GET / HTTP/1"), 400},
                  {"version 1.", line("GET / HTTP/1."), 400},
                  {"version 1.10", line("GET / HTTP/1.10"), 400},
                  {"version 1.x", line("GET / HTTP/1.x"), 400},
                  {"version 0.1", line("GET / HTTP/0.1"), 400},
                  {"version 01.1", line("GET / HTTP/01.1"), 400},
                  {"version 02.0", line("GET / HTTP/02.0"), 505},
                  {"version with comma", line("GET / HTTP/2,0"), 400},
                  {"version 2.0", line("GET / HTTP/2.0"), 505},
                  {"version 2", line("GET / HTTP/2"), 505},
                  {"version 3.7", line("GET / HTTP/3.7"), 505},
                  {"version 10.0", line("GET / HTTP/10.0"), 505},
                  {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
                  {"space behind version", line("GET / HTTP/1.1 "), 400},
                  {"H9 CR in the request line", line("GET / HTTP/1.1\rX"), 400},
                  {"H10 space in target", target("/a b"), 400},
                  {"H10 tab in target", target("/a\tb"), 400},
                  {"H10 NUL in target", target(zero("/a", "b")), 400},
                  {"H10 CR in target", target("/a\rb"), 400},
                  {"H10 DEL in target", target("/a\x7f"), 400},
                  {"H10 control in query", target("/a?\x01"), 400},
                  {"H14 request line of 8193", target("/" + string(8193 - 14, 'a')), 431}});
}

void addTargets(std::vector<BadRequest> &cases)
{
    cases.insert(cases.end(), {{"%00", target("/a%00"), 400},
                               {"%zz", target("/%zz"), 400},
                               {"%2g", target("/%2g"), 400},
                               {"short %", target("/a%"), 400},
                               {"short %2", target("/a%2"), 400},
                               {"short % before query", target("/a%2?b"), 400},
                               {"above root", target("/../a"), 400},
                               {"above root, at the end", target("/.."), 400},
                               {"above root, encoded", target("/%2e%2e/a"), 400},
                               {"above root, encoded slash", target("/..%2fa"), 400},
                               {"above root, later", target("/a/../../b"), 400},
                               {"above root, empty segments", target("/a//../../b"), 400},
                               {"absolute, no authority", target("http:///x"), 400},
                               {"absolute, other scheme", target("ftp://a/x"), 400},
                               {"absolute, user", target("http://u@a/x"), 400},
                               {"absolute, dots", target("http://a..b/x"), 400},
                               {"absolute, above root", target("http://a/../x"), 400},
                               {"absolute, one slash", target("http:/a/x"), 400}});
}

} // namespace

std::string browserRequest()
{
    return "GET /shop/list?page=2&sort=price HTTP/1.1\r\n"
           "Host: www.example.com\r\n"
           "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0\r\n"
           "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
           "Accept-Language: en-US,en;q=0.5\r\n"
           "Accept-Encoding: gzip, deflate, br\r\n"
           "Referer: https://www.example.com/shop/list?page=1&sort=price\r\n"
           "Connection: keep-alive\r\n"
           "Cookie: session=6f1ed002ab5595859014ebf0951522d9; theme=dark; consent=1\r\n"
           "Upgrade-Insecure-Requests: 1\r\n"
           "Sec-Fetch-Dest: document\r\n"
           "Sec-Fetch-Mode: navigate\r\n"
           "Sec-Fetch-Site: same-origin\r\n"
           "Sec-Fetch-User: ?1\r\n"
           "\r\n";
}

std::vector<BadRequest> badRequests()
{
    std::vector<BadRequest> cases;
    addFraming(cases);
    addFields(cases);
    addRequestLines(cases);
    addTargets(cases);
    return cases;
}

std::vector<GoodRequest> goodRequests()
{
    return {
        {"smallest", "GET / HTTP/1.1\r\n\r\n"},
        {"1.0", "GET / HTTP/1.0\r\n\r\n"},
        {"1.7", "GET / HTTP/1.7\r\nHost: a\r\n\r\n"},
        {"empty Host", get("Host:\r\n")},
        {"LF only", "GET / HTTP/1.1\nHost: a\nX: 1\n\n"},
        {"LF and CRLF mixed", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\n"},
        {"empty lines first", "\r\n\n\r\nGET / HTTP/1.1\r\n\r\n"},
        {"many spaces", "GET    /a    HTTP/1.1\r\n\r\n"},
        {"odd methods", "M-SEARCH_X / HTTP/1.1\r\n\r\n"},
        {"browser", browserRequest()},
        {"path to normalise", target("/a%2fb/./c/../d//e%20f?x=1&y=%20+z#frag")},
        {"absolute", get("").replace(4, 1, "http://Other.Example:8080/x?y")},
        {"absolute, Host too", "GET http://other/x HTTP/1.1\r\nHost: this\r\nX: 1\r\n\r\n"},
        {"absolute, no path", "GET HTTP://other?q HTTP/1.1\r\nHost: this\r\n\r\n"},
        {"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"},
        {"length 0", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"},
        {"length with zeros", "POST / HTTP/1.1\r\nContent-Length: 0005\r\n\r\nhello"},
        {"largest length", "POST / HTTP/1.1\r\nContent-Length: 8388608\r\n\r\n"},
        {"chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n0\r\n\r\n"},
        {"Chunked", "POST / HTTP/1.1\r\nTRANSFER-ENCODING:\tChUnKeD \r\n\r\n0\r\n\r\n"},
        {"expect", "POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello"},
        {"expect in 1.0",
         "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"},
        {"expect without body", get("Expect: 100-continue\r\n")},
        {"close", get("Connection: close\r\n")},
        {"close in a list", get("Connection: Upgrade , CLOSE,x\r\n")},
        {"close wins", get("Connection: keep-alive\r\nConnection: close\r\n")},
        {"not quite close", get("Connection: closed, unclose, clo se\r\n")},
        {"keep-alive in 1.0", "GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n"},
        {"two Content-Type", get("Content-Type: a/b\r\nX: 1\r\ncontent-type: c/d\r\n")},
        {"unsafe names", get("X_Under: u\r\nX.Dot: d\r\nX-Fine: f\r\n!#$%&'*+.^_`|~: t\r\n")},
        {"Proxy", get("Proxy: http://evil\r\nProxy-X: fine\r\nPROXY: http://evil\r\n")},
        {"blanks around values", get("A:1\r\nB: \t 2 \t \r\nC: \r\nD:\r\nE: 3 4\r\n")},
        {"tab, DEL and high bytes in values", get("A: 1\t2\r\nB: \x7f\r\nC: \xe9\xff\x80\r\n")},
        {"repeats", get("X-A: 1\r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\n")},
        {"name of 255", get(string(255, 'n') + ": a\r\n")},
        {"line of 8192", get("X: " + string(8192 - 3, 'v') + "\r\n")},
        {"request line of 8192", "GET /" + string(8192 - 14, 'a') + " HTTP/1.1\r\n\r\n"},
        {"upgrade", get("Connection: Upgrade\r\nUpgrade: websocket\r\n")},
        {"pipelined", "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"},
    };
}

} // namespace patchbay::http::test
