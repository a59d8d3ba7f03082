// Prototype (start) and worker process, main thread. The callbacks hold nothing with a destructor
// while they call PHP (php_api.hpp).
#include "sapi.hpp"

#include "body_stream.hpp"
#include "php_api.hpp"
#include "signals.hpp"
#include "variables.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace patchbay::php {

namespace {

const sdk::Host *logHost = nullptr;
bool forkedByScript = false;
bool watchingForks = false;

// Null outside of requests: while PHP starts, while opcache preloads.
Request *current() noexcept
{
    return static_cast<Request *>(SG(server_context));
}

void log(pb_log_level level, const char *text) noexcept
{
    char prefix[64] = "";
    if (const Request *request = current()) {
        std::snprintf(prefix, sizeof prefix,
                      "[unit] #%llu: ", static_cast<unsigned long long>(request->exchange().id()));
    }
    try {
        logHost->log(level, std::string(prefix) + text);
    } catch (const std::bad_alloc &) {
        logHost->log(level, text);
    }
}

// ---- what PHP calls ----

size_t writeBody(const char *text, size_t size)
{
    Request *request = current();
    if (request == nullptr) {
        return fwrite(text, 1, size, stdout);
    }
    if (forkedByScript || request->response().write({text, size})) {
        return size;
    }
    php_handle_aborted_connection(); // leaves, unless the script ignores it
    return 0;
}

void flush(void *)
{
    Request *request = current();
    if (request == nullptr || forkedByScript) {
        return;
    }
    if (!SG(headers_sent)) {
        sapi_send_headers();
    }
    if (!request->response().flush()) {
        php_handle_aborted_connection();
    }
}

int sendHeaders(sapi_headers_struct *headers)
{
    Request *request = current();
    if (request == nullptr || forkedByScript || request->response().headSent()) {
        return SAPI_HEADER_SENT_SUCCESSFULLY;
    }
    zend_llist_position position;
    for (const void *item = zend_llist_get_first_ex(&headers->headers, &position); item != nullptr;
         item = zend_llist_get_next_ex(&headers->headers, &position)) {
        const auto *line = static_cast<const sapi_header_struct *>(item);
        request->response().addLine({line->header, line->header_len});
    }
    const int status = headers->http_response_code;
    pb_error error = sdk::makeError();
    if (!request->response().sendHead(status == 0 ? 200U : static_cast<std::uint32_t>(status),
                                      error) &&
        !request->response().gone()) {
        char line[PB_ERROR_TEXT_SIZE + 64];
        std::snprintf(line, sizeof line, "the response headers were refused: %s", error.text);
        log(PB_LOG_ERROR, line);
    }
    return SAPI_HEADER_SENT_SUCCESSFULLY; // or else PHP would try again with each output
}

size_t readPost(char *buffer, size_t size)
{
    Request *request = current();
    return request == nullptr || forkedByScript ? 0 : request->readBody(buffer, size);
}

char *readCookies()
{
    const Request *request = current();
    return request == nullptr ? nullptr : const_cast<char *>(request->variable("HTTP_COOKIE"));
}

void logMessage(const char *message, int)
{
    constexpr char kPrefix[] = "php message: ";
    try {
        log(PB_LOG_NOTICE, (kPrefix + std::string(message)).c_str());
    } catch (const std::bad_alloc &) {
        log(PB_LOG_NOTICE, message);
    }
}

int startup(sapi_module_struct *module)
{
    return php_module_startup(module, nullptr);
}

// ---- functions of ours ----

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(finishRequestArguments, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

// The client has its answer, the script goes on. What it says from now on is dropped.
PHP_FUNCTION(fastcgi_finish_request)
{
    ZEND_PARSE_PARAMETERS_NONE();
    Request *request = current();
    if (request == nullptr || forkedByScript) {
        RETURN_FALSE;
    }
    php_output_end_all();
    php_header();
    RETURN_BOOL(request->response().finish());
}

const zend_function_entry kFunctions[] = {PHP_FE(fastcgi_finish_request, finishRequestArguments)
                                              PHP_FE_END};

// PHP keeps a copy but also the address; opcache and frameworks know "cli-server".
sapi_module_struct module;

void describeModule(const std::string &iniFile)
{
    static char name[] = "cli-server";
    static char prettyName[64];
    std::snprintf(prettyName, sizeof prettyName, "%s", logHost->product());
    module.name = name;
    module.pretty_name = prettyName;
    module.startup = startup;
    module.shutdown = php_module_shutdown_wrapper;
    module.activate = activateBody;
    module.ub_write = writeBody;
    module.flush = flush;
    module.sapi_error = php_error;
    module.send_headers = sendHeaders;
    module.read_post = readPost;
    module.read_cookies = readCookies;
    module.register_server_variables = registerServerVariables;
    module.log_message = logMessage;
    module.php_ini_ignore_cwd = 1;
    module.php_ini_path_override = iniFile.empty() ? nullptr : strdup(iniFile.c_str());
    module.additional_functions = kFunctions;
}

void afterForkInChild()
{
    forkedByScript = watchingForks;
}

} // namespace

void startPhp(const sdk::Host &host, const std::string &iniFile, const std::string &iniText)
{
    logHost = &host;
    setServerSoftware(host.software());
    leaveSignalsAlone();
    describeModule(iniFile);
    sapi_startup(&module);
    SG(options) |= SAPI_OPTION_NO_CHDIR;          // php_call.cpp does
    module.ini_entries = strdup(iniText.c_str()); // sapi_startup() forgets it
    if (module.startup(&module) == FAILURE) {
        sapi_shutdown();
        throw std::runtime_error("PHP failed to start; the log says why.");
    }
    keepBodiesInMemory();
}

void stopPhp() noexcept
{
    php_module_shutdown();
    sapi_shutdown();
}

bool isForkedByScript() noexcept
{
    return forkedByScript;
}

void watchForks()
{
    watchingForks = true;
    if (pthread_atfork(nullptr, nullptr, &afterForkInChild) != 0) {
        throw std::runtime_error("pthread_atfork() failed.");
    }
}

} // namespace patchbay::php
