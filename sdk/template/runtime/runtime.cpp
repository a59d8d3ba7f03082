// Loaded by the processes of an application. create() runs in the prototype, from which workers are
// forked; start() and serve() run in workers. Answers every request with the option "greeting". The
// router's half, which makes the message that serve() gets, is the module "encoder.example".
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>

#include <string>

namespace {

// The application's options; the server checks them and adds its own ("processes", "user", ...).
constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "greeting": { "description": "What every request is answered with.", "type": "string" }
  },
  "required": ["greeting"],
  "additionalProperties": false
})";

class Example {
public:
    Example(patchbay::sdk::Host, std::string_view options)
        : greeting_(patchbay::sdk::Options(options).text("greeting").value_or(""))
    {
    }

    // [worker] Once, main thread: what it throws is why the application does not start.
    void start(std::uint32_t) { text_ = greeting_ + "\n"; }

    // [worker] For each request. False: the application failed, the client gets 503.
    bool serve(void *, const patchbay::sdk::Exchange &exchange)
    {
        const pb_field fields[] = {{patchbay::sdk::borrow("Content-Type"),
                                    patchbay::sdk::borrow("text/plain; charset=utf-8")}};
        pb_error error = patchbay::sdk::makeError();
        if (!exchange.head(200, fields, error)) {
            return false;
        }
        return exchange.write(text_);
    }

private:
    std::string greeting_;
    std::string text_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::runtime<Example>("runtime.example", "0.1", kSchema));
