// [any] The exceptions of the core. Nothing of them crosses the module boundary.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>

namespace patchbay {

// A failure that a person reads: what() says what failed, where, and why.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A failed system call. what() is "CONTEXT failed (NUMBER: TEXT)", the form of Unit's log lines.
class SystemError : public Error {
public:
    SystemError(const std::string &context, int number);
    explicit SystemError(const std::string &context) : SystemError(context, errno) {}
    int number() const noexcept { return number_; }

private:
    int number_;
};

// "EADDRINUSE" for 98; the number as text for what has no name. [any]
std::string errnoName(int number);
// strerror without its thread problem. [any]
std::string errnoText(int number);
// "exited with code 0", "exited on signal 9": of a status as of waitpid(). [any]
std::string endText(int status);

} // namespace patchbay
