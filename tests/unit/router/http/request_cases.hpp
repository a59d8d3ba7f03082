// The corpus of requests that the parser's tests share: what is accepted and what it means, what is
// refused and with which status (app-interfaces.md 1.1, config.md 7.1, traps H1-H11, H14, H23).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace patchbay::http::test {

// A valid request. description(): see request_text.hpp.
struct GoodRequest {
    const char *name;
    std::string text;
};

struct BadRequest {
    const char *name;
    std::string text;
    unsigned status;
};

std::vector<GoodRequest> goodRequests();
std::vector<BadRequest> badRequests();

// A GET as a browser sends it, for the corpus and for measuring.
std::string browserRequest();

} // namespace patchbay::http::test
