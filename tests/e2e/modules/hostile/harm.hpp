// [worker] What a hostile application does to the server it runs in. Each function goes on until
// the process ends, or does what it does once; none takes memory, disk or processes without bound.
#pragma once

#include <cstdint>

namespace hostile {

// xorshift; not shared between threads.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed | 1) {}
    std::uint64_t next() noexcept
    {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }
    std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }

private:
    std::uint64_t state_;
};

void scribble(Random &random);     // random bytes all over the memory shared with the router
void sendNonsense(Random &random); // frames, with descriptors in them, and rung doorbells
void closeAll(Random &random);     // every descriptor, once
void forkMany(Random &random);     // 20 children, which keep everything open for 4 seconds
void shout(Random &random);        // up to 32 MiB on standard output and error each
void turnDeaf(Random &random);     // to every signal that can be ignored, and never come back
void leaveAtRandom(Random &random);

} // namespace hostile
