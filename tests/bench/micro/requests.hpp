// Requests as encoders get them, for paths of apps/wsgi.py.
#pragma once

#include "fake_request.hpp"

namespace patchbay::bench {

inline fixture::FakeRequest smallRequest()
{
    return fixture::FakeRequest("/hello");
}

inline fixture::FakeRequest streamRequest()
{
    return fixture::FakeRequest("/stream");
}

inline fixture::FakeRequest browserRequest()
{
    fixture::FakeRequest request("/hello?name=world");
    request.path = "/hello";
    request.query = "name=world";
    request.fields = {{"Host", "localhost"},
                      {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"},
                      {"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9"},
                      {"Accept-Language", "en-US,en;q=0.5"},
                      {"Accept-Encoding", "gzip, deflate, br"},
                      {"Connection", "keep-alive"},
                      {"Cookie", "session=0123456789abcdef"},
                      {"X-Own-Field", "value"}};
    return request;
}

} // namespace patchbay::bench
