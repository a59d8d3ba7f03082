// Modules that load and then misbehave, in C, in C++ without and with module.hpp; and what loading
// promises: scope of symbols, life of the mapping.
#include "base/error.hpp"
#include "module/instance.hpp"
#include "support.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

// This process, unlike any of the server's, has a runtime and router modules loaded: a
// `patchbay_module` that everyone sees, and others. That is what AddressSanitizer would report.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options()
{
    return "detect_odr_violation=0";
}

namespace {

using namespace patchbay::modules;
using contract::errorOf;
using contract::load;
using contract::modulePath;
using contract::TestHost;

pb_request requestFor(std::string_view path)
{
    pb_request request{};
    request.struct_size = sizeof request;
    request.path = contract::str(path);
    return request;
}

std::string createError(std::string_view name, std::string_view options = "{}")
{
    TestHost host;
    return errorOf([&] { const EncoderInstance instance(load(name), host.table, options); });
}

bool isMapped(std::string_view name)
{
    void *handle = ::dlopen(modulePath(name).c_str(), RTLD_NOLOAD | RTLD_LAZY);
    if (handle != nullptr) {
        ::dlclose(handle);
    }
    return handle != nullptr;
}

// The core's half of one exchange, as far as the runtime below uses it.
struct FakeExchange {
    std::string written;
    std::uint32_t status = 0;
    pb_exchange table{};

    explicit FakeExchange(std::uint64_t id)
    {
        table.struct_size = sizeof table;
        table.context = this;
        table.id = id;
        table.head = [](void *context, std::uint32_t code, const pb_field *, std::size_t,
                        pb_error *) {
            static_cast<FakeExchange *>(context)->status = code;
            return PB_OK;
        };
        table.write = [](void *context, const void *data, std::size_t size) {
            static_cast<FakeExchange *>(context)->written.append(static_cast<const char *>(data),
                                                                 size);
            return PB_OK;
        };
    }
};

class InstanceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(InstanceTest);
    CPPUNIT_TEST(createFailures);
    CPPUNIT_TEST(encodersInCAndCpp);
    CPPUNIT_TEST(encodersThatMisbehave);
    CPPUNIT_TEST(listenersThatMisbehave);
    CPPUNIT_TEST(acceptIsOptional);
    CPPUNIT_TEST(runtimeOverModuleHpp);
    CPPUNIT_TEST(routerModulesAreLocalAndGo);
    CPPUNIT_TEST(runtimesAreGlobalAndStay);
    CPPUNIT_TEST_SUITE_END();

    void createFailures()
    {
        const std::string gaveUp = "the constructor gave up";
        CPPUNIT_ASSERT_EQUAL(modulePath("throwing_create") +
                                 ": create() threw across the module boundary: " + gaveUp,
                             createError("throwing_create"));
        CPPUNIT_ASSERT_EQUAL(modulePath("silent_create") + ": create() failed and did not say why",
                             createError("silent_create"));
        CPPUNIT_ASSERT_EQUAL(modulePath("brimful_error") + ": " +
                                 std::string(PB_ERROR_TEXT_SIZE - 1, 'x'),
                             createError("brimful_error"));
        CPPUNIT_ASSERT_EQUAL(modulePath("sdk_encoder") + ": " + gaveUp,
                             createError("sdk_encoder", R"({"fail":"create"})"));
        CPPUNIT_ASSERT_EQUAL(modulePath("sdk_encoder") +
                                 ": an exception that is no std::exception was thrown",
                             createError("sdk_encoder", R"({"fail":"odd"})"));
    }

    void encodersInCAndCpp()
    {
        for (const char *name : {"good_encoder", "longer_table", "sdk_encoder"}) {
            TestHost host;
            const EncoderInstance encoder(load(name), host.table, "{}");
            const pb_request request = requestFor("/a/path");
            CPPUNIT_ASSERT_EQUAL(std::size_t{7}, encoder.encodedSize(request));
            std::string out(7, '?');
            CPPUNIT_ASSERT(
                encoder.encode(request, reinterpret_cast<std::uint8_t *>(out.data()), 7));
            CPPUNIT_ASSERT_EQUAL(std::string("/a/path"), out);
        }
    }

    void encodersThatMisbehave()
    {
        TestHost host;
        const pb_request request = requestFor("/path");
        std::uint8_t out[16];
        const EncoderInstance liar(load("lying_encoder"), host.table, "{}");
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, liar.encodedSize(request));
        CPPUNIT_ASSERT(!liar.encode(request, out, 6));
        const EncoderInstance huge(load("huge_encoder"), host.table, "{}");
        CPPUNIT_ASSERT_EQUAL(EncoderInstance::kMaxSize, huge.encodedSize(request));
        const EncoderInstance noSize(load("sdk_encoder"), host.table, R"({"fail":"size"})");
        CPPUNIT_ASSERT_EQUAL(EncoderInstance::kMaxSize, noSize.encodedSize(request));
        const EncoderInstance noBytes(load("sdk_encoder"), host.table, R"({"fail":"encode"})");
        CPPUNIT_ASSERT(!noBytes.encode(request, out, 5));
    }

    void listenersThatMisbehave()
    {
        TestHost host;
        const ListenerInstance listener(load("sdk_listener"), host.table, "{}");
        const std::string prefix = modulePath("sdk_listener") + ": resolve() returned ";
        const auto errorFor = [&](std::string_view address) {
            return errorOf([&] { listener.resolve(address); });
        };
        CPPUNIT_ASSERT_EQUAL(std::string(), errorFor("contract:fine"));
        CPPUNIT_ASSERT_EQUAL(std::string("The listener address \"contract:throw\" is invalid."),
                             errorFor("contract:throw"));
        CPPUNIT_ASSERT_EQUAL(std::string("The listener address \"contract:odd\" is invalid."),
                             errorFor("contract:odd"));
        const std::string type = prefix + "an unknown type, flag or backlog";
        CPPUNIT_ASSERT_EQUAL(type, errorFor("contract:datagram"));
        CPPUNIT_ASSERT_EQUAL(type, errorFor("contract:flag"));
        CPPUNIT_ASSERT_EQUAL(prefix + "an address of impossible size", errorFor("contract:size"));
        const std::string name = prefix + "no canonical name";
        CPPUNIT_ASSERT_EQUAL(name, errorFor("contract:unterminated"));
        CPPUNIT_ASSERT_EQUAL(name, errorFor("contract:nameless"));
        try {
            listener.resolve("contract:throw");
            CPPUNIT_FAIL("resolved");
        } catch (const InvalidAddress &e) {
            CPPUNIT_ASSERT_EQUAL(std::string("not here"), e.reason());
        }
    }

    // A table that ends before accept, and one where it is NULL: the core accepts.
    void acceptIsOptional()
    {
        for (const char *name : {"short_listener", "sdk_listener"}) {
            TestHost host;
            const ListenerInstance listener(load(name), host.table, "{}");
            sockaddr_un peer{};
            socklen_t size = sizeof peer;
            errno = 0;
            CPPUNIT_ASSERT_EQUAL(-1,
                                 listener.accept(-1, reinterpret_cast<sockaddr *>(&peer), &size));
            CPPUNIT_ASSERT_EQUAL(EBADF, errno);
        }
    }

    void runtimeOverModuleHpp()
    {
        TestHost host;
        const auto module = LoadedModule::load(modulePath("sdk_runtime"), LoadAs::runtime);
        const RuntimeInstance instance(module, host.table, "{}");
        const pb_runtime_ops &ops = instance.runtime();
        void *self = instance.object();

        pb_error error{};
        error.struct_size = sizeof error;
        CPPUNIT_ASSERT_EQUAL(PB_ERROR, ops.start(self, 0, &error));
        CPPUNIT_ASSERT_EQUAL(std::string("no thread, no service"), std::string(error.text));
        CPPUNIT_ASSERT_EQUAL(PB_OK, ops.start(self, 1, &error));

        void *thread = ops.thread_enter(self);
        FakeExchange good(1);
        CPPUNIT_ASSERT_EQUAL(PB_OK, ops.serve(self, thread, &good.table));
        CPPUNIT_ASSERT_EQUAL(200u, good.status);
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), good.written);
        for (const std::uint64_t id : {2, 3, 4}) {
            FakeExchange bad(id);
            CPPUNIT_ASSERT_EQUAL(PB_ERROR, ops.serve(self, thread, &bad.table));
            CPPUNIT_ASSERT_EQUAL(0u, bad.status);
        }
        ops.thread_leave(self, thread);
        ops.stop(self);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, host.lines.size());
        CPPUNIT_ASSERT_EQUAL(std::string("#3 the application is upset"), host.lines[0]);
        CPPUNIT_ASSERT_EQUAL(std::string("#4 an exception that is no std::exception was thrown"),
                             host.lines[1]);
    }

    // Their symbols stay out of each other's way; the file is mapped as long as an instance lives.
    void routerModulesAreLocalAndGo()
    {
        TestHost host;
        {
            std::unique_ptr<EncoderInstance> encoder;
            {
                encoder = std::make_unique<EncoderInstance>(load("good_encoder"), host.table, "{}");
            }
            CPPUNIT_ASSERT(isMapped("good_encoder"));
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, encoder->encodedSize(requestFor("/")));
        }
        CPPUNIT_ASSERT(!isMapped("good_encoder"));
        const auto exporting = load("sdk_encoder");
        CPPUNIT_ASSERT(::dlsym(RTLD_DEFAULT, "pb_contract_local") == nullptr);
    }

    // traps.md B5: an extension finds the interpreter's symbols globally.
    void runtimesAreGlobalAndStay()
    {
        {
            LoadedModule::load(modulePath("sdk_runtime"), LoadAs::runtime);
        }
        CPPUNIT_ASSERT(isMapped("sdk_runtime"));
        CPPUNIT_ASSERT(::dlsym(RTLD_DEFAULT, "pb_contract_interpreter") != nullptr);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(InstanceTest);

} // namespace
