// Worker process, main thread. Before: runtime.cpp has decided which script. In between: PHP calls
// sapi.cpp. After: runtime.cpp ends the response.
#include "php_call.hpp"

#include "noted_calls.hpp"
#include "php_api.hpp"
#include "sapi.hpp"
#include "time_limit.hpp"

#include <unistd.h>

namespace patchbay::php {

namespace {

char *mutableText(std::string_view text) noexcept
{
    return const_cast<char *>(text.data()); // PHP's types; it does not write there
}

// The last script's directory is the current one.
bool inDirectory = false;

bool changeDirectory(std::string &file)
{
    const std::size_t slash = file.rfind('/');
    if (slash == 0) {
        return chdir("/") == 0;
    }
    file[slash] = '\0'; // in place: this is done for each request
    const bool entered = chdir(file.c_str()) == 0;
    file[slash] = '/';
    return entered;
}

// The directory of the script is where relative paths begin, whatever earlier requests did.
bool enterDirectory(Decision &script, bool sameAgain)
{
    if (takeNote(Effect::directory) || !sameAgain) {
        inDirectory = false;
    }
    inDirectory = inDirectory || changeDirectory(script.file);
    return inDirectory;
}

void describe(Request &request)
{
    const MessageReader &message = request.message();
    SG(server_context) = &request;
    SG(sapi_headers).http_response_code = 200;
    sapi_request_info &info = SG(request_info);
    info.request_method = message.text(kMethod).data();
    info.query_string = mutableText(message.text(kQuery));
    info.request_uri = mutableText(message.text(kTarget));
    info.path_translated = request.script.file.data();
    info.content_type = request.variable("HTTP_CONTENT_TYPE");
    if (info.content_type == nullptr && message.has(kContentType)) {
        info.content_type = message.text(kContentType).data();
    }
    info.content_length = static_cast<zend_long>(request.exchange().contentLength());
    info.proto_num = 1000; // with 1001 a lone Location would answer POST with 303
    info.argc = 0;
    info.argv = nullptr;
}

void forget() noexcept
{
    SG(server_context) = nullptr;
    SG(request_info) = {};
}

// No objects in this function: PHP may come back to it by longjmp from anywhere.
void execute(const char *file)
{
    zend_file_handle handle;
    zend_stream_init_filename(&handle, file);
    handle.primary_script = true;
    php_execute_script(&handle); // has a zend_try of its own
    zend_destroy_file_handle(&handle);
}

// The same.
bool callPhp(const char *file, const char *authorization, SignalKeeper *signals)
{
    volatile bool begun = false;
    zend_first_try
    {
        php_handle_auth_data(authorization);
        limitInput();
        begun = php_request_startup() == SUCCESS;
        if (begun) {
            signals->requestBegins();
            limitScript();
            execute(file);
        }
    }
    zend_end_try();
    return begun;
}

} // namespace

bool runScript(Request &request, SignalKeeper &signals, bool sameAgain)
{
    if (!enterDirectory(request.script, sameAgain)) {
        return false;
    }
    describe(request);
    const bool begun =
        callPhp(request.script.file.c_str(), request.variable("HTTP_AUTHORIZATION"), &signals);
    request.dropBody();
    php_request_shutdown(nullptr); // output, shutdown functions, destructors; catches all by itself
    liftLimit();
    if (isForkedByScript()) {
        _exit(EG(exit_status));
    }
    forget();
    signals.restore();
    return begun;
}

} // namespace patchbay::php
