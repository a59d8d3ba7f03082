// The binary layout of abi.h against a golden file: a change by accident fails here.
#include "patchbay/abi.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct MemberLayout {
    const char *name;
    std::size_t offset;
    std::size_t size;
    std::size_t align;
};

struct StructLayout {
    const char *name;
    std::size_t size;
    std::size_t align;
    std::vector<MemberLayout> members;
};

#define PB_MEMBER(type, member)                                                                    \
    {                                                                                              \
#member, offsetof(type, member), sizeof(type::member), alignof(decltype(type::member))     \
    }
#define PB_STRUCT(type, ...)                                                                       \
    {                                                                                              \
#type, sizeof(type), alignof(type),                                                        \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

std::vector<StructLayout> structs();

std::string render()
{
    std::ostringstream out;
    out << "abi " << PB_ABI_MAJOR << '.' << PB_ABI_MINOR << '\n';
    for (const StructLayout &s : structs()) {
        out << '\n' << s.name << " size " << s.size << " align " << s.align << '\n';
        for (const MemberLayout &m : s.members) {
            out << "  " << m.offset << ' ' << m.size << ' ' << m.name << '\n';
        }
    }
    const std::pair<const char *, long> constants[] = {
        {"PB_OK", PB_OK},
        {"PB_ERROR", PB_ERROR},
        {"PB_AGAIN", PB_AGAIN},
        {"PB_SERVE", PB_SERVE},
        {"PB_ERROR_TEXT_SIZE", PB_ERROR_TEXT_SIZE},
        {"PB_LOG_ALERT", PB_LOG_ALERT},
        {"PB_LOG_ERROR", PB_LOG_ERROR},
        {"PB_LOG_WARN", PB_LOG_WARN},
        {"PB_LOG_NOTICE", PB_LOG_NOTICE},
        {"PB_LOG_INFO", PB_LOG_INFO},
        {"PB_LOG_DEBUG", PB_LOG_DEBUG},
        {"PB_KIND_LISTENER", PB_KIND_LISTENER},
        {"PB_KIND_ENCODER", PB_KIND_ENCODER},
        {"PB_KIND_RUNTIME", PB_KIND_RUNTIME},
        {"PB_KIND_SINK", PB_KIND_SINK},
        {"PB_FINISHED_CUT", PB_FINISHED_CUT},
        {"PB_LOOP_NOTHING", PB_LOOP_NOTHING},
        {"PB_LOOP_REQUEST", PB_LOOP_REQUEST},
        {"PB_LOOP_PROGRESS", PB_LOOP_PROGRESS},
        {"PB_LOOP_STOP", PB_LOOP_STOP},
        {"PB_SOCKET_V6ONLY", PB_SOCKET_V6ONLY},
        {"PB_SOCKET_NODELAY", PB_SOCKET_NODELAY},
        {"PB_SOCKET_UNLINK", PB_SOCKET_UNLINK},
        {"PB_REQUEST_HTTPS", PB_REQUEST_HTTPS},
        {"PB_REQUEST_HTTP10", PB_REQUEST_HTTP10},
        {"PB_REQUEST_CHUNKED", PB_REQUEST_CHUNKED},
        {"PB_REQUEST_HAS_BODY", PB_REQUEST_HAS_BODY},
    };
    out << '\n';
    for (const auto &[name, value] : constants) {
        out << name << ' ' << value << '\n';
    }
    return out.str();
}

std::vector<StructLayout> structs()
{
    return {
        PB_STRUCT(pb_str, PB_MEMBER(pb_str, data), PB_MEMBER(pb_str, size)),
        PB_STRUCT(pb_error, PB_MEMBER(pb_error, struct_size), PB_MEMBER(pb_error, reserved),
                  PB_MEMBER(pb_error, text)),
        PB_STRUCT(pb_host, PB_MEMBER(pb_host, struct_size), PB_MEMBER(pb_host, abi_minor),
                  PB_MEMBER(pb_host, product), PB_MEMBER(pb_host, software),
                  PB_MEMBER(pb_host, program), PB_MEMBER(pb_host, context),
                  PB_MEMBER(pb_host, log)),
        PB_STRUCT(pb_module, PB_MEMBER(pb_module, abi_major), PB_MEMBER(pb_module, abi_minor),
                  PB_MEMBER(pb_module, struct_size), PB_MEMBER(pb_module, kind),
                  PB_MEMBER(pb_module, id), PB_MEMBER(pb_module, version),
                  PB_MEMBER(pb_module, options_schema), PB_MEMBER(pb_module, create),
                  PB_MEMBER(pb_module, destroy), PB_MEMBER(pb_module, ops)),
        PB_STRUCT(pb_socket_spec, PB_MEMBER(pb_socket_spec, struct_size),
                  PB_MEMBER(pb_socket_spec, flags), PB_MEMBER(pb_socket_spec, type),
                  PB_MEMBER(pb_socket_spec, backlog), PB_MEMBER(pb_socket_spec, mode),
                  PB_MEMBER(pb_socket_spec, address_size), PB_MEMBER(pb_socket_spec, address),
                  PB_MEMBER(pb_socket_spec, canonical)),
        PB_STRUCT(pb_listener_ops, PB_MEMBER(pb_listener_ops, struct_size),
                  PB_MEMBER(pb_listener_ops, reserved), PB_MEMBER(pb_listener_ops, scheme),
                  PB_MEMBER(pb_listener_ops, resolve), PB_MEMBER(pb_listener_ops, accept)),
        PB_STRUCT(pb_field, PB_MEMBER(pb_field, name), PB_MEMBER(pb_field, value)),
        PB_STRUCT(pb_request, PB_MEMBER(pb_request, struct_size), PB_MEMBER(pb_request, flags),
                  PB_MEMBER(pb_request, exchange_id), PB_MEMBER(pb_request, engine),
                  PB_MEMBER(pb_request, target_index), PB_MEMBER(pb_request, method),
                  PB_MEMBER(pb_request, target), PB_MEMBER(pb_request, path),
                  PB_MEMBER(pb_request, query), PB_MEMBER(pb_request, version),
                  PB_MEMBER(pb_request, scheme), PB_MEMBER(pb_request, host),
                  PB_MEMBER(pb_request, server_name), PB_MEMBER(pb_request, server_port),
                  PB_MEMBER(pb_request, local_address), PB_MEMBER(pb_request, remote_address),
                  PB_MEMBER(pb_request, local_port), PB_MEMBER(pb_request, remote_port),
                  PB_MEMBER(pb_request, content_type), PB_MEMBER(pb_request, content_length_text),
                  PB_MEMBER(pb_request, content_length), PB_MEMBER(pb_request, fields),
                  PB_MEMBER(pb_request, field_count)),
        PB_STRUCT(pb_encoder_ops, PB_MEMBER(pb_encoder_ops, struct_size),
                  PB_MEMBER(pb_encoder_ops, reserved), PB_MEMBER(pb_encoder_ops, encoded_size),
                  PB_MEMBER(pb_encoder_ops, encode)),
        PB_STRUCT(pb_exchange, PB_MEMBER(pb_exchange, struct_size),
                  PB_MEMBER(pb_exchange, reserved), PB_MEMBER(pb_exchange, context),
                  PB_MEMBER(pb_exchange, message), PB_MEMBER(pb_exchange, message_size),
                  PB_MEMBER(pb_exchange, content_length), PB_MEMBER(pb_exchange, id),
                  PB_MEMBER(pb_exchange, read_body), PB_MEMBER(pb_exchange, head),
                  PB_MEMBER(pb_exchange, write), PB_MEMBER(pb_exchange, write_buffered),
                  PB_MEMBER(pb_exchange, cancelled), PB_MEMBER(pb_exchange, finish),
                  PB_MEMBER(pb_exchange, room), PB_MEMBER(pb_exchange, user)),
        PB_STRUCT(pb_loop_event, PB_MEMBER(pb_loop_event, struct_size),
                  PB_MEMBER(pb_loop_event, kind), PB_MEMBER(pb_loop_event, exchange)),
        PB_STRUCT(pb_loop, PB_MEMBER(pb_loop, struct_size), PB_MEMBER(pb_loop, reserved),
                  PB_MEMBER(pb_loop, context), PB_MEMBER(pb_loop, wake_fd),
                  PB_MEMBER(pb_loop, capacity), PB_MEMBER(pb_loop, next)),
        PB_STRUCT(pb_runtime_ops, PB_MEMBER(pb_runtime_ops, struct_size),
                  PB_MEMBER(pb_runtime_ops, reserved), PB_MEMBER(pb_runtime_ops, start),
                  PB_MEMBER(pb_runtime_ops, thread_enter), PB_MEMBER(pb_runtime_ops, thread_leave),
                  PB_MEMBER(pb_runtime_ops, serve), PB_MEMBER(pb_runtime_ops, stop),
                  PB_MEMBER(pb_runtime_ops, become), PB_MEMBER(pb_runtime_ops, loop)),
        PB_STRUCT(pb_finished, PB_MEMBER(pb_finished, struct_size), PB_MEMBER(pb_finished, flags),
                  PB_MEMBER(pb_finished, engine), PB_MEMBER(pb_finished, status),
                  PB_MEMBER(pb_finished, request), PB_MEMBER(pb_finished, listener),
                  PB_MEMBER(pb_finished, application), PB_MEMBER(pb_finished, body_bytes),
                  PB_MEMBER(pb_finished, duration), PB_MEMBER(pb_finished, time)),
        PB_STRUCT(pb_sink_ops, PB_MEMBER(pb_sink_ops, struct_size),
                  PB_MEMBER(pb_sink_ops, reserved), PB_MEMBER(pb_sink_ops, finished),
                  PB_MEMBER(pb_sink_ops, reopen)),
    };
}

std::string contentOf(const std::string &file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

class LayoutTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LayoutTest);
    CPPUNIT_TEST(everyMemberIsListed);
    CPPUNIT_TEST(everyStructIsListed);
    CPPUNIT_TEST(asInTheGoldenFile);
    CPPUNIT_TEST(historyHasThisVersion);
    CPPUNIT_TEST_SUITE_END();

    const std::string header = contentOf(PB_SOURCE_DIR "/sdk/include/patchbay/abi.h");

    // Between two members, and behind the last, there is padding at most.
    void everyMemberIsListed()
    {
        const auto alignUp = [](std::size_t n, std::size_t to) { return (n + to - 1) / to * to; };
        for (const StructLayout &s : structs()) {
            std::size_t end = 0;
            for (const MemberLayout &m : s.members) {
                CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(s.name) + ": what is before " + m.name +
                                                 "? List every member in layout_test.cpp.",
                                             alignUp(end, m.align), m.offset);
                end = m.offset + m.size;
            }
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(s.name) + ": what is behind its last member?",
                                         alignUp(end, s.align), s.size);
        }
    }

    void everyStructIsListed()
    {
        const std::string start = "\ntypedef struct ";
        std::size_t found = 0;
        for (std::size_t at = header.find(start); at != header.npos;
             at = header.find(start, at + 1), ++found) {
            const std::size_t begin = at + start.size();
            const std::string name = header.substr(begin, header.find(' ', begin) - begin);
            bool listed = false;
            for (const StructLayout &s : structs()) {
                listed = listed || name == s.name;
            }
            CPPUNIT_ASSERT_MESSAGE(name + " is not listed in layout_test.cpp", listed);
        }
        CPPUNIT_ASSERT_EQUAL(structs().size(), found);
    }

    void asInTheGoldenFile()
    {
        const std::string actual = render();
        const std::string golden = PB_SOURCE_DIR "/tests/contract/abi-layout.golden";
        if (contentOf(golden) == actual) {
            return;
        }
        const std::string written = PB_CONTRACT_OUTPUT "/abi-layout.actual";
        std::ofstream(written) << actual;
        CPPUNIT_FAIL("The layout of abi.h is not that of " + golden +
                     ".\nModules that are installed would break. If the change is meant: members "
                     "are added at the end of a table only, raise PB_ABI_MINOR (PB_ABI_MAJOR for "
                     "anything else), add a line to the history at the head of abi.h, and then\n"
                     "  cp " +
                     written + " " + golden);
    }

    void historyHasThisVersion()
    {
        const std::string line =
            "\n *   " + std::to_string(PB_ABI_MAJOR) + "." + std::to_string(PB_ABI_MINOR) + "  20";
        CPPUNIT_ASSERT_MESSAGE("The history at the head of abi.h has no line for this version",
                               header.find(line) != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LayoutTest);

} // namespace
