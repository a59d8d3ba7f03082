// A request as the programs of types "go" and "external" read it. Written by encoder/encoder.cpp in
// the router's engine threads; read by the libraries of sdk/, in workers. sdk/PROTOCOL.md describes
// it for them, sdk/vectors/ has examples. It is protocol 1: within that major, members are only
// added, at the end of Head (headSize tells) and of Field (fieldStride tells).
//
// All integers are native-endian; both sides are the same machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace patchbay::program {

inline constexpr std::uint32_t kLayout = 1;

// Bytes of the message. offset counts from the message's begin; 0: absent, which is not empty. Only
// query, host and contentType can be absent.
struct Text {
    std::uint32_t offset;
    std::uint32_t size;
};

struct Field {
    Text name;
    Text value;
};

struct Head {
    std::uint32_t layout;   // kLayout
    std::uint32_t headSize; // of this struct
    std::uint32_t size;     // of the whole message
    std::uint32_t flags;    // enum pb_request_flags
    std::uint64_t exchangeId;
    std::uint64_t contentLength; // bytes of body in all
    std::uint32_t engine;
    std::uint32_t target; // the application's target, 0 = its first
    std::uint32_t localPort;
    std::uint32_t remotePort;
    Text method;
    Text uri; // request target as received
    Text path;
    Text query;
    Text version;
    Text scheme;
    Text host;
    Text serverName;
    Text serverPort;
    Text localAddress;
    Text remoteAddress;
    Text contentType;
    std::uint32_t fieldsOffset; // of the first Field
    std::uint32_t fieldCount;
    std::uint32_t fieldStride; // from one Field to the next
    std::uint32_t reserved;
};

static_assert(sizeof(Field) == 16);
static_assert(sizeof(Head) == 160 && offsetof(Head, exchangeId) == 16);
static_assert(offsetof(Head, method) == 48 && offsetof(Head, fieldsOffset) == 144);

} // namespace patchbay::program
