// patchbayctl: a blocking HTTP client for the control socket, on Poco::Net. One connection for
// each request, as the control API wants it.
#pragma once

#include "base/control_address.hpp"
#include "base/error.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace patchbay::ctl {

// There is no connection, or no whole answer. what() says what to do; exit code kNoAnswer.
class ConnectError : public Error {
public:
    using Error::Error;
};

struct Request {
    std::string method;
    std::string target; // as it goes on the wire
    std::string body{};
    std::string ifMatch{}; // empty: none

    // Does a lost answer leave it open what has happened?
    bool changes() const;
};

struct Response {
    int status = 0;
    std::string body;
    std::string etag; // empty: none
};

class ControlClient {
public:
    // Called about once a second while the server thinks.
    using Waiting = std::function<void(std::chrono::seconds elapsed)>;

    // Throws UsageError when the address cannot be one. Connects with each request.
    explicit ControlClient(const std::string &address);

    // limit: of the whole exchange; none: as long as it takes. Throws ConnectError.
    Response send(const Request &request, std::optional<std::chrono::seconds> limit,
                  const Waiting &waiting) const;

private:
    ControlAddress address_;
};

} // namespace patchbay::ctl
