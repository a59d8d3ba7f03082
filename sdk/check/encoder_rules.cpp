// patchbay-module: what encoders promise, tried on every request of requests.hpp.
#include "allocations.hpp"
#include "requests.hpp"
#include "rule.hpp"
#include "subject.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

namespace patchbay::check {

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kThreads = 4;
constexpr std::size_t kRounds = 3;
constexpr std::size_t kMostPerByte = 64; // of the request: more is no message any more
constexpr std::size_t kMostBeside = std::size_t{1} << 20;

class Encoder {
public:
    explicit Encoder(const Target &target)
        : object_(makeObject(target.info.file, target.options)),
          ops_(object_->ops<pb_encoder_ops>())
    {
    }
    std::size_t size(const SampleRequest &sample) const
    {
        return crossing("encoded_size()",
                        [&] { return ops_.encoded_size(object_->self(), &sample.request); });
    }
    std::size_t encode(const SampleRequest &sample, std::uint8_t *out, std::size_t capacity) const
    {
        return crossing("encode()", [&] {
            return ops_.encode(object_->self(), &sample.request, out, capacity);
        });
    }
    Bytes message(const SampleRequest &sample, std::uint8_t fill) const
    {
        Bytes bytes(size(sample), fill);
        encode(sample, bytes.data(), bytes.size());
        return bytes;
    }

private:
    std::unique_ptr<Object> object_;
    pb_encoder_ops ops_;
};

std::string about(const SampleRequest &sample)
{
    return "the request \"" + sample.name + "\"";
}

using Try = std::function<void(const Encoder &, const SampleRequest &)>;

std::string onAll(const Target &target, Texts where, const Try &attempt)
{
    const Encoder encoder(target);
    const Requests requests(where);
    for (const SampleRequest &sample : requests.all()) {
        doing(about(sample));
        attempt(encoder, sample);
    }
    return {};
}

void keepsItsPromise(const Encoder &encoder, const SampleRequest &sample)
{
    const std::size_t promised = encoder.size(sample);
    expect(promised <= kMostPerByte * sample.bytes + kMostBeside,
           "encoded_size() is " + std::to_string(promised) + " for " + about(sample) +
               ", which has " + std::to_string(sample.bytes) + " bytes of text");
    Bytes room(promised + kMostBeside / 16, 0);
    const std::size_t written = encoder.encode(sample, room.data(), promised);
    expect(written == promised, "encoded_size() is " + std::to_string(promised) +
                                    ", but encode() returns " + std::to_string(written) + " for " +
                                    about(sample));
}

void staysInside(const Encoder &encoder, const SampleRequest &sample)
{
    constexpr unsigned char kFill = 0x5A;
    const std::size_t promised = encoder.size(sample);
    for (const auto edge : {GuardedOutput::Edge::behind, GuardedOutput::Edge::before}) {
        GuardedOutput out(promised, edge, kFill);
        encoder.encode(sample, out.data(), promised);
        expect(out.edgeIntact(), "encode() writes behind the " + std::to_string(promised) +
                                     " bytes that it promised, for " + about(sample));
    }
    GuardedOutput roomy(promised, GuardedOutput::Edge::before, kFill);
    const std::size_t written = encoder.encode(sample, roomy.data(), promised + 1);
    expect(written == promised, "with more capacity than it needs encode() returns " +
                                    std::to_string(written) + " instead of " +
                                    std::to_string(promised) + " for " + about(sample));
}

void isPure(const Encoder &encoder, const SampleRequest &sample)
{
    const Bytes first = encoder.message(sample, 0x00);
    const Bytes second = encoder.message(sample, 0xFF);
    expect(first.size() == second.size(),
           "encoded_size() of the same request is first " + std::to_string(first.size()) +
               ", then " + std::to_string(second.size()) + ", for " + about(sample));
    const auto place = std::mismatch(first.begin(), first.end(), second.begin()).first;
    expect(place == first.end(),
           "byte " + std::to_string(place - first.begin()) +
               " of the message is not written, or differs from call to call, for " +
               about(sample));
}

void allocatesNothing(const Encoder &encoder, const SampleRequest &sample)
{
    Bytes room(encoder.size(sample), 0);
    const std::size_t before = allocations();
    encoder.size(sample);
    encoder.encode(sample, room.data(), room.size());
    const std::size_t made = allocations() - before;
    expect(made == 0,
           "encoding " + about(sample) + " allocates memory " + std::to_string(made) + " times");
}

// The same messages on every thread, all at once.
std::string fromThreads(const Target &target)
{
    const Encoder encoder(target);
    const Requests requests(Texts::plain);
    std::vector<Bytes> expected;
    for (const SampleRequest &sample : requests.all()) {
        expected.push_back(encoder.message(sample, 0));
    }
    doing("encode() on several threads at once");
    std::atomic<std::size_t> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; i++) {
        threads.emplace_back([&, i] {
            for (std::size_t n = 0; n < kRounds * expected.size(); n++) {
                const std::size_t which = (n + i * expected.size() / kThreads) % expected.size();
                if (encoder.message(requests.all()[which], 0) != expected[which]) {
                    wrong++;
                }
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    expect(wrong == 0, std::to_string(wrong) + " of " +
                           std::to_string(kThreads * kRounds * expected.size()) +
                           " messages differ when several threads encode at once");
    return {};
}

Rule rule(std::string name, std::string promise, const Target &target, Texts where, Try attempt)
{
    return {std::move(name),
            std::move(promise),
            {{"", [target, where, attempt] { return onAll(target, where, attempt); }}}};
}

} // namespace

std::vector<Rule> encoderRules(const Target &target)
{
    std::vector<Rule> rules;
    rules.push_back(rule("size", "encode() writes what encoded_size() promised", target,
                         Texts::plain, keepsItsPromise));
    rules.back().fundamental = true;
    rules.push_back(
        rule("bounds", "encode() writes nothing outside of it", target, Texts::plain, staysInside));
    rules.push_back(rule("reads", "neither reads beyond the request's texts nor writes to them",
                         target, Texts::guarded, keepsItsPromise));
    rules.push_back(rule("pure", "the same request gives the same bytes, every one written", target,
                         Texts::plain, isPure));
    rules.push_back({"threads",
                     "several engines encode with one instance at once",
                     {{"", [target] { return fromThreads(target); }}}});
    rules.push_back(
        rule("allocation", "encoding allocates nothing", target, Texts::plain, allocatesNothing));
    if (!countsAllocations()) {
        rules.back().skip = "this build of patchbay-module does not count allocations";
    }
    return rules;
}

} // namespace patchbay::check
