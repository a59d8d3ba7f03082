// Configurations with every kind of mistake and what a person is told about each, the typed result
// of a good one, and a very large one.
#include "router/control/config_document.hpp"

#include "base/error.hpp"
#include "patchbay/abi.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <chrono>

using namespace patchbay;
using namespace patchbay::control;
using namespace std::string_literals;

namespace {

constexpr char kListenerSchema[] = R"json({"type":"object","properties":{
  "backlog":{"type":"integer","minimum":-1,"maximum":2147483647}}})json";
constexpr char kPythonSchema[] = R"json({"type":"object","required":["module"],"properties":{
  "module":{"type":"string"}, "callable":{"type":"string"}, "factory":{"type":"boolean"},
  "path":{"type":["string","array"],"items":{"type":"string"}}, "home":{"type":"string"},
  "protocol":{"type":"string","enum":["wsgi","asgi"],"x-unbuilt":["asgi"]},
  "threads":{"type":"integer","minimum":1,"maximum":2147483647},
  "thread_stack_size":{"type":"integer","minimum":16384},
  "targets":{"x-unbuilt":true}}})json";

modules::Catalog catalog()
{
    const auto module = [](const char *id, std::uint32_t kind, const char *version,
                           const char *schema) {
        modules::ModuleInfo info;
        info.id = id;
        info.kind = kind;
        info.version = version;
        info.file = "/modules/" + info.id + ".so";
        info.schema = schema;
        return info;
    };
    modules::Catalog result;
    result.modules = {
        module("encoder.python", PB_KIND_ENCODER, "0.1.0", R"({"type":"object"})"),
        module("listener.tcp", PB_KIND_LISTENER, "0.1.0", kListenerSchema),
        module("listener.unix", PB_KIND_LISTENER, "0.1.0", kListenerSchema),
        module("runtime.broken", PB_KIND_RUNTIME, "1.0", R"({"typ":"object"})"),
        module("runtime.lonely", PB_KIND_RUNTIME, "1.0", R"({"type":"object"})"),
        module("runtime.python", PB_KIND_RUNTIME, "3.11.2", kPythonSchema),
    };
    result.modules.push_back(
        module("encoder.broken", PB_KIND_ENCODER, "1.0", R"({"type":"object"})"));
    return result;
}

const modules::Catalog &modulesOfTest()
{
    static const modules::Catalog result = catalog();
    return result;
}

ConfigDocument parse(const std::string &text, bool asUnit = false)
{
    return checkConfiguration(readConfiguration({{"c.json", text}}),
                              {modulesOfTest(), {"/tmp", asUnit}});
}

// What a person reads; empty: the configuration is fine.
std::string errorOf(const std::string &text)
{
    try {
        parse(text);
    } catch (const ConfigError &error) {
        return error.what();
    }
    return "";
}

// A document with one application "a" that has `member` besides what it needs.
std::string application(const std::string &member)
{
    return R"({"applications":{"a":{"type":"python","module":"m",)" + member + "}}}";
}
std::string settings(const std::string &member)
{
    return R"({"settings":{)" + member + "}}";
}
std::string httpOf(const std::string &member)
{
    return settings("\"http\":{" + member + "}");
}
// One listener; the application "a" exists.
std::string listener(const std::string &member)
{
    return R"({"listeners":{"*:80":{)" + member +
           R"(}},"applications":{"a":{"type":"python","module":"m"}}})";
}

struct Row {
    std::string text;
    std::string error;
};

void checkTable(const std::vector<Row> &table)
{
    for (const Row &row : table) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(row.text, row.error, errorOf(row.text));
    }
}

const std::string kTypes = " Known here: \"broken 1.0\", \"lonely 1.0\", \"python 3.11.2\".";

} // namespace

class ConfigDocumentTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ConfigDocumentTest);
    CPPUNIT_TEST(good);
    CPPUNIT_TEST(rootAndSyntax);
    CPPUNIT_TEST(settingsErrors);
    CPPUNIT_TEST(listenerErrors);
    CPPUNIT_TEST(passErrors);
    CPPUNIT_TEST(applicationErrors);
    CPPUNIT_TEST(environmentErrors);
    CPPUNIT_TEST(severalErrors);
    CPPUNIT_TEST(machineForm);
    CPPUNIT_TEST(brokenModuleSchema);
    CPPUNIT_TEST(typedResult);
    CPPUNIT_TEST(typedSettings);
    CPPUNIT_TEST(identity);
    CPPUNIT_TEST(laterErrors);
    CPPUNIT_TEST(tenThousand);
    CPPUNIT_TEST_SUITE_END();

public:
    void good()
    {
        for (const std::string &text : {
                 "{}"s,
                 "// comments\n{ /* and */ \"listeners\": {}, \"applications\": {}, }\n"s,
                 listener(R"("pass":"applications/a")"),
                 listener(R"("pass":"applications/%61","backlog":-1)"),
                 listener(R"("application":"a")"),
                 listener(R"("pass":"applications/a","application":"a","backlog":511.0)"),
                 R"({"applications":{"x/y":{"type":"python 3","module":"m"}},)"
                 R"("listeners":{"unix:/a":{"pass":"applications/x%2Fy"}}})"s,
                 application(R"("processes":1024,"threads":4)"),
                 application(R"("processes":{})"),
                 application(R"("processes":{"max":1024,"spare":1024},"threads":4)"),
                 application(R"("processes":{"idle_timeout":"1h"})"),
                 application(R"("limits":{"timeout":"1m","requests":5,"queue":{}})"),
                 application(R"("limits":{"shm":0},"path":["a","b"],"protocol":"wsgi")"),
                 httpOf(R"("idle_timeout":0,"body_temp_path":"/tmp","max_body_size":99999999999)"),
                 settings(R"("listen_threads":256)"),
             }) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, ""s, errorOf(text));
        }
    }

    void rootAndSyntax()
    {
        checkTable({
            {"", "c.json:1:1: An empty JSON payload isn't allowed.  It must be either a literal "
                 "(null, true, or false), a number, a string (in double quotes \"\"), an array "
                 "(with brackets []), or an object (with braces {})."},
            {"{\n  \"listeners\": {},\n  \"listeners\": {}\n}",
             "c.json:3:3: Duplicate object member.  All JSON object members must have unique "
             "names."},
            {"[]", "c.json:1:1: The configuration must be an object, but not an array."},
            {R"({"listener":{}})", "c.json:1:2: /listener: Unknown parameter \"listener\". Did you "
                                   "mean \"listeners\"?"},
            {R"({"stuff":{}})",
             "c.json:1:2: /stuff: Unknown parameter \"stuff\". Known here: \"listeners\", "
             "\"applications\", \"sinks\", \"settings\", \"routes\"."},
            {R"({"routes":[{}]})", "c.json:1:11: /routes: Patchbay is built without the \"routes\" "
                                   "option support."},
            {R"({"upstreams":{}})", "c.json:1:2: /upstreams: Patchbay is built without the "
                                    "\"upstreams\" option support."},
            {R"({"access_log":"/x"})", "c.json:1:2: /access_log: Patchbay is built without the "
                                       "\"access_log\" option support."},
            {R"({"listeners":[]})", "c.json:1:14: /listeners: The \"listeners\" value must be an "
                                    "object, but not an array."},
            {R"({"applications":null})", "c.json:1:17: /applications: The \"applications\" value "
                                         "must be an object, but not a null."},
            {"{\"a\x1b\\n\\u0001\":1}",
             "c.json:1:4: Unexpected character.  All control characters in a JSON string must be "
             "escaped."},
            {R"({"a\nb\u001bc":1})",
             "c.json:1:2: /a\\x0Ab\\x1Bc: Unknown parameter \"a\\x0Ab\\x1Bc\". Known here: "
             "\"listeners\", \"applications\", \"sinks\", \"settings\", \"routes\"."},
        });
    }

    void settingsErrors()
    {
        const std::string threads = "c.json:1:31: /settings/listen_threads: ";
        checkTable({
            {settings(R"("listen_threads":0)"),
             threads + "The \"listen_threads\" number must be equal to or greater than 1."},
            {settings(R"("listen_threads":2147483648)"),
             threads + "The \"listen_threads\" number must not exceed 2147483647."},
            {settings(R"("listen_threads":257)"),
             threads + "The \"listen_threads\" number must not exceed 256, the most router threads "
                       "there can be."},
            {settings(R"("listen_threads":1.5)"),
             threads + "The \"listen_threads\" value must be an integer number, but not a "
                       "fractional number."},
            {settings(R"("js_module":"x")"), "c.json:1:14: /settings/js_module: Patchbay is built "
                                             "without the \"js_module\" option support."},
            {settings(R"("telemetry":{})"), "c.json:1:14: /settings/telemetry: Patchbay is built "
                                            "without the \"telemetry\" option support."},
            {httpOf(R"("idle_timeout":-1)"), "c.json:1:37: /settings/http/idle_timeout: The "
                                             "\"idle_timeout\" number must not be negative."},
            {httpOf(R"("send_timeout":1e12)"),
             "c.json:1:37: /settings/http/send_timeout: The \"send_timeout\" number must not "
             "exceed 2147483647."},
            {httpOf(R"("max_body_size":"8 M")"),
             "c.json:1:38: /settings/http/max_body_size: The \"max_body_size\" value must be an "
             "integer number, but not a string. Known here: \"64k\", \"8m\", \"1g\"."},
            {httpOf(R"("header_buffer_size":1)"),
             "c.json:1:22: /settings/http/header_buffer_size: Unknown parameter "
             "\"header_buffer_size\". Known here: \"header_read_timeout\", \"body_read_timeout\", "
             "\"send_timeout\", \"idle_timeout\", \"max_body_size\", \"body_buffer_size\", "
             "\"body_temp_path\", \"large_header_buffer_size\", \"large_header_buffers\", "
             "\"discard_unsafe_fields\", \"server_version\", \"chunked_transform\"."},
            {httpOf(R"("server_version":"no")"),
             "c.json:1:39: /settings/http/server_version: The \"server_version\" value must be a "
             "boolean, but not a string."},
            {httpOf(R"("body_temp_path":"/no/such")"),
             "c.json:1:39: /settings/http/body_temp_path: The \"body_temp_path\" directory "
             "\"/no/such\" cannot be used: No such file or directory."},
            {httpOf(R"("body_temp_path":"/dev/null")"),
             "c.json:1:39: /settings/http/body_temp_path: The \"body_temp_path\" directory "
             "\"/dev/null\" cannot be used: Not a directory."},
            {httpOf(R"("body_temp_path":"/tmp\u0000/x")"),
             "c.json:1:39: /settings/http/body_temp_path: The \"body_temp_path\" value must not "
             "contain null character."},
            {httpOf(R"("static":{})"), "c.json:1:22: /settings/http/static: Patchbay is built "
                                       "without the \"static\" option support."},
        });
        for (const char *name : {"log_route", "websocket", "compression"}) {
            CPPUNIT_ASSERT_EQUAL("c.json:1:22: /settings/http/"s + name +
                                     ": Patchbay is built without the \"" + name +
                                     "\" option support.",
                                 errorOf(httpOf("\""s + name + "\":true")));
        }
    }

    void listenerErrors()
    {
        checkTable({
            {R"({"listeners":{"*:80":"a"}})", "c.json:1:22: /listeners/*:80: The \"*:80\" value "
                                              "must be an object, but not a string."},
            {listener(""), "c.json:1:22: /listeners/*:80: Required parameter \"pass\" is missing."},
            {listener(R"("pas":"applications/a")"),
             "c.json:1:23: /listeners/*:80/pas: Unknown parameter \"pas\". Did you mean "
             "\"pass\"?"},
            {listener(R"("passage":1)"),
             "c.json:1:23: /listeners/*:80/passage: Unknown parameter \"passage\". Known here: "
             "\"pass\", \"application\", \"backlog\"."},
            {listener(R"("pass":"applications/a","backlog":-2)"),
             "c.json:1:57: /listeners/*:80/backlog: The \"backlog\" number must be equal to or "
             "greater than -1."},
            {listener(R"("pass":"applications/a","backlog":2147483648)"),
             "c.json:1:57: /listeners/*:80/backlog: The \"backlog\" number must not exceed "
             "2147483647."},
            {listener(R"("pass":"applications/a","tls":{})"),
             "c.json:1:47: /listeners/*:80/tls: Patchbay is built without the \"tls\" option "
             "support."},
            {listener(R"("pass":"applications/a","forwarded":{})"),
             "c.json:1:47: /listeners/*:80/forwarded: Patchbay is built without the \"forwarded\" "
             "option support."},
            {listener(R"("pass":"applications/a","client_ip":{})"),
             "c.json:1:47: /listeners/*:80/client_ip: Patchbay is built without the \"client_ip\" "
             "option support."},
            {listener(R"("application":"b")"),
             "c.json:1:37: /listeners/*:80/application: Listening socket is assigned for a non "
             "existing application \"b\". Known here: \"a\"."},
            {listener(R"("pass":"applications/a","application":"b")"),
             "c.json:1:61: /listeners/*:80/application: Listening socket is assigned for a non "
             "existing application \"b\". Known here: \"a\"."},
            {listener(R"("application":{})"),
             "c.json:1:37: /listeners/*:80/application: The \"application\" value must be a "
             "string, but not an object."},
            {R"({"listeners":{"unix:/a/b~\u0000":{"pass":"applications/a"}}})",
             "c.json:1:15: /listeners/unix:~1a~1b~0\\x00: The name \"unix:/a/b~\\x00\" must not "
             "contain null character."},
        });
        modules::Catalog none;
        try {
            checkConfiguration(readConfiguration({{"", R"({"listeners":{"*:80":{"pass":"x"}}})"}}),
                               {none, {"/tmp", false}});
            CPPUNIT_FAIL("accepted");
        } catch (const ConfigError &error) {
            CPPUNIT_ASSERT_EQUAL("1:22: /listeners/*:80: The module to open the listener \"*:80\" "
                                 "is not found among the available listener modules."s,
                                 std::string(error.what()));
        }
    }

    void passErrors()
    {
        const std::string place = "c.json:1:30: /listeners/*:80/pass: ";
        const auto invalid = [&](const std::string &value) {
            return place + "Request \"pass\" value \"" + value + "\" is invalid.";
        };
        const auto nowhere = [&](const std::string &value) {
            return place + "Request \"pass\" points to invalid location \"" + value + "\".";
        };
        const std::string known = " Known here: \"applications/a\".";
        const std::string near = " Did you mean \"applications/a\"?";
        const std::vector<Row> table = {
            {"", invalid("")},
            {"/applications/a", invalid("/applications/a")},
            {"applications//a", invalid("applications//a")},
            {"applications/a/", invalid("applications/a/")},
            {"applications/%zz", invalid("applications/%zz")},
            {"applications/%6", invalid("applications/%6")},
            {"applications/a/b/c", invalid("applications/a/b/c")},
            {"applications", nowhere("applications") + near},
            {"applications/b", nowhere("applications/b") + near},
            {"application/a", nowhere("application/a") + near},
            {"applications/a/t", nowhere("applications/a/t") + near},
            {"applications%2Fa", nowhere("applications%2Fa") + known},
            {"applications/a%00", nowhere("applications/a%00") + known},
            {"foo/bar", nowhere("foo/bar") + known},
            {"routes", place + "Patchbay is built without the \"routes\" option support."},
            {"routes/main", place + "Patchbay is built without the \"routes\" option support."},
            {"upstreams/u", place + "Patchbay is built without the \"upstreams\" option support."},
            {"applications/$arg_x",
             place + "Patchbay is built without support of variables in the \"pass\" value."},
        };
        for (const Row &row : table) {
            CPPUNIT_ASSERT_EQUAL(row.error, errorOf(listener("\"pass\":\"" + row.text + "\"")));
        }
        CPPUNIT_ASSERT_EQUAL(place + "The \"pass\" value must be a string, but not a boolean.",
                             errorOf(listener("\"pass\":true")));
        // How a name with a slash is spelled is part of the hint.
        CPPUNIT_ASSERT_EQUAL("c.json:1:30: /listeners/*:80/pass: Request \"pass\" points to "
                             "invalid location \"applications/x/y\". Did you mean "
                             "\"applications/x%2Fy\"?"s,
                             errorOf(R"({"listeners":{"*:80":{"pass":"applications/x/y"}},)"
                                     R"("applications":{"x/y":{"type":"python","module":"m"}}})"));
    }

    void applicationErrors()
    {
        checkTable({
            {R"({"applications":{"a":{}}})",
             "c.json:1:22: /applications/a: Application must have the \"type\" property set." +
                 kTypes},
            {R"({"applications":{"a":[]}})",
             "c.json:1:22: /applications/a: The \"a\" value must be an object, but not an array."},
            {R"({"applications":{"a":{"type":1}}})",
             "c.json:1:30: /applications/a/type: The \"type\" value must be a string, but not an "
             "integer number."},
            {R"({"applications":{"a":{"type":"ruby"}}})",
             "c.json:1:30: /applications/a/type: The module to run \"ruby\" is not found among "
             "the available application modules. (is the package \"patchbay-ruby\" installed?)" +
                 kTypes},
            {R"({"applications":{"a":{"type":"python 2","module":"m"}}})",
             "c.json:1:30: /applications/a/type: The module to run \"python 2\" is not found "
             "among the available application modules." +
                 kTypes},
            {R"({"applications":{"a":{"type":"lonely"}}})",
             "c.json:1:30: /applications/a/type: The module to encode requests for \"lonely\" is "
             "not found among the available encoder modules."},
            {R"({"applications":{"a":{"type":"python"}}})",
             "c.json:1:22: /applications/a: Required parameter \"module\" is missing."},
            {R"({"applications":{"a":{"type":"python","modul":"m"}}})",
             "c.json:1:22: /applications/a: Required parameter \"module\" is missing.\n"
             "c.json:1:39: /applications/a/modul: Unknown parameter \"modul\". Did you mean "
             "\"module\"?"},
            {application(R"("thread":1)"),
             "c.json:1:52: /applications/a/thread: Unknown parameter \"thread\". Did you mean "
             "\"threads\"?"},
            {application(R"("reschedule":1)"),
             "c.json:1:52: /applications/a/reschedule: Unknown parameter \"reschedule\". Known "
             "here: \"type\", \"processes\", \"limits\", \"user\", \"group\", "
             "\"working_directory\", \"environment\", \"stdout\", \"stderr\", \"isolation\", "
             "\"module\", \"callable\", \"factory\", \"path\", \"home\", \"protocol\", "
             "\"threads\", \"thread_stack_size\"."},
            {application(R"("isolation":{"uidmap":[{"container":0,"host":0,"size":1}]})"),
             "c.json:1:74: /applications/a/isolation/uidmap: The \"uidmap\" needs the "
             "\"credential\" namespace."},
            {application(R"("isolation":{"rootfs":"x"})"),
             "c.json:1:74: /applications/a/isolation/rootfs: The \"rootfs\" value must be an "
             "absolute path."},
            {application(R"("isolation":{"cgroup":{"path":"a/.."}})"),
             "c.json:1:82: /applications/a/isolation/cgroup/path: The cgroup path \"a/..\" is "
             "invalid."},
            {application(R"("targets":{})"),
             "c.json:1:52: /applications/a/targets: Patchbay is built without the \"targets\" "
             "option support."},
            {application(R"("processes":0)"),
             "c.json:1:64: /applications/a/processes: The \"processes\" number must be equal to or "
             "greater than 1."},
            {application(R"("processes":2147483648)"),
             "c.json:1:64: /applications/a/processes: The \"processes\" number must not exceed "
             "2147483647."},
            {application(R"("processes":1025)"),
             "c.json:1:64: /applications/a/processes: The \"processes\" number must not exceed "
             "1024, the most worker processes of one application."},
            {application(R"("processes":{"spare":2})"),
             "c.json:1:73: /applications/a/processes/spare: The \"spare\" number must be less "
             "than or equal to \"max\"."},
            {application(R"("processes":{"spare":3,"max":2})"),
             "c.json:1:73: /applications/a/processes/spare: The \"spare\" number must be less "
             "than or equal to \"max\"."},
            {application(R"("processes":{"spare":-1})"),
             "c.json:1:73: /applications/a/processes/spare: The \"spare\" number must not be "
             "negative."},
            {application(R"("processes":{"max":0})"),
             "c.json:1:71: /applications/a/processes/max: The \"max\" number must be equal to or "
             "greater than 1."},
            {application(R"("processes":{"idle_timeout":-1})"),
             "c.json:1:80: /applications/a/processes/idle_timeout: The \"idle_timeout\" number "
             "must not be negative."},
            {application(R"("processes":{"spare":2147483648})"),
             "c.json:1:73: /applications/a/processes/spare: The \"spare\" number must not exceed "
             "2147483647."},
            {application(R"("processes":{"max":2147483648})"),
             "c.json:1:71: /applications/a/processes/max: The \"max\" number must not exceed "
             "2147483647."},
            {application(R"("processes":{"idle_timeout":2147484})"),
             "c.json:1:80: /applications/a/processes/idle_timeout: The \"idle_timeout\" number "
             "must not exceed 2147483."},
            {application(R"("processes":{"max":1025})"),
             "c.json:1:71: /applications/a/processes/max: The \"max\" number must not exceed "
             "1024, the most worker processes of one application."},
            {application(R"("processes":{"least":1})"),
             "c.json:1:65: /applications/a/processes/least: Unknown parameter \"least\". Known "
             "here: "
             "\"spare\", \"max\", \"idle_timeout\"."},
            {application(R"("processes":"1")"),
             "c.json:1:64: /applications/a/processes: The \"processes\" value must be either an "
             "integer number or an object, but not a string."},
            {application(R"("threads":0)"),
             "c.json:1:62: /applications/a/threads: The \"threads\" number must be equal to or "
             "greater than 1."},
            {application(R"("threads":5000)"),
             "c.json:1:62: /applications/a/threads: The \"processes\" number times the "
             "\"threads\" number must not exceed 4096."},
            {application(R"("thread_stack_size":16383)"),
             "c.json:1:72: /applications/a/thread_stack_size: The \"thread_stack_size\" number "
             "must "
             "be equal to or greater than 16384."},
            {application(R"("thread_stack_size":16385)"),
             "c.json:1:72: /applications/a/thread_stack_size: The \"thread_stack_size\" number "
             "must "
             "be a multiple of the system page size (4096)."},
            {application(R"("processes":1024,"threads":5)"),
             "c.json:1:79: /applications/a/threads: The \"processes\" number times the "
             "\"threads\" number must not exceed 4096."},
            {application(R"("processes":{"max":1024},"threads":5)"),
             "c.json:1:87: /applications/a/threads: The \"max\" number times the \"threads\" "
             "number must not exceed 4096."},
            {application(R"("limits":{"timeout":-1})"),
             "c.json:1:72: /applications/a/limits/timeout: The \"timeout\" number must not be "
             "negative."},
            {application(R"("limits":{"requests":-1})"),
             "c.json:1:73: /applications/a/limits/requests: The \"requests\" number must not be "
             "negative."},
            {application(R"("limits":{"queue":1})"),
             "c.json:1:70: /applications/a/limits/queue: The \"queue\" value must be an object, "
             "but not an integer number."},
            {application(R"("limits":{"queue":{"size":0}})"),
             "c.json:1:78: /applications/a/limits/queue/size: The \"size\" number must be "
             "equal to or greater than 1."},
            {application(R"("limits":{"queue":{"size":4097}})"),
             "c.json:1:78: /applications/a/limits/queue/size: The \"size\" number must not "
             "exceed 4096."},
            {application(R"("limits":{"queue":{"timeout":0}})"),
             "c.json:1:81: /applications/a/limits/queue/timeout: The \"timeout\" number must be "
             "equal to or greater than 1."},
            {application(R"("limits":{"reschedule_timeout":1})"),
             "c.json:1:62: /applications/a/limits/reschedule_timeout: Unknown parameter "
             "\"reschedule_timeout\". Known here: \"shm\", \"timeout\", \"requests\", "
             "\"start_timeout\", \"queue\"."},
            {application(R"("limits":{"start_timeout":0})"),
             "c.json:1:78: /applications/a/limits/start_timeout: The \"start_timeout\" number must "
             "be equal to or greater than 1."},
            {application(R"("limits":{"shm":-1})"),
             "c.json:1:68: /applications/a/limits/shm: The \"shm\" number must not be negative."},
            {application(R"("path":[1])"),
             "c.json:1:60: /applications/a/path/0: The \"path\" array must contain only string "
             "values."},
            {application(R"("protocol":"x")"),
             "c.json:1:63: /applications/a/protocol: The \"protocol\" can either be \"wsgi\" or "
             "\"asgi\"."},
            {application(R"("protocol":"asgi")"),
             "c.json:1:63: /applications/a/protocol: Patchbay is built without support of the "
             "value \"asgi\" of the \"protocol\" option."},
            {application(R"("working_directory":"/a\u0000b")"),
             "c.json:1:72: /applications/a/working_directory: The \"working_directory\" value must "
             "not contain null character."},
            {application(R"("user":"root\u0000")"),
             "c.json:1:59: /applications/a/user: The \"user\" value must not contain null "
             "character."},
            {R"({"applications":{"a\u0000":{"type":"python","module":"m"}}})",
             "c.json:1:18: /applications/a\\x00: The name \"a\\x00\" must not contain null "
             "character."},
        });
    }

    void environmentErrors()
    {
        const auto environment = [](const std::string &member) {
            return application("\"environment\":{" + member + "}");
        };
        checkTable({
            {application(R"("environment":[])"),
             "c.json:1:66: /applications/a/environment: The \"environment\" value must be an "
             "object, but not an array."},
            {environment(R"("":"x")"), "c.json:1:67: /applications/a/environment/: The "
                                       "environment name must not be empty."},
            {environment(R"("a\u0000":"x")"),
             "c.json:1:67: /applications/a/environment/a\\x00: The environment name must not "
             "contain null character."},
            {environment(R"("a=b":"x")"), "c.json:1:67: /applications/a/environment/a=b: The "
                                          "environment name must not contain '=' character."},
            {environment(R"("a":1)"), "c.json:1:71: /applications/a/environment/a: The \"a\" "
                                      "environment value must be a string."},
            {environment(R"("a":"\u0000")"),
             "c.json:1:71: /applications/a/environment/a: The \"a\" environment value must not "
             "contain null character."},
            {environment(R"("a":"","b":"c=d")"), ""},
        });
    }

    void severalErrors()
    {
        CPPUNIT_ASSERT_EQUAL(
            "c.json:2:26: /listeners/*:80/pas: Unknown parameter \"pas\". Did you mean \"pass\"?\n"
            "c.json:3:33: /listeners/*:81/pass: Request \"pass\" points to invalid location "
            "\"applications/blg\". Did you mean \"applications/blog\"?\n"
            "c.json:4:37: /applications/blog/type: The module to run \"pyton\" is not found among "
            "the available application modules. Did you mean \"python\"?"s,
            errorOf("{\n"
                    "  \"listeners\": {\"*:80\": {\"pas\": \"applications/blog\"},\n"
                    "               \"*:81\": {\"pass\": \"applications/blg\"}},\n"
                    "  \"applications\": {\"blog\": {\"type\": \"pyton\", \"module\": \"m\"}}\n"
                    "}\n"));
        std::string many = "{\"listeners\":{";
        for (int i = 1; i < 100; ++i) {
            many += "\"*:" + std::to_string(i) + "\":{},";
        }
        const std::string text = errorOf(many + "}}");
        CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{10}, std::count(text.begin(), text.end(), '\n'));
    }

    void machineForm()
    {
        try {
            parse(listener(R"("pas":"x","backlog":-7)"));
            CPPUNIT_FAIL("accepted");
        } catch (const ConfigError &error) {
            CPPUNIT_ASSERT(error.stage() == ConfigError::Stage::validation);
            CPPUNIT_ASSERT_EQUAL(std::size_t{2}, error.entries().size());
            const ConfigError::Entry &first = error.entries()[0];
            CPPUNIT_ASSERT_EQUAL("Unknown parameter \"pas\"."s, first.problem.detail);
            CPPUNIT_ASSERT_EQUAL("/listeners/*:80/pas"s, first.problem.pointer);
            CPPUNIT_ASSERT_EQUAL("pass"s, first.problem.suggestion);
            CPPUNIT_ASSERT(first.problem.known ==
                           (std::vector<std::string>{"pass", "application", "backlog"}));
            CPPUNIT_ASSERT_EQUAL(std::size_t{22}, first.problem.offset);
            CPPUNIT_ASSERT_EQUAL(std::size_t{23}, first.place->column);
            CPPUNIT_ASSERT_EQUAL("{\"minimum\":-1,\"maximum\":2147483647}"s,
                                 error.entries()[1].problem.allowed);
        }
        try {
            parse("{");
            CPPUNIT_FAIL("accepted");
        } catch (const ConfigError &error) {
            CPPUNIT_ASSERT(error.stage() == ConfigError::Stage::syntax);
        }
    }

    void brokenModuleSchema()
    {
        try {
            parse(R"({"applications":{"a":{"type":"broken"}}})");
            CPPUNIT_FAIL("accepted");
        } catch (const Error &error) {
            CPPUNIT_ASSERT_EQUAL("module \"/modules/runtime.broken.so\": schema at \"/typ\": "
                                 "unknown keyword"s,
                                 std::string(error.what()));
        }
    }

    void typedResult()
    {
        const std::string text = R"({
          "applications": {
            "x/y": {"type": "python 3.11", "module": "wsgi", "processes": 2.0, "threads": 3,
                    "thread_stack_size": 65536,
                    "user": "u", "group": "g", "working_directory": "/srv",
                    "environment": {"B": "1", "A": ""}, "stdout": "/o", "stderr": "/e",
                    "limits": {"shm": 8388608, "timeout": "2m", "requests": 1000,
                               "start_timeout": "1m", "queue": {"size": 20, "timeout": 5}}},
            "spare": {"type": "python", "module": "m", "threads": 2,
                      "processes": {"spare": 1, "max": 4.0, "idle_timeout": "1m"}},
            "plain": {"type": "python", "module": "m"}
          },
          "listeners": {
            "unix:/run/a.sock": {"pass": "applications/x%2Fy"},
            "*:8080": {"backlog": 64.0, "application": "plain"},
            "[::1]:80": {"pass": "applications/plain", "application": "x/y"}
          }
        })";
        const ConfigDocument document = parse(text);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, document.listeners.size());
        const ListenerConfig &local = document.listeners[0];
        CPPUNIT_ASSERT_EQUAL("unix:/run/a.sock"s, local.address);
        CPPUNIT_ASSERT_EQUAL("/listeners/unix:~1run~1a.sock"s, local.pointer);
        CPPUNIT_ASSERT_EQUAL(text.find("\"unix:"), local.offset);
        CPPUNIT_ASSERT_EQUAL("listener.unix"s, local.module->id);
        CPPUNIT_ASSERT_EQUAL("{}"s, local.options);
        CPPUNIT_ASSERT_EQUAL("x/y"s, local.applicationName);
        CPPUNIT_ASSERT_EQUAL("{\"backlog\":64}"s, document.listeners[1].options);
        CPPUNIT_ASSERT_EQUAL("listener.tcp"s, document.listeners[1].module->id);
        CPPUNIT_ASSERT_EQUAL("plain"s, document.listeners[1].applicationName);
        CPPUNIT_ASSERT_EQUAL("listener.tcp"s, document.listeners[2].module->id);
        CPPUNIT_ASSERT_EQUAL("plain"s, document.listeners[2].applicationName); // pass wins

        const ApplicationConfig &app = document.applications[0];
        CPPUNIT_ASSERT_EQUAL("x/y"s, app.name);
        CPPUNIT_ASSERT_EQUAL("/applications/x~1y"s, app.pointer);
        CPPUNIT_ASSERT_EQUAL(text.find("\"x/y\""), app.offset);
        CPPUNIT_ASSERT_EQUAL("runtime.python"s, app.runtime->id);
        CPPUNIT_ASSERT_EQUAL("encoder.python"s, app.encoder->id);
        CPPUNIT_ASSERT_EQUAL("python"s, app.language);
        CPPUNIT_ASSERT_EQUAL(2u, app.scale.spare);
        CPPUNIT_ASSERT_EQUAL(2u, app.scale.max);
        CPPUNIT_ASSERT(app.limits.answer == std::chrono::minutes(2));
        CPPUNIT_ASSERT(app.limits.queue == std::chrono::seconds(5));
        CPPUNIT_ASSERT(app.startLimit == std::chrono::minutes(1));
        CPPUNIT_ASSERT(!document.applications[1].startLimit);
        CPPUNIT_ASSERT_EQUAL(20u, app.limits.queueLength);
        CPPUNIT_ASSERT_EQUAL(0u, app.limits.spareSeats);
        CPPUNIT_ASSERT_EQUAL(1000u, app.requestLimit);
        CPPUNIT_ASSERT_EQUAL(3u, app.threads);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{65536}, app.threadStackBytes);
        CPPUNIT_ASSERT_EQUAL("u g /srv /o /e"s, app.user + " " + app.group + " " +
                                                    app.workingDirectory + " " + app.stdoutPath +
                                                    " " + app.stderrPath);
        CPPUNIT_ASSERT(app.environment ==
                       (std::vector<std::pair<std::string, std::string>>{{"B", "1"}, {"A", ""}}));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{8'388'608}, app.shmBytes);
        // Members sorted by name, so that an application has one text however it is written.
        CPPUNIT_ASSERT(app.options.find(R"("module":"wsgi","processes":2)") != std::string::npos);

        const ApplicationConfig &spare = document.applications[1];
        CPPUNIT_ASSERT_EQUAL(1u, spare.scale.spare);
        CPPUNIT_ASSERT_EQUAL(4u, spare.scale.max);
        CPPUNIT_ASSERT(spare.scale.idleTimeout == std::chrono::minutes(1));
        CPPUNIT_ASSERT_EQUAL(2u, spare.limits.spareSeats);

        const ApplicationConfig &plain = document.applications[2];
        CPPUNIT_ASSERT_EQUAL(1u, plain.scale.spare);
        CPPUNIT_ASSERT_EQUAL(1u, plain.scale.max);
        CPPUNIT_ASSERT(plain.limits.answer.count() == 0);
        CPPUNIT_ASSERT(plain.limits.queue == std::chrono::seconds(30));
        CPPUNIT_ASSERT_EQUAL(0u, plain.limits.queueLength);
        CPPUNIT_ASSERT_EQUAL(0u, plain.requestLimit);
        CPPUNIT_ASSERT_EQUAL(1u, plain.threads);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, plain.threadStackBytes);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{104'857'600}, plain.shmBytes);
        CPPUNIT_ASSERT(!document.listenThreads);
    }

    void typedSettings()
    {
        const ConfigDocument fallback = parse("{}");
        CPPUNIT_ASSERT_EQUAL("/tmp"s, fallback.http.bodyTempPath);
        CPPUNIT_ASSERT(fallback.http.chunkedTransform);
        CPPUNIT_ASSERT(!parse("{}", true).http.chunkedTransform);
        CPPUNIT_ASSERT(parse(httpOf("\"chunked_transform\":true"), true).http.chunkedTransform);

        const ConfigDocument document = parse(
            R"({"settings":{"listen_threads":4,"http":{"header_read_timeout":1,)"
            R"("body_read_timeout":2,"send_timeout":3,"idle_timeout":2147483647,)"
            R"("max_body_size":5,"body_buffer_size":6,"body_temp_path":"/",)"
            R"("large_header_buffer_size":7,"large_header_buffers":8,)"
            R"("discard_unsafe_fields":false,"server_version":false,"chunked_transform":false}}})");
        const http::Settings &values = document.http;
        using std::chrono::milliseconds;
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{4}, *document.listenThreads);
        CPPUNIT_ASSERT(values.headerReadTimeout == milliseconds(1000));
        CPPUNIT_ASSERT(values.bodyReadTimeout == milliseconds(2000));
        CPPUNIT_ASSERT(values.sendTimeout == milliseconds(3000));
        CPPUNIT_ASSERT(values.idleTimeout == milliseconds(2'147'483'647'000)); // seed T14
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, values.maxBodySize);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{6}, values.bodyBufferSize);
        CPPUNIT_ASSERT_EQUAL("/"s, values.bodyTempPath);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{7}, values.largeHeaderBufferSize);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{8}, values.largeHeaderBuffers);
        CPPUNIT_ASSERT(!values.discardUnsafeFields && !values.serverVersion);
        CPPUNIT_ASSERT(!values.chunkedTransform);
    }

    // Seed S15: order and spelling of numbers make no difference, everything else does.
    void identity()
    {
        const auto key = [](const std::string &name, const std::string &options) {
            return parse("{\"applications\":{\"" + name + "\":" + options + "}}")
                .applications[0]
                .key.str();
        };
        const std::string one = key(
            "a", R"({"type":"python","module":"m","processes":1,"environment":{"x":"","y":""}})");
        CPPUNIT_ASSERT_EQUAL(one, key("a", "{ \"processes\": 1.0, // same\n \"environment\": "
                                           "{\"y\":\"\", \"x\":\"\"}, \"module\": \"\\u006d\", "
                                           "\"type\": \"python\" }"));
        CPPUNIT_ASSERT(one != key("b", R"({"type":"python","module":"m","processes":1,)"
                                       R"("environment":{"x":"","y":""}})"));
        CPPUNIT_ASSERT(one != key("a", R"({"type":"python","module":"m","processes":2,)"
                                       R"("environment":{"x":"","y":""}})"));
        CPPUNIT_ASSERT(one != key("a", R"({"type":"python","module":"m","processes":1})"));
    }

    void laterErrors()
    {
        const ConfigDocument document = parse("{\n \"listeners\": {\n  \"*:80\": {\"pass\": "
                                              "\"applications/a\"}},\n \"applications\": {\"a\": "
                                              "{\"type\":\"python\",\"module\":\"m\"}}}");
        const ListenerConfig &listener = document.listeners[0];
        const ConfigError error =
            document.errorAt(ConfigError::Stage::apply, listener.pointer, listener.offset,
                             "Listener \"*:80\" cannot be opened: Address already in use.");
        CPPUNIT_ASSERT_EQUAL("c.json:3:3: /listeners/*:80: Listener \"*:80\" cannot be opened: "
                             "Address already in use."s,
                             std::string(error.what()));
        CPPUNIT_ASSERT(error.stage() == ConfigError::Stage::apply);
    }

    // Anything quadratic in here makes this test take minutes.
    void tenThousand()
    {
        constexpr int kCount = 10'000;
        std::string text = "{\"listeners\":{";
        for (int i = 0; i < kCount; ++i) {
            text += "\"127." + std::to_string(i / 250) + ".0." + std::to_string(i % 250) +
                    ":80\":{\"pass\":\"applications/app" + std::to_string(kCount - 1 - i) +
                    "\",\"backlog\":64},\n";
        }
        text += "},\"applications\":{";
        for (int i = 0; i < kCount; ++i) {
            text += "\"app" + std::to_string(i) +
                    "\":{\"type\":\"python 3\",\"module\":\"wsgi\",\"path\":[\"/srv/a\"],"
                    "\"environment\":{\"A\":\"1\",\"B\":\"2\"}},\n";
        }
        const ConfigDocument document = parse(text + "}}");
        CPPUNIT_ASSERT_EQUAL(std::size_t{kCount}, document.applications.size());
        CPPUNIT_ASSERT_EQUAL("app0"s, document.listeners.back().applicationName);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigDocumentTest);
