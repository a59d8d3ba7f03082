// What the load generator is asked to do. Read once, before the loop begins.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace patchbay::load {

struct Options {
    sockaddr_in address{};
    std::string request;                // the whole request, as it goes over the wire
    unsigned connections = 1;           // how many there are at most at one time
    std::chrono::nanoseconds length{0}; // of the time in which requests begin
    std::chrono::nanoseconds grace{0};  // then: how long the last ones may take
    double rate = 0;                    // requests a second (open loop); 0: closed loop
    bool closing = false;               // a connection for each request
    std::vector<unsigned> statuses;     // what is no failure; the first one is the expected one
    std::uint64_t bodySize = 0;         // of an answer with the expected status
};

// Ends the program with a line on standard error when they make no sense.
Options readOptions(int argc, char **argv);

} // namespace patchbay::load
