// patchbay-module: what sinks promise. They are told of every request of requests.hpp, answered and
// not, and of some that had no header.
#include "process_state.hpp"
#include "requests.hpp"
#include "rule.hpp"
#include "subject.hpp"

#include <array>
#include <functional>
#include <thread>

namespace patchbay::check {

namespace {

constexpr std::uint32_t kEngines = 4;
constexpr std::array<std::uint32_t, 6> kStatuses = {0, 100, 200, 404, 503, 999};

class Sink {
public:
    explicit Sink(const Target &target)
        : object_(makeObject(target.info.file, target.options)), ops_(object_->ops<pb_sink_ops>())
    {
    }
    void finished(const pb_finished &what) const
    {
        crossing("finished()", [&] { ops_.finished(object_->self(), &what); });
    }
    bool reopens() const noexcept { return ops_.reopen != nullptr; }
    void reopen() const
    {
        crossing("reopen()", [&] { ops_.reopen(object_->self()); });
    }

private:
    std::unique_ptr<Object> object_;
    pb_sink_ops ops_;
};

pb_finished endOf(const pb_request *request, std::uint32_t engine, std::uint32_t status)
{
    pb_finished what{};
    what.struct_size = sizeof what;
    what.engine = engine;
    what.status = status;
    what.flags = status == 0 ? PB_FINISHED_CUT : 0;
    what.request = request;
    what.listener = {"127.0.0.1:80", 12};
    if (status != 404) { // no application has answered
        what.application = {"shop", 4};
    }
    what.body_bytes = status * std::uint64_t{1'000'000'007};
    what.duration = status * std::uint64_t{1'234'567};
    what.time = 1'800'000'000'000'000'000;
    return what;
}

void tellAll(const Sink &sink, const Requests &requests, std::uint32_t engine)
{
    std::size_t n = 0;
    for (const SampleRequest &sample : requests.all()) {
        doing("finished() of the request \"" + sample.name + "\"");
        sink.finished(endOf(&sample.request, engine, kStatuses[n++ % kStatuses.size()]));
    }
    doing("finished() of a connection without a request");
    sink.finished(endOf(nullptr, engine, 400));
    sink.finished(endOf(nullptr, engine, 0));
}

std::string takesAll(const Target &target)
{
    const Sink sink(target);
    const Requests requests(Texts::guarded);
    tellAll(sink, requests, 0); // what it opens at the first
    const ProcessState before = ProcessState::now();
    tellAll(sink, requests, 255);
    const std::string changes = before.changes();
    expect(changes.empty(), "with every request " + changes);
    return {};
}

std::string takesFromThreads(const Target &target)
{
    const Sink sink(target);
    const Requests requests(Texts::plain);
    std::vector<std::thread> threads;
    for (std::uint32_t engine = 0; engine < kEngines; engine++) {
        threads.emplace_back([&, engine] {
            for (int round = 0; round < 10; round++) {
                tellAll(sink, requests, engine);
            }
        });
    }
    for (int i = 0; sink.reopens() && i < 20; i++) {
        sink.reopen(); // [control], while engines go on
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    return {};
}

std::string reopens(const Target &target)
{
    const Sink sink(target);
    if (!sink.reopens()) {
        throw Skipped("it has no reopen()");
    }
    const Requests requests(Texts::plain);
    tellAll(sink, requests, 0);
    const ProcessState before = ProcessState::now();
    for (int i = 0; i < 5; i++) {
        doing("reopen()");
        sink.reopen();
        tellAll(sink, requests, 0);
    }
    const std::string changes = before.changes();
    expect(changes.empty(), "after reopen() " + changes);
    return {};
}

} // namespace

std::vector<Rule> sinkRules(const Target &target)
{
    const auto one = [&](std::string name, std::string promise,
                         std::string (*attempt)(const Target &)) {
        return Rule{std::move(name),
                    std::move(promise),
                    {{"", [target, attempt] { return attempt(target); }}}};
    };
    return {one("finished", "every end of a request is taken, and nothing kept open", takesAll),
            one("reopen", "reopen() can be called at any time", reopens),
            one("threads", "several engines tell one instance at once", takesFromThreads)};
}

} // namespace patchbay::check
