// [worker] A request as the SAPI callbacks see it: SG(server_context). Its memory is plain C++
// memory that PHP knows nothing of and that outlives PHP's request.
#pragma once

#include "../message.hpp"
#include "response.hpp"
#include "script_path.hpp"

#include "patchbay/module.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::php {

// Memory that a worker's requests use one after the other.
struct RequestScratch {
    std::vector<std::uint8_t> message;   // a copy: shared memory may change
    std::vector<FieldView> fields;       // as received
    std::vector<std::uint32_t> order;    // of `fields`, by name
    std::vector<FieldView> variables;    // HTTP_*, unique by name
    std::deque<std::string> joinedTexts; // of repeated fields; addresses stay
    std::vector<pb_field> replyFields;
};

class Request {
public:
    // Throws std::runtime_error: the message is damaged.
    Request(const sdk::Exchange &exchange, RequestScratch &scratch);
    Request(const Request &) = delete;
    Request &operator=(const Request &) = delete;

    const MessageReader &message() const noexcept { return message_; }
    // HTTP_* variables, repeated fields joined; views end with a zero byte.
    const std::vector<FieldView> &variables() const noexcept { return scratch_.variables; }
    // The value of a variable, terminated; null if there is none.
    const char *variable(std::string_view name) const noexcept;

    const sdk::Exchange &exchange() const noexcept { return exchange_; }
    Response &response() noexcept { return response_; }

    // Fills the buffer as far as there is body: PHP takes less for the end.
    std::size_t readBody(char *buffer, std::size_t size) noexcept;
    // The script is done: what it has not read nobody wants.
    void dropBody() noexcept { bodyEnded_ = true; }

    // Set before PHP is entered.
    const Target *target = nullptr;
    Decision script;
    std::string self; // PHP_SELF

private:
    void joinFields();

    const sdk::Exchange &exchange_;
    RequestScratch &scratch_;
    MessageReader message_;
    Response response_;
    bool bodyEnded_ = false;
};

} // namespace patchbay::php
