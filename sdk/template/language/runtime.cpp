// Loaded by the processes of an application. create() runs in the prototype, from which workers are
// forked; start() and serve() run in workers. An application is a text file here: each request is
// answered with it, behind a line about the request and the number of bytes in its body.
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>
#include <patchbay/texts.hpp>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

// The application's options; the server checks them and adds its own ("processes", "user", ...).
constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "page": { "description": "The file that requests are answered with.", "type": "string" }
  },
  "required": ["page"],
  "additionalProperties": false
})";

class Example {
public:
    Example(patchbay::sdk::Host, std::string_view options)
        : page_(patchbay::sdk::Options(options).text("page").value_or(""))
    {
    }

    // [worker] Once, main thread: what it throws is why the application does not start.
    void start(std::uint32_t)
    {
        std::ifstream file(page_, std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        if (!file) {
            throw std::runtime_error("The page \"" + page_ + "\" cannot be read.");
        }
        text_ = text.str();
    }

    // [worker] For each request. False: the application failed, the client gets 503.
    bool serve(void *, const patchbay::sdk::Exchange &exchange)
    {
        std::span<const std::uint8_t> message = exchange.message();
        const std::string_view method = patchbay::sdk::takeText(message);
        const std::string_view target = patchbay::sdk::takeText(message);
        std::uint64_t bytes = 0;
        char buffer[16384];
        std::int64_t n = 0;
        while ((n = exchange.readBody(buffer, sizeof buffer)) > 0) {
            bytes += static_cast<std::uint64_t>(n);
        }
        if (n < 0) {
            return false; // the client is gone
        }
        const pb_field fields[] = {{patchbay::sdk::borrow("Content-Type"),
                                    patchbay::sdk::borrow("text/plain; charset=utf-8")}};
        pb_error error = patchbay::sdk::makeError();
        if (!exchange.head(200, fields, error)) {
            return false;
        }
        const std::string line = std::string(method) + " " + std::string(target) + " with " +
                                 std::to_string(bytes) + " bytes\n";
        return exchange.writeBuffered(line) && exchange.write(text_);
    }

private:
    std::string page_;
    std::string text_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::runtime<Example>("runtime.example", "0.1", kSchema));
