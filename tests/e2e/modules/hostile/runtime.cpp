// A runtime that serves well until it is asked for something that contains "harm": from then on
// its process does the harm its option names, beside answering or instead of it.
#include "harm.hpp"

#include <stdexcept>
#include <thread>
#include <unistd.h>

#include "patchbay/module.hpp"

namespace {

using Harm = void (*)(hostile::Random &);

struct Named {
    std::string_view name;
    Harm harm;
    bool inServe; // by the request thread itself, while a request waits for its answer
};

constexpr Named kHarms[] = {
    {"scribble", &hostile::scribble, false},   {"nonsense", &hostile::sendNonsense, false},
    {"close", &hostile::closeAll, false},      {"fork", &hostile::forkMany, true},
    {"shout", &hostile::shout, false},         {"deaf", &hostile::turnDeaf, true},
    {"leave", &hostile::leaveAtRandom, false},
};

std::uint64_t seed() noexcept
{
    return static_cast<std::uint64_t>(getpid()) * 0x9E3779B97F4A7C15u;
}

class Runtime {
public:
    Runtime(patchbay::sdk::Host, std::string_view options)
    {
        for (const Named &named : kHarms) {
            if (options.find(named.name) != std::string_view::npos) {
                harm_ = &named;
            }
        }
        if (harm_ == nullptr) {
            throw std::runtime_error("which harm?");
        }
    }

    void start(std::uint32_t) { random_ = hostile::Random(seed()); }

    bool serve(void *, const patchbay::sdk::Exchange &exchange)
    {
        const std::string_view message(reinterpret_cast<const char *>(exchange.message().data()),
                                       exchange.message().size());
        if (!harming_ && message.find("harm") != std::string_view::npos) {
            harming_ = true;
            begin();
        }
        if (harming_) {
            switch (random_.below(16)) {
            case 0:
                return false;
            case 1: // no answer for as long as anybody waits
                while (!exchange.cancelled()) {
                    usleep(10000);
                }
                return false;
            default:
                break;
            }
        }
        pb_error error = patchbay::sdk::makeError();
        const pb_field length{patchbay::sdk::borrow("Content-Length"), patchbay::sdk::borrow("5")};
        return exchange.head(200, {&length, 1}, error) && exchange.write("alive");
    }

private:
    void begin()
    {
        if (harm_->inServe) {
            harm_->harm(random_);
            return;
        }
        std::thread([harm = harm_->harm] {
            hostile::Random random(seed() + 1);
            harm(random);
        }).detach();
    }

    const Named *harm_ = nullptr;
    hostile::Random random_{1};
    bool harming_ = false;
};

} // namespace

PB_DEFINE_MODULE(patchbay::sdk::runtime<Runtime>(
    "runtime.hostile", "1.0",
    R"({"type":"object","properties":{"harm":{"type":"string"}},"additionalProperties":false})"));
