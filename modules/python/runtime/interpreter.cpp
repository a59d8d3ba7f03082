// Worker process, main thread, in start() and stop().
#include "interpreter.hpp"

#include <csignal>
#include <stdexcept>

#include <unistd.h>

namespace patchbay::python {

namespace {

class Config {
public:
    Config() noexcept { PyConfig_InitPythonConfig(&config_); }
    ~Config() { PyConfig_Clear(&config_); }
    Config(const Config &) = delete;
    Config &operator=(const Config &) = delete;

    PyConfig *operator->() noexcept { return &config_; }
    PyConfig *get() noexcept { return &config_; }
    void set(wchar_t *&member, const std::string &value)
    {
        check(PyConfig_SetBytesString(&config_, &member, value.c_str()));
    }
    static void check(PyStatus status)
    {
        if (PyStatus_Exception(status) != 0) {
            throw std::runtime_error(
                std::string("Python failed to start: ") +
                (status.err_msg != nullptr ? status.err_msg : "no reason given"));
        }
    }

private:
    PyConfig config_;
};

// The executable decides where Python looks for its library, and is sys.executable, which
// applications run. Without a path the interpreter would take the first python3 in PATH.
void setPlaces(Config &config, const Options &options)
{
    if (options.homeIsEnvironment) {
        config.set(config->program_name, options.home + "/bin/python3"); // finds pyvenv.cfg
        return;
    }
    if (!options.home.empty()) {
        config.set(config->home, options.home);
        config.set(config->program_name, options.home + "/bin/python3");
    } else if (access(PATCHBAY_PYTHON_EXECUTABLE, X_OK) == 0) {
        config.set(config->program_name, PATCHBAY_PYTHON_EXECUTABLE);
    }
}

// What Python's own handlers would do, without taking SIGINT from the core: a write to a closed
// pipe or beyond a file's limit is an exception, not the end of the worker.
void ignoreFatalWrites() noexcept
{
    for (const int number : {SIGPIPE, SIGXFSZ}) {
        struct sigaction now {};
        if (sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) {
            now.sa_handler = SIG_IGN;
            sigaction(number, &now, nullptr);
        }
    }
}

void extendPath(const std::vector<std::string> &entries)
{
    PyObject *path = PySys_GetObject("path"); // borrowed
    if (path == nullptr || !PyList_Check(path)) {
        throw std::runtime_error("Python started without sys.path.");
    }
    Py_ssize_t index = 0;
    for (const std::string &entry : entries) {
        const Ref text = Ref::steal(
            PyUnicode_DecodeFSDefaultAndSize(entry.data(), static_cast<Py_ssize_t>(entry.size())));
        if (!text || PyList_Insert(path, index++, text.get()) != 0) {
            throw std::runtime_error("Python failed to extend sys.path: " + describeException());
        }
    }
}

// What an application prints shall be in its log when it was printed, not 8 KiB later.
void flushEachLine() noexcept
{
    PyObject *output = PySys_GetObject("stdout"); // borrowed
    if (output != nullptr && output != Py_None) {
        const Ref method = Ref::steal(PyObject_GetAttrString(output, "reconfigure"));
        const Ref none = Ref::steal(PyTuple_New(0));
        const Ref options = Ref::steal(Py_BuildValue("{s:O}", "line_buffering", Py_True));
        const Ref done = method && none && options
                             ? Ref::steal(PyObject_Call(method.get(), none.get(), options.get()))
                             : Ref();
    }
    PyErr_Clear(); // the default stays
}

} // namespace

void startInterpreter(const Options &options, const char *program)
{
    Config config;
    config->parse_argv = 0;
    config->install_signal_handlers = 0; // SIGINT is the core's
    config->pathconfig_warnings = 0;
    setPlaces(config, options);
    char *argument = const_cast<char *>(program); // only read
    Config::check(PyConfig_SetBytesArgv(config.get(), 1, &argument));
    Config::check(Py_InitializeFromConfig(config.get()));
    ignoreFatalWrites();
    extendPath(options.path);
    flushEachLine();
}

void stopInterpreter() noexcept
{
    // -1: output could not be flushed; nobody is left to tell.
    Py_FinalizeEx();
}

} // namespace patchbay::python
