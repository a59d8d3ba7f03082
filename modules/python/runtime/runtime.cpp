// Prototype (create) and worker process: the module "runtime.python". Ties interpreter, application
// and request threads together and sees to who holds the GIL: serve() does, waiting for a request
// nobody does; an event loop does until it waits.
#include "application.hpp"
#include "asgi.hpp"
#include "interpreter.hpp"
#include "wsgi.hpp"

#include "patchbay/module.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

namespace patchbay::python {

namespace {

// What an application may say for itself or for each of its targets.
constexpr char kTargetOptions[] = R"(
    "module": {
      "description": "Name of the module to import; dots are allowed.",
      "type": "string"
    },
    "callable": {
      "description": "The application: an attribute of the module.",
      "type": "string",
      "default": "application"
    },
    "factory": {
      "description": "Call the callable once, without arguments, to get the application.",
      "type": "boolean",
      "default": false
    },
    "prefix": {
      "description": "Path below which the application lives: SCRIPT_NAME, root_path.",
      "type": "string",
      "x-begins": "/"
    }
)";

// The texts one after the other.
template <std::size_t... N>
constexpr auto joined(const char (&...parts)[N])
{
    std::array<char, (N + ...) - sizeof...(N) + 1> text{};
    char *at = text.data();
    ((at = std::copy_n(parts, N - 1, at)), ...);
    return text;
}

constexpr auto kSchema = joined(R"({
  "type": "object",
  "properties": {)",
                                kTargetOptions, R"(,
    "path": {
      "description": "Directories put before sys.path, in this order.",
      "type": ["string", "array"],
      "items": { "type": "string" }
    },
    "home": {
      "description": "Directory of a virtual environment made for this version of Python.",
      "type": "string"
    },
    "protocol": {
      "description": "How the application is called.",
      "type": "string",
      "enum": ["wsgi", "asgi"]
    },
    "threads": {
      "description": "Request threads per worker process.",
      "type": "integer",
      "minimum": 1,
      "maximum": 4096,
      "default": 1
    },
    "thread_stack_size": {
      "description": "Bytes of stack of each request thread beside the main one.",
      "type": "integer",
      "minimum": 16384
    },
    "targets": {
      "description": "Several applications in one process, all WSGI or all ASGI.",
      "type": "object",
      "additionalProperties": {
        "type": "object",
        "properties": {)",
                                kTargetOptions, R"(},
        "required": ["module"],
        "additionalProperties": false
      }
    }
  },
  "required": ["module"],
  "additionalProperties": false
})");

} // namespace

class Runtime {
public:
    Runtime(sdk::Host host, std::string_view options) : host_(host), options_(parseOptions(options))
    {
    }

    void start(std::uint32_t threads)
    {
        startInterpreter(options_, host_.program());
        try {
            Application application = loadApplication(options_, host_);
            if (application.asgi) {
                asgi_.emplace(std::move(application.targets), host_);
            } else {
                wsgi_.emplace(std::move(application.targets), host_, threads > 1);
            }
        } catch (...) {
            stopInterpreter();
            throw;
        }
        // The GIL is free from here on; this thread comes back to it with its own state.
        mainState_ = PyEval_SaveThread();
        mainThread_ = PyThread_get_thread_ident();
    }

    void *threadEnter()
    {
        auto thread = std::make_unique<Thread>();
        if (PyThread_get_thread_ident() == mainThread_) {
            thread->state = mainState_;
        } else {
            thread->ensured = PyGILState_Ensure(); // makes this thread's state
            thread->state = PyEval_SaveThread();
        }
        return thread.release();
    }

    void threadLeave(void *pointer)
    {
        const std::unique_ptr<Thread> thread(static_cast<Thread *>(pointer));
        if (!thread) {
            return;
        }
        PyEval_RestoreThread(thread->state);
        thread->request = {};
        if (thread->state == mainState_) {
            PyEval_SaveThread();
        } else {
            PyGILState_Release(thread->ensured); // and ends the state
        }
    }

    bool serve(void *pointer, const sdk::Exchange &exchange)
    {
        auto *thread = static_cast<Thread *>(pointer);
        if (thread == nullptr) {
            throw std::runtime_error("Python has no thread state for this thread");
        }
        const GilHold gil(thread->state);
        return wsgi_->serve(thread->request, exchange);
    }

    int loop(void *pointer, const pb_loop &core)
    {
        if (!asgi_) {
            return PB_SERVE;
        }
        auto *thread = static_cast<Thread *>(pointer);
        if (thread == nullptr) {
            throw std::runtime_error("Python has no thread state for this thread");
        }
        const GilHold gil(thread->state);
        AsgiLoop(*asgi_, core).run();
        return PB_OK;
    }

    void stop()
    {
        PyEval_RestoreThread(mainState_);
        wsgi_.reset();
        asgi_.reset();
        stopInterpreter();
    }

private:
    struct Thread {
        PyThreadState *state = nullptr;
        PyGILState_STATE ensured{}; // of a thread that is not the main one
        RequestThread request;
    };

    sdk::Host host_;
    Options options_;
    std::optional<WsgiApplication> wsgi_; // one of the two, start() to stop()
    std::optional<AsgiApplication> asgi_;
    PyThreadState *mainState_ = nullptr; // the interpreter's
    unsigned long mainThread_ = 0;
};

} // namespace patchbay::python

// The language's version, not this module's: types like "python 3.11" are matched against it.
PB_DEFINE_MODULE(patchbay::sdk::runtime<patchbay::python::Runtime>(
    "runtime.python", PY_VERSION, patchbay::python::kSchema.data()));
