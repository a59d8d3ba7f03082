// Prototype (create) and worker process (become), main thread: the modules "runtime.go" and
// "runtime.external", one source built twice. Before: the core has put the channel and
// PATCHBAY_INIT in place. After: the program, which speaks the application protocol itself
// (sdk/PROTOCOL.md).
#include "options.hpp"

#include "patchbay/module.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace patchbay::go {

namespace {

constexpr char kSchema[] = R"({
  "type": "object",
  "properties": {
    "executable": {
      "description": "Path of the program, relative to the working directory.",
      "type": "string"
    },
    "arguments": {
      "description": "What the program is called with, behind its own name.",
      "type": "array",
      "items": { "type": "string" }
    },
    "threads": {
      "description": "Request threads the program may use. Programs in Go ignore it.",
      "type": "integer",
      "minimum": 1,
      "maximum": 4096,
      "default": 1
    }
  },
  "required": ["executable"],
  "additionalProperties": false
})";

// Why execve() failed, in words that say what to do. The file was there when the prototype looked.
std::string execFault(const std::string &executable, int cause)
{
    switch (cause) {
    case ENOEXEC:
        return "is no program for this machine: neither an executable built for it nor a script "
               "that begins with #!.";
    case ENOENT:
        if (access(executable.c_str(), F_OK) == 0) {
            return "cannot be executed: its interpreter (the one named behind #!, or the dynamic "
                   "loader) does not exist here.";
        }
        return "does not exist any more.";
    case EACCES:
        return "cannot be executed: Permission denied (of the file, of its interpreter, or by a "
               "file system mounted noexec).";
    case ETXTBSY:
        return "cannot be executed: somebody is writing to it. Put a new program in place by "
               "renaming it.";
    default:
        return std::string("cannot be executed: ") + std::strerror(cause) + ".";
    }
}

} // namespace

class Program {
public:
    Program(sdk::Host /*host*/, std::string_view options) : options_(parseOptions(options))
    {
        checkExecutable(options_.executable);
    }

    void become()
    {
        std::vector<char *> argv{options_.executable.data()};
        for (std::string &argument : options_.arguments) {
            argv.push_back(argument.data());
        }
        argv.push_back(nullptr);
        execv(options_.executable.c_str(), argv.data());
        const int cause = errno;
        throw std::runtime_error("The executable \"" + options_.executable + "\"" +
                                 whereFrom(options_.executable) + " " +
                                 execFault(options_.executable, cause));
    }

private:
    Options options_;
};

} // namespace patchbay::go

PB_DEFINE_MODULE(patchbay::sdk::program<patchbay::go::Program>(PATCHBAY_RUNTIME_ID,
                                                               PATCHBAY_MODULE_VERSION,
                                                               patchbay::go::kSchema));
