// Worker process, main thread, called by PHP when a script uses $_SERVER for the first time (or at
// the request's start, as auto_globals_jit says). PHP itself adds PHP_AUTH_*, REQUEST_TIME*, argv,
// argc.
#include "variables.hpp"

#include "request.hpp"

#include <charconv>

namespace patchbay::php {

namespace {

const char *serverSoftware = "";

// No frame here has anything to destroy: PHP may leave by longjmp (php_api.hpp).
struct ServerArray {
    zval *array;

    // name: terminated. The filter extension keeps a copy of its own for filter_input().
    void set(const char *name, std::string_view value) const
    {
        char *text = const_cast<char *>(value.data());
        std::size_t size = value.size();
        if (sapi_module.input_filter(PARSE_SERVER, name, &text, size, &size) != 0) {
            php_register_variable_safe(name, text, size, array);
        }
    }
};

void setScript(const ServerArray &server, const Request &request)
{
    const Decision &script = request.script;
    server.set("DOCUMENT_ROOT", request.target->root.empty() ? "/" : request.target->root);
    server.set("SCRIPT_FILENAME", script.file);
    server.set("SCRIPT_NAME", script.scriptName);
    if (!script.pathInfo.empty()) {
        server.set("PATH_INFO", script.pathInfo);
    }
    server.set("PHP_SELF", request.self);
}

void setEnds(const ServerArray &server, const MessageReader &message)
{
    server.set("SERVER_SOFTWARE", serverSoftware);
    server.set("SERVER_NAME", message.text(kServerName));
    server.set("SERVER_PORT", message.text(kServerPort));
    server.set("SERVER_ADDR", message.text(kLocalAddress));
    server.set("REMOTE_ADDR", message.text(kRemoteAddress));
    if (message.header().remotePort != 0) {
        char port[11];
        const char *end = std::to_chars(port, port + 10, message.header().remotePort).ptr;
        port[end - port] = '\0';
        server.set("REMOTE_PORT", {port, static_cast<std::size_t>(end - port)});
    }
}

void setRequestLine(const ServerArray &server, const MessageReader &message)
{
    server.set("REQUEST_METHOD", message.text(kMethod));
    server.set("REQUEST_URI", message.text(kTarget));
    server.set("QUERY_STRING", message.text(kQuery));
    server.set("SERVER_PROTOCOL", message.text(kVersion));
    if (message.text(kScheme) == "https") {
        server.set("HTTPS", "on");
    }
}

void setBody(const ServerArray &server, const Request &request)
{
    const MessageReader &message = request.message();
    if (const char *type = request.variable("HTTP_CONTENT_TYPE")) { // repeats are joined there
        server.set("CONTENT_TYPE", type);
    } else if (message.has(kContentType)) {
        server.set("CONTENT_TYPE", message.text(kContentType));
    }
    if ((message.header().flags & PB_REQUEST_CHUNKED) != 0) {
        char length[21];
        const char *end = std::to_chars(length, length + 20, message.header().contentLength).ptr;
        length[end - length] = '\0';
        server.set("CONTENT_LENGTH", {length, static_cast<std::size_t>(end - length)});
    } else if (message.has(kContentLength)) {
        server.set("CONTENT_LENGTH", message.text(kContentLength));
    }
}

} // namespace

void setServerSoftware(const char *software) noexcept
{
    serverSoftware = software;
}

void registerServerVariables(zval *array)
{
    php_import_environment_variables(array); // what follows replaces variables of that name
    const auto *request = static_cast<const Request *>(SG(server_context));
    if (request == nullptr) {
        return; // opcache's preloading
    }
    const ServerArray server{array};
    for (const FieldView &field : request->variables()) {
        server.set(field.name.data(), field.value);
    }
    setScript(server, *request);
    setRequestLine(server, request->message());
    setEnds(server, request->message());
    setBody(server, *request);
}

} // namespace patchbay::php
