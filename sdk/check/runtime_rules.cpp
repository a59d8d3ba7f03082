// patchbay-module: what runtimes promise. create() as in a prototype; start() and what follows in a
// fork, as in a worker. Requests need the messages of an encoder (--encoder).
#include "rule.hpp"
#include "sample_options.hpp"
#include "script.hpp"
#include "scripted_loop.hpp"
#include "subject.hpp"

#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace patchbay::check {

namespace {

using Message = std::vector<std::uint8_t>;

constexpr std::uint32_t kThreads = 4;
constexpr std::size_t kRequestsPerThread = 50;
constexpr std::chrono::seconds kLimit{20}; // for a look at it

// A runtime that was brought up: a worker's main thread. stop() ends it in good order; without it
// the process ends.
class Worker {
public:
    Worker(const Target &target, std::uint32_t threads)
        : object_(makeObject(target.info.file, target.options)),
          ops_(object_->ops<pb_runtime_ops>())
    {
        continueInFork();
        ErrorText error;
        doing("start()");
        const int result =
            crossing("start()", [&] { return ops_.start(object_->self(), threads, error.face()); });
        const std::string text = error.text("start()");
        expect(result == PB_OK || !text.empty(), "start() fails and does not say why");
        expect(result == PB_OK, "start() fails: " + text);
    }
    std::uint32_t minor() const { return object_->module().abi_minor; }
    void *enter() const
    {
        doing("thread_enter()");
        return crossing("thread_enter()", [&] { return ops_.thread_enter(object_->self()); });
    }
    void leave(void *thread) const
    {
        doing("thread_leave()");
        crossing("thread_leave()", [&] { ops_.thread_leave(object_->self(), thread); });
    }
    int serve(void *thread, ScriptedExchange &exchange) const
    {
        return crossing("serve()",
                        [&] { return ops_.serve(object_->self(), thread, &exchange.face()); });
    }
    // Nothing: it has no loop(). Throws Finding for PB_ERROR.
    std::optional<int> loop(void *thread, const ScriptedLoop &events) const
    {
        if (ops_.loop == nullptr) {
            return {};
        }
        ErrorText error;
        const int result = crossing("loop()", [&] {
            return ops_.loop(object_->self(), thread, &events.face(), error.face());
        });
        const std::string text = error.text("loop()");
        expect(result != PB_ERROR,
               "loop() fails: " + (text.empty() ? "it does not say why" : text));
        return result;
    }
    void stop()
    {
        doing("stop()");
        crossing("stop()", [&] { ops_.stop(object_->self()); });
        object_->destroy();
    }

private:
    std::unique_ptr<Object> object_;
    pb_runtime_ops ops_;
};

pb_str borrow(const std::string &text)
{
    return {text.data(), text.size()};
}

// What the encoder makes of such a request.
Message messageFor(const Target &target, const Script &script)
{
    const auto encoder = makeObject(target.encoder, target.options);
    expect(encoder->module().kind == PB_KIND_ENCODER, target.encoder + " is no encoder");
    const auto ops = encoder->ops<pb_encoder_ops>();
    const std::string path = "/", version = "HTTP/1.1", scheme = "http", name = "localhost",
                      port = "80", address = "127.0.0.1",
                      length = std::to_string(script.body.size()), lengthName = "Content-Length",
                      hostName = "Host";
    std::vector<pb_field> fields{{borrow(hostName), borrow(name)}};
    pb_request request{};
    request.struct_size = sizeof request;
    request.method = borrow(script.method);
    request.target = request.path = borrow(path);
    request.version = borrow(version);
    request.scheme = borrow(scheme);
    request.host = request.server_name = borrow(name);
    request.server_port = borrow(port);
    request.local_address = request.remote_address = borrow(address);
    request.local_port = 80;
    request.remote_port = 50123;
    if (!script.body.empty()) {
        request.flags = PB_REQUEST_HAS_BODY;
        request.content_length = script.body.size();
        request.content_length_text = borrow(length);
        fields.push_back({borrow(lengthName), borrow(length)});
    }
    request.fields = fields.data();
    request.field_count = fields.size();
    doing("encode() of " + target.encoder);
    Message message(ops.encoded_size(encoder->self(), &request));
    ops.encode(encoder->self(), &request, message.data(), message.size());
    return message;
}

void serveOne(const Worker &worker, void *thread, const Script &script, const Message &message)
{
    ScriptedExchange exchange(script, message, worker.minor());
    const int result = worker.serve(thread, exchange);
    const std::string about = " for " + script.name;
    expect(exchange.fault().empty(), exchange.fault() + about);
    if (exchange.finished()) {
        return; // what serve() returns does not matter
    }
    expect(result == PB_OK || result == PB_ERROR,
           "serve() returns " + std::to_string(result) + about);
    expect(result != PB_OK || exchange.hasHead() || !script.ordinary(),
           "serve() returns PB_OK without having called head()" + about);
    expect(result == PB_OK || !script.ordinary(), "serve() returns PB_ERROR" + about);
}

// The requests of one thread: by its loop(), unless there is none or it says that serve() is to do
// it.
void serveAll(const Worker &worker, void *thread,
              const std::vector<std::pair<const Script *, const Message *>> &requests)
{
    std::vector<std::unique_ptr<ScriptedExchange>> exchanges;
    std::vector<const ScriptedExchange *> seen;
    for (const auto &[script, message] : requests) {
        exchanges.push_back(std::make_unique<ScriptedExchange>(*script, *message, worker.minor(),
                                                               ScriptedExchange::In::loop));
        seen.push_back(exchanges.back().get());
    }
    const ScriptedLoop loop(std::move(exchanges));
    doing("loop() with " + requests.front().first->name);
    const std::optional<int> result = worker.loop(thread, loop);
    if (!result || *result == PB_SERVE) {
        expect(!loop.begun(), "loop() returns PB_SERVE after it has asked for requests");
        for (const auto &[script, message] : requests) {
            doing("serve() of " + script->name);
            serveOne(worker, thread, *script, *message);
        }
        return;
    }
    expect(*result == PB_OK, "loop() returns " + std::to_string(*result));
    expect(loop.over(), "loop() returns before PB_LOOP_STOP");
    for (const ScriptedExchange *exchange : seen) {
        const std::string about = " for " + exchange->script().name;
        expect(exchange->fault().empty(), exchange->fault() + about);
        expect(exchange->completed() || !exchange->script().ordinary(),
               "loop() finishes a request with PB_ERROR" + about);
    }
}

// The bad request, and then an ordinary one: the first must not have spoilt the second.
std::string servesScript(const Target &target, const Script &script)
{
    const Script plain = scripts().front();
    const Message message = messageFor(target, script);
    const Message ordinary = messageFor(target, plain);
    Worker worker(target, 1);
    void *thread = worker.enter();
    serveAll(worker, thread, {{&script, &message}, {&plain, &ordinary}, {&plain, &ordinary}});
    worker.leave(thread);
    worker.stop();
    return {};
}

std::string startsAndStops(const Target &target)
{
    Worker worker(target, 1);
    worker.leave(worker.enter());
    worker.stop();
    return {};
}

std::string servesOnThreads(const Target &target)
{
    const Script plain = scripts().front();
    const Message message = messageFor(target, plain);
    Worker worker(target, kThreads);
    std::mutex mutex;
    std::string finding;
    const auto work = [&] {
        try {
            void *thread = worker.enter();
            serveAll(worker, thread, {kRequestsPerThread, {&plain, &message}});
            worker.leave(thread);
        } catch (const std::exception &e) {
            const std::scoped_lock lock(mutex);
            finding = e.what();
        }
    };
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i < kThreads; i++) {
        others.emplace_back(work);
    }
    work();
    for (std::thread &thread : others) {
        thread.join();
    }
    expect(finding.empty(), finding);
    worker.stop();
    return {};
}

// Are its workers programs? Then nothing of them runs in here.
bool makesPrograms(const Target &target)
{
    const Outcome outcome = runApart(
        [target] {
            const auto object = makeObject(target.info.file, target.options);
            return std::string(object->ops<pb_runtime_ops>().become != nullptr ? "program" : "");
        },
        kLimit);
    return outcome.text == "program";
}

} // namespace

std::vector<Rule> runtimeRules(const Target &target)
{
    if (makesPrograms(target)) {
        return programRules(target);
    }
    const std::string noService =
        target.encoder.empty()
            ? "serving needs messages: give the encoder that goes with it, --encoder FILE.so"
            : "";
    std::vector<Rule> rules;
    rules.push_back({"start",
                     "start(), thread_enter(), thread_leave() and stop() in this order",
                     {{"", [target] { return startsAndStops(target); }}},
                     {},
                     true});
    Rule serve{"serve", "ordinary requests are answered", {}, noService};
    Rule trouble{"trouble", "serve() comes back whatever happens to a request", {}, noService};
    for (const Script &script : scripts()) {
        (script.ordinary() ? serve : trouble).cases.push_back({script.name, [target, script] {
                                                                   return servesScript(target,
                                                                                       script);
                                                               }});
    }
    rules.push_back(std::move(serve));
    rules.push_back(std::move(trouble));
    Rule threads{"threads",
                 "several request threads serve at once",
                 {{"", [target] { return servesOnThreads(target); }}},
                 noService};
    if (threads.skip.empty() && !declaresOption(target.info.schema, "threads")) {
        threads.skip = "its schema declares no option \"threads\": workers have one";
    }
    rules.push_back(std::move(threads));
    return rules;
}

} // namespace patchbay::check
