// Loaded by Patchbay's router, which tells it of every request that is finished. This one puts
// those that failed into the event log.
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>

#include <string>

namespace {

// What the configuration may say; the server checks it before it makes an instance.
constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "from": {
      "description": "The lowest status that is a failure.",
      "type": "integer", "minimum": 100, "maximum": 999, "default": 500
    }
  },
  "additionalProperties": false
})";

class Example {
public:
    // What it throws is why the configuration is refused.
    Example(patchbay::sdk::Host host, std::string_view options)
        : host_(host), from_(static_cast<std::uint32_t>(
                           patchbay::sdk::Options(options).integer("from").value_or(500)))
    {
    }

    // [engine] On several threads at once, for every request; everything else waits for it. What it
    // gets is gone when it returns.
    void finished(const pb_finished &what) const
    {
        if (what.status < from_) {
            return;
        }
        std::string line = "example: " + std::to_string(what.status);
        if (what.request != nullptr) { // there was a header
            line += " " + std::string(patchbay::sdk::view(what.request->method)) + " " +
                    std::string(patchbay::sdk::view(what.request->path));
        }
        line += " after " + std::to_string(what.duration / 1'000'000) + " ms";
        host_.log(PB_LOG_WARN, line);
    }

private:
    patchbay::sdk::Host host_;
    std::uint32_t from_;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::sink<Example>("sink.example", "0.1", kSchema));
