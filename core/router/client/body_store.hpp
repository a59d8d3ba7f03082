// A request body until the application has it: in memory up to body_buffer_size, beyond it in a
// file without a name. Process router, [engine]. Before it: http/body_reader. After it:
// app/dispatch.
#pragma once

#include "base/unique_fd.hpp"
#include "router/app/exchange.hpp"
#include "router/client/buffer_pool.hpp"
#include "router/client/spool_files.hpp"
#include "router/http/settings.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace patchbay::client {

class BodyStore {
public:
    // expected: the declared size, 0 when unknown. All references must outlive clear().
    void start(BufferPool &pool, SpoolFiles &files, const http::Settings &settings,
               std::uint64_t expected);
    // Where the next bytes may be read to, for append() to find them there; empty: somewhere else.
    std::span<char> room() const noexcept;
    // False: the file cannot be made or written; the log says why.
    bool append(std::string_view bytes);
    void letGo() noexcept; // of the bytes; size() stays
    void clear() noexcept; // gives everything back

    std::uint64_t size() const noexcept { return size_; }
    app::BodySource source() const noexcept { return {memory_.data(), file_.get(), size_}; }

private:
    void reserve(std::size_t size);
    bool spool();
    bool writeFile(std::string_view bytes);

    BufferPool *pool_ = nullptr;
    SpoolFiles *files_ = nullptr;
    const http::Settings *settings_ = nullptr;
    Buffer memory_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    std::uint64_t written_ = 0; // of it, to the file
};

} // namespace patchbay::client
