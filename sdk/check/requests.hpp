// patchbay-module, child process: requests for encoders, from the smallest to the strangest.
#pragma once

#include "patchbay/abi.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::check {

// Where the texts of a request lie.
enum class Texts {
    plain,  // on the heap
    guarded // read-only, each (of a request's first hundred) ends where nothing can be read
};

struct SampleRequest {
    std::string name;
    pb_request request;
    std::size_t bytes; // of all its texts
};

// The same requests each time. Memory: the object's, guarded texts are never freed.
class Requests {
public:
    explicit Requests(Texts where);
    Requests(const Requests &) = delete;
    Requests &operator=(const Requests &) = delete;
    const std::vector<SampleRequest> &all() const noexcept { return all_; }

private:
    struct Text; // a request before its texts are placed
    void add(const std::string &name, const Text &text);
    void addShapes();
    void addLarge();
    void addRandom();
    pb_str place(std::string_view text);
    pb_str placeGuarded(std::string_view text);

    Texts where_;
    std::size_t guardsLeft_ = 0; // of the request being placed
    std::size_t bytes_ = 0;
    std::deque<std::string> texts_;
    std::deque<std::vector<pb_field>> fields_;
    std::vector<SampleRequest> all_;
};

// Memory for encode(): `size` bytes, aligned to 16 as in the server, with nothing behind (or, if
// asked for, before) them. Bytes between the end and the edge of memory are watched.
class GuardedOutput {
public:
    enum class Edge { behind, before };
    GuardedOutput(std::size_t size, Edge edge, unsigned char fill);
    ~GuardedOutput();
    GuardedOutput(const GuardedOutput &) = delete;
    GuardedOutput &operator=(const GuardedOutput &) = delete;

    std::uint8_t *data() noexcept { return data_; }
    bool edgeIntact() const noexcept; // nothing was written between its end and the edge

private:
    unsigned char *memory_ = nullptr;
    std::size_t pages_ = 0; // bytes that can be used
    std::uint8_t *data_ = nullptr;
    std::size_t size_;
    unsigned char fill_;
};

} // namespace patchbay::check
