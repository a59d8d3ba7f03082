// A pb_request that owns its strings.
#pragma once

#include "patchbay/abi.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fixture {

struct FakeRequest {
    std::string method = "GET", target = "/", path = "/", version = "HTTP/1.1", scheme = "http";
    std::optional<std::string> query, host = "localhost", contentType, contentLengthText;
    std::string serverName = "localhost", serverPort = "8300";
    std::string localAddress = "127.0.0.1", remoteAddress = "127.0.0.1";
    std::uint32_t remotePort = 50123, flags = 0, targetIndex = 0;
    std::uint64_t contentLength = 0, id = 8;
    std::vector<std::pair<std::string, std::string>> fields{{"Host", "localhost"}};

    FakeRequest() = default;
    explicit FakeRequest(std::string where) : target(where), path(std::move(where)) {}

    // A request with a body of this length, as a client declares it.
    FakeRequest &withBody(std::size_t size)
    {
        method = "POST";
        contentLength = size;
        contentLengthText = std::to_string(size);
        flags |= PB_REQUEST_HAS_BODY;
        fields.emplace_back("Content-Length", *contentLengthText);
        return *this;
    }

    // Points into this object.
    pb_request raw()
    {
        const auto text = [](const std::string &s) { return pb_str{s.data(), s.size()}; };
        const auto optional = [&](const std::optional<std::string> &s) {
            return s ? text(*s) : pb_str{nullptr, 0};
        };
        rawFields.clear();
        for (const auto &[name, value] : fields) {
            rawFields.push_back({text(name), text(value)});
        }
        pb_request request{};
        request.struct_size = sizeof request;
        request.flags = flags;
        request.exchange_id = id;
        request.target_index = targetIndex;
        request.method = text(method);
        request.target = text(target);
        request.path = text(path);
        request.query = optional(query);
        request.version = text(version);
        request.scheme = text(scheme);
        request.host = optional(host);
        request.server_name = text(serverName);
        request.server_port = text(serverPort);
        request.local_address = text(localAddress);
        request.remote_address = text(remoteAddress);
        request.local_port = 8300;
        request.remote_port = remotePort;
        request.content_type = optional(contentType);
        request.content_length_text = optional(contentLengthText);
        request.content_length = contentLength;
        request.fields = rawFields.data();
        request.field_count = rawFields.size();
        return request;
    }

    std::vector<pb_field> rawFields;
};

} // namespace fixture
