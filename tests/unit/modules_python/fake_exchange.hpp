// The core's side of a request: gives out a body, records the answer, fails when told to.
#pragma once

#include "patchbay/abi.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fixture {

struct FakeExchange {
    // What the test decides.
    std::string body;
    std::size_t bodyPart = 1 << 16;         // most bytes of one read_body()
    std::size_t bodyFailsAfter = SIZE_MAX;  // bytes; then the client is gone
    std::size_t writesUntilGone = SIZE_MAX; // then the client is gone
    std::string headFault;                  // refuses the head with this text

    // What happened.
    bool gone = false;
    std::uint32_t status = 0; // 0: no head
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> writes;
    std::vector<bool> buffered;
    std::size_t bodyRead = 0;

    std::string sent() const
    {
        std::string all;
        for (const std::string &part : writes) {
            all += part;
        }
        return all;
    }

    pb_exchange face(const std::vector<std::uint8_t> &message, std::uint64_t id)
    {
        pb_exchange face{};
        face.struct_size = sizeof face;
        face.context = this;
        face.message = message.data();
        face.message_size = message.size();
        face.content_length = body.size();
        face.id = id;
        face.read_body = &readBody;
        face.head = &head;
        face.write = [](void *c, const void *d, std::size_t n) { return write(c, d, n, false); };
        face.write_buffered = [](void *c, const void *d, std::size_t n) {
            return write(c, d, n, true);
        };
        face.cancelled = [](void *c) { return self(c).gone ? 1 : 0; };
        return face;
    }

private:
    static FakeExchange &self(void *context) { return *static_cast<FakeExchange *>(context); }

    static std::int64_t readBody(void *context, void *buffer, std::size_t size)
    {
        FakeExchange &e = self(context);
        if (e.bodyRead >= e.bodyFailsAfter) {
            e.gone = true;
        }
        if (e.gone) {
            return -1;
        }
        const std::size_t part = std::min({size, e.bodyPart, e.body.size() - e.bodyRead});
        std::memcpy(buffer, e.body.data() + e.bodyRead, part);
        e.bodyRead += part;
        return static_cast<std::int64_t>(part);
    }

    static int head(void *context, std::uint32_t status, const pb_field *fields, std::size_t count,
                    pb_error *error)
    {
        FakeExchange &e = self(context);
        if (e.gone || e.status != 0 || !e.headFault.empty()) {
            std::snprintf(error->text, sizeof error->text, "%s", e.headFault.c_str());
            return PB_ERROR;
        }
        e.status = status;
        for (std::size_t i = 0; i < count; ++i) {
            e.fields.emplace_back(std::string(fields[i].name.data, fields[i].name.size),
                                  std::string(fields[i].value.data, fields[i].value.size));
        }
        return PB_OK;
    }

    static int write(void *context, const void *data, std::size_t size, bool buffer)
    {
        FakeExchange &e = self(context);
        if (e.writes.size() >= e.writesUntilGone) {
            e.gone = true;
        }
        if (e.gone || e.status == 0) {
            return PB_ERROR;
        }
        e.writes.emplace_back(static_cast<const char *>(data), size);
        e.buffered.push_back(buffer);
        return PB_OK;
    }
};

} // namespace fixture
