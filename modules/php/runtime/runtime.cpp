// Prototype (create) and worker process, main thread: the module "runtime.php" (step 10 of a
// request's life). PHP starts in the prototype, so that opcache's memory is one for all workers of
// the application, and so that a worker costs a fork.
#include "noted_calls.hpp"
#include "options.hpp"
#include "php_call.hpp"
#include "sapi.hpp"
#include "settings.hpp"
#include "time_limit.hpp"

#include "patchbay/module.hpp"

#include <main/php_version.h>

#include <array>
#include <stdexcept>

namespace patchbay::php {

namespace {

constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "root": {
      "description": "Document root: a directory.",
      "type": "string"
    },
    "script": {
      "description": "Every request runs this file; relative to root.",
      "type": "string"
    },
    "index": {
      "description": "Script for paths that end in a slash.",
      "type": "string",
      "default": "index.php"
    },
    "targets": {
      "description": "Several roots of one application, by name.",
      "type": "object",
      "additionalProperties": {
        "type": "object",
        "properties": {
          "root": { "type": "string" },
          "script": { "type": "string" },
          "index": { "type": "string", "default": "index.php" }
        },
        "required": ["root"],
        "additionalProperties": false
      }
    },
    "options": {
      "description": "What php.ini says.",
      "type": "object",
      "properties": {
        "file": {
          "description": "A php.ini instead of the system's.",
          "type": "string"
        },
        "admin": {
          "description": "Values that scripts cannot change.",
          "type": "object",
          "x-called": "PHP option",
          "additionalProperties": { "type": "string" }
        },
        "user": {
          "description": "Values that scripts can change with ini_set().",
          "type": "object",
          "x-called": "PHP option",
          "additionalProperties": { "type": "string" }
        }
      },
      "additionalProperties": false
    }
  },
  "required": ["root"],
  "additionalProperties": false
})";

bool answer(const sdk::Exchange &exchange, std::uint32_t status, std::span<const pb_field> fields)
{
    pb_error error = sdk::makeError();
    return exchange.head(status, fields, error) || exchange.cancelled();
}

// 301: the same place as an absolute URL, with a slash behind the path.
bool answerWithSlash(const Request &request)
{
    const MessageReader &message = request.message();
    const std::string_view scheme = message.text(kScheme);
    const std::string_view port = message.text(kServerPort);
    std::string location(scheme);
    location.append("://").append(message.text(kServerName));
    if (!port.empty() && port != (scheme == "https" ? "443" : "80")) {
        location.append(":").append(port);
    }
    location.append(percentEncoded(message.text(kPath))).append("/");
    if (message.has(kQuery)) {
        location.append("?").append(message.text(kQuery));
    }
    const std::array<pb_field, 1> fields{{{sdk::borrow("Location"), sdk::borrow(location)}}};
    return answer(request.exchange(), 301, fields);
}

} // namespace

class Runtime {
public:
    Runtime(sdk::Host host, std::string_view options) : host_(host), options_(parseOptions(options))
    {
        startPhp(host_, options_.file, iniText(options_.settings));
        settle(options_.settings, host_);
        replaceTimeLimits();
        noteCalls();
    }
    ~Runtime() { stopPhp(); }
    Runtime(const Runtime &) = delete;
    Runtime &operator=(const Runtime &) = delete;

    void start(std::uint32_t threads)
    {
        if (threads != 1) {
            throw std::runtime_error("PHP serves with one thread per process.");
        }
        startTicking();
        signals_.capture();
        watchForks();
    }

    bool serve(void *, const sdk::Exchange &exchange)
    {
        Request request(exchange, scratch_);
        const std::uint32_t target = request.message().header().target;
        if (target >= options_.targets.size()) {
            throw std::runtime_error("the request is for a target that there is not");
        }
        request.target = &options_.targets[target];
        request.script = decide(*request.target, request.message().text(kPath), files_);
        switch (request.script.action) {
        case Decision::Action::run:
            return run(request);
        case Decision::Action::addSlash:
            return answerWithSlash(request);
        case Decision::Action::forbidden:
            return answer(exchange, 403, {});
        case Decision::Action::notFound:
            return answer(exchange, 404, {});
        }
        return false;
    }

private:
    bool run(Request &request)
    {
        request.self = request.script.scriptName + request.script.pathInfo;
        if (!runScript(request, signals_, files_.sameAgain())) {
            throw std::runtime_error("PHP could not begin the request");
        }
        return request.response().complete();
    }

    sdk::Host host_;
    Options options_;
    RealFileSystem files_{std::chrono::milliseconds(1)};
    SignalKeeper signals_;
    RequestScratch scratch_;
};

} // namespace patchbay::php

// The language's version, not this module's: types like "php 8.2" are matched against it.
PB_DEFINE_MODULE(patchbay::sdk::runtime<patchbay::php::Runtime>("runtime.php", PHP_VERSION,
                                                                patchbay::php::kSchema));
