// Start and end of the runtime: options, import, what it finds callable, threads, the last moments.
#include "fixture.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <unistd.h>

namespace {

using fixture::FakeExchange;
using fixture::FakeRequest;
using fixture::Worker;

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

// The start fails with this text; what goes to stderr and to the log contains the other two.
void expectNoStart(const std::string &options, const std::string &error,
                   const std::string &traceback = {}, const std::string &line = {})
{
    fixture::inChild([&] {
        fixture::CapturedErrors errors;
        Worker worker(options);
        CPPUNIT_ASSERT_EQUAL(error, worker.startError());
        CPPUNIT_ASSERT_MESSAGE(errors.text(), contains(errors.text(), traceback));
        if (!line.empty()) {
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, worker.log().size());
            CPPUNIT_ASSERT_EQUAL("[alert] " + line, worker.log()[0]);
        }
    });
}

void expectAnswer(const std::string &options, const std::string &body)
{
    fixture::inChild([&] {
        Worker worker(options);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(worker.startError(), body, worker.get("/").exchange.sent());
    });
}

void expectProtocol(const std::string &options, bool asgi)
{
    fixture::inChild([&] {
        Worker worker(options);
        CPPUNIT_ASSERT_EQUAL(std::string(), worker.startError());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(options, asgi ? PB_OK : PB_SERVE, worker.loopOnce());
    });
}

std::string callable(const std::string &name)
{
    return R"("module": "package.inner", "callable": ")" + name + "\"";
}

} // namespace

class StartTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StartTest);
    CPPUNIT_TEST(testDescriptor);
    CPPUNIT_TEST(testCallables);
    CPPUNIT_TEST(testImportFailures);
    CPPUNIT_TEST(testBadCallables);
    CPPUNIT_TEST(testFactories);
    CPPUNIT_TEST(testTargets);
    CPPUNIT_TEST(testTargetsThatCannotBe);
    CPPUNIT_TEST(testDetection);
    CPPUNIT_TEST(testPath);
    CPPUNIT_TEST(testSystemPython);
    CPPUNIT_TEST(testEnvironments);
    CPPUNIT_TEST(testThreads);
    CPPUNIT_TEST(testStop);
    CPPUNIT_TEST(testSignals);
    CPPUNIT_TEST_SUITE_END();

public:
    void testDescriptor()
    {
        const pb_module &module = fixture::loadModule(RUNTIME_FILE, RTLD_GLOBAL);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{PB_KIND_RUNTIME}, module.kind);
        CPPUNIT_ASSERT_EQUAL(std::string("runtime.python"), std::string(module.id));
        CPPUNIT_ASSERT(std::string(module.version).starts_with("3."));
    }

    void testCallables()
    {
        expectAnswer(callable("application"), "inner");
        expectAnswer(R"("module": "package.inner")", "inner");
        expectAnswer(callable("other"), "other");
        expectAnswer(callable("instance"), "instance");
        expectAnswer(callable("method"), "instance");
        expectAnswer(callable("Class"), "class");
        expectAnswer(callable("partial"), "partial");
        expectAnswer(callable("any_arguments"), "inner");
        expectAnswer(callable("other") + R"(, "protocol": "wsgi", "threads": 1)", "other");
    }

    void testImportFailures()
    {
        expectNoStart(R"("module": "nosuch")",
                      "Python failed to import module \"nosuch\": ModuleNotFoundError: "
                      "No module named 'nosuch'",
                      "ModuleNotFoundError: No module named 'nosuch'",
                      "Python failed to import module \"nosuch\"");
        expectNoStart(R"("module": "package.nosuch")",
                      "Python failed to import module \"package.nosuch\": ModuleNotFoundError: "
                      "No module named 'package.nosuch'");
        expectNoStart(R"("module": "exits_at_import")",
                      "Python failed to import module \"exits_at_import\": SystemExit: "
                      "configuration missing",
                      "exits_at_import.py\", line 3");
        fixture::inChild([] {
            fixture::CapturedErrors errors;
            Worker worker(R"("module": "broken_syntax")");
            CPPUNIT_ASSERT_MESSAGE(worker.startError(),
                                   contains(worker.startError(), "SyntaxError"));
            CPPUNIT_ASSERT(contains(errors.text(), "broken_syntax.py\", line 1"));
        });
    }

    void testBadCallables()
    {
        expectNoStart(callable("nosuch"),
                      "Python failed to get \"nosuch\" from module \"package.inner\": "
                      "AttributeError: module 'package.inner' has no attribute 'nosuch'",
                      "AttributeError",
                      "Python failed to get \"nosuch\" from module \"package.inner\"");
        expectNoStart(callable("not_callable"),
                      "\"not_callable\" in module \"package.inner\" is not callable", {},
                      "\"not_callable\" in module \"package.inner\" is not callable");
    }

    void testFactories()
    {
        const std::string factory = R"(, "factory": true)";
        expectAnswer(callable("factory") + factory, "made by a factory");
        expectAnswer(callable("other") + R"(, "factory": false)", "other");
        expectNoStart(callable("failing_factory") + factory,
                      "Python failed to call the factory \"failing_factory\" of module "
                      "\"package.inner\": LookupError: no database",
                      "line 27, in failing_factory");
        expectNoStart(callable("bad_factory") + factory,
                      "the factory \"bad_factory\" of module \"package.inner\" returned int, which "
                      "is not callable");
    }

    void testTargets()
    {
        fixture::inChild([] {
            Worker worker(R"("targets": {
                "one": {"module": "package.inner"},
                "two": {"module": "package.inner", "callable": "other"},
                "three": {"module": "package.inner", "callable": "factory", "factory": true}})");
            const char *answers[] = {"inner", "other", "made by a factory"};
            for (std::uint32_t i = 0; i < 3; ++i) {
                FakeRequest request;
                request.targetIndex = i;
                CPPUNIT_ASSERT_EQUAL_MESSAGE(worker.startError(), std::string(answers[i]),
                                             worker.serve(request).exchange.sent());
            }
            FakeRequest request;
            request.targetIndex = 3;
            fixture::CapturedErrors errors;
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, worker.serve(request).result);
            CPPUNIT_ASSERT(contains(errors.text(), "the request message is damaged"));
        });
    }

    void testTargetsThatCannotBe()
    {
        expectNoStart(R"("targets": {"a": {"module": "package.inner"}, "b": {"module": "nosuch"}})",
                      "target \"b\": Python failed to import module \"nosuch\": "
                      "ModuleNotFoundError: No module named 'nosuch'",
                      "ModuleNotFoundError: No module named 'nosuch'",
                      "target \"b\": Python failed to import module \"nosuch\"");
        const std::string kinds = R"("targets": {"a": {"module": "package.inner"},
            "b": {"module": "package.inner", "callable": "asgi3"}})";
        const std::string text =
            "the targets \"a\" and \"b\" are of two kinds: the second is an ASGI application, the "
            "other one WSGI; put them into two applications, or say with \"protocol\" what both "
            "are";
        expectNoStart(kinds, text, {}, text);
        expectAnswer(kinds + R"(, "protocol": "wsgi")", "inner");
        expectNoStart(R"("targets": {})",
                      "The \"targets\" object has no member: there is no application to run.");
    }

    // What is ASGI is told by loop(): PB_SERVE is for WSGI.
    void testDetection()
    {
        for (const char *name : {"asgi3", "asgi2", "asgi3_instance", "Asgi2Class"}) {
            expectProtocol(callable(name), true);
            expectProtocol(callable(name) + R"(, "protocol": "wsgi")", false);
        }
        for (const char *name : {"application", "instance", "Class", "partial", "any_arguments"}) {
            expectProtocol(callable(name), false);
            expectProtocol(callable(name) + R"(, "protocol": "asgi")", true);
        }
    }

    void testPath()
    {
        fixture::TemporaryDirectory directory;
        directory.write("one/which.py", "name = b'one'\n");
        directory.write("two/which.py", "name = b'two'\n");
        directory.write("two/app.py", "import which\ndef application(e, s):\n    s('200 OK', [])\n"
                                      "    return [which.name]\n");
        const std::string one = "\"" + directory.path() + "/one\"";
        const std::string two = "\"" + directory.path() + "/two\"";
        fixture::inChild([&] {
            Worker worker(R"("module": "app")", 1, "[" + one + "," + two + "]");
            CPPUNIT_ASSERT_EQUAL(std::string("one"), worker.get("/").exchange.sent());
        });
        fixture::inChild([&] {
            Worker worker(R"("module": "app")", 1, "[" + two + "," + one + "]");
            CPPUNIT_ASSERT_EQUAL(std::string("two"), worker.get("/").exchange.sent());
        });
        fixture::inChild([&] {
            Worker worker(R"("module": "app")", 1, "[1]");
            CPPUNIT_ASSERT_EQUAL(std::string("The \"path\" array must contain only string values."),
                                 worker.startError());
        });
    }

    void testSystemPython()
    {
        fixture::inChild([] {
            setenv("PATH", "/nonexistent", 1); // what PATH finds must not matter
            Worker worker(R"("module": "places")");
            const auto places = fixture::parseLines(worker.get("/").exchange.sent());
            CPPUNIT_ASSERT(contains(places.at("executable"), "/bin/python3"));
            CPPUNIT_ASSERT_EQUAL(places.at("prefix"), places.at("base"));
            CPPUNIT_ASSERT_MESSAGE(places.at("path"), places.at("path").starts_with(APPS "|"));
            CPPUNIT_ASSERT(!contains("|" + places.at("path") + "|", "||")); // not the cwd
        });
    }

    void testEnvironments()
    {
        fixture::TemporaryDirectory directory;
        const std::string home = directory.path() + "/venv";
        const std::string make = std::string(PYTHON) + " -m venv --without-pip " + home;
        CPPUNIT_ASSERT_EQUAL(0, std::system(make.c_str()));
        const auto option = [](const std::string &path) {
            return R"("module": "places", "home": ")" + path + "\"";
        };
        fixture::inChild([&] {
            CPPUNIT_ASSERT_EQUAL(0, chdir(directory.path().c_str()));
            for (const std::string &path : {home, home + "/", std::string("venv")}) {
                fixture::inChild([&] {
                    Worker worker(option(path));
                    CPPUNIT_ASSERT_EQUAL(std::string(), worker.startError());
                    const auto places = fixture::parseLines(worker.get("/").exchange.sent());
                    CPPUNIT_ASSERT_EQUAL(home, places.at("prefix"));
                    CPPUNIT_ASSERT(contains(places.at("path"), home + "/lib/python3"));
                });
            }
        });
        expectAnswerStarts(option("/usr"), "prefix=/usr\n");

        directory.write("old/pyvenv.cfg", "home = /usr/bin\nversion = 3.1.4\n");
        expectNoStart(option(directory.path() + "/old"),
                      "The virtual environment \"" + directory.path() +
                          "/old\" was made for Python 3.1.4, this module runs Python " + series() +
                          ".");
        directory.write("uv/pyvenv.cfg", "version_info = 2.7.18.final.0\n");
        expectNoStart(option(directory.path() + "/uv"),
                      "The virtual environment \"" + directory.path() +
                          "/uv\" was made for Python 2.7.18.final.0, this module runs Python " +
                          series() + ".");
        expectNoStart(option(directory.path()), "The \"home\" directory \"" + directory.path() +
                                                    "\" is neither a virtual environment nor an "
                                                    "installation of Python " +
                                                    series() + ".");
        expectNoStart(option("/nonexistent"),
                      "The \"home\" directory \"/nonexistent\" does not exist or cannot be read.");
    }

    void testThreads()
    {
        fixture::inChild([] {
            Worker worker(R"("module": "threaded")", 4);
            std::atomic<int> good{0};
            const auto run = [&](void *thread) {
                // All four inside at once, then many requests with bodies of their own.
                FakeRequest meet("/meet");
                good += worker.serveOn(thread, meet).result == PB_OK ? 1 : 0;
                for (int i = 2; i <= 200; ++i) {
                    FakeExchange exchange;
                    exchange.body = std::string(static_cast<std::size_t>(i), 'b');
                    FakeRequest request("/count");
                    request.withBody(exchange.body.size()).query = std::to_string(i);
                    const auto outcome = worker.serveOn(thread, request, exchange);
                    const bool same =
                        outcome.exchange.sent() == exchange.body + std::to_string(i) + "." &&
                        outcome.exchange.fields.at(0).second == std::to_string(i) &&
                        outcome.exchange.fields.at(1).second == "True";
                    good += same ? 1 : 0;
                }
            };
            std::vector<std::thread> threads;
            for (int i = 0; i < 3; ++i) {
                threads.emplace_back([&] {
                    void *thread = worker.threadEnter();
                    run(thread);
                    worker.threadLeave(thread);
                });
            }
            run(worker.mainThread());
            for (std::thread &thread : threads) {
                thread.join();
            }
            CPPUNIT_ASSERT_EQUAL(4 * 200, good.load());
            worker.stop();
        });
    }

    void testStop()
    {
        fixture::inChild([] {
            fixture::TemporaryDirectory directory;
            const std::string mark = directory.path() + "/mark";
            setenv("MARK", mark.c_str(), 1);
            Worker worker(R"("module": "at_exit")");
            CPPUNIT_ASSERT_EQUAL(std::string("ok"), worker.get("/").exchange.sent());
            worker.stop();
            std::ifstream file(mark);
            const std::string text{std::istreambuf_iterator<char>(file), {}};
            CPPUNIT_ASSERT_EQUAL(std::string("thread atexit"), text);
        });
    }

    // SIGINT stays the core's; a broken pipe is an exception of the application's.
    void testSignals()
    {
        fixture::inChild([] {
            std::signal(SIGINT, SIG_IGN);
            std::signal(SIGPIPE, SIG_DFL);
            Worker worker(R"("module": "places")");
            const auto places = fixture::parseLines(worker.get("/").exchange.sent());
            CPPUNIT_ASSERT_EQUAL(std::string("1"), places.at("signals")); // Handlers.SIG_IGN
            CPPUNIT_ASSERT(std::signal(SIGPIPE, SIG_DFL) == SIG_IGN);
        });
    }

private:
    static std::string series()
    {
        const std::string version = fixture::loadModule(RUNTIME_FILE, RTLD_GLOBAL).version;
        return version.substr(0, version.find('.', version.find('.') + 1));
    }

    static void expectAnswerStarts(const std::string &options, const std::string &start)
    {
        fixture::inChild([&] {
            Worker worker(options);
            const std::string text = worker.get("/").exchange.sent();
            CPPUNIT_ASSERT_MESSAGE(worker.startError() + text, text.starts_with(start));
        });
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StartTest);
