// [control] The standard error of one application's processes: a pipe that all of them write to.
// What comes out goes to the event log line by line, and the last of it is kept for those who ask
// why the application does not run.
#pragma once

#include "base/unique_fd.hpp"
#include "router/control/control_loop.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay::control {

// The end of a text that is written bit by bit.
class OutputTail {
public:
    static constexpr std::size_t kBytes = 4096;
    static constexpr std::size_t kLines = 20;

    void append(std::string_view bytes);
    // At most kLines lines and kBytes bytes. Valid UTF-8: a '?' stands for each byte that is not.
    std::string text() const;

private:
    std::string bytes_;
    bool cut_ = false; // it was longer
};

class ApplicationOutput {
public:
    ApplicationOutput(ControlLoop &loop, std::string application); // its name
    ~ApplicationOutput();                                          // what is left goes to the log
    ApplicationOutput(const ApplicationOutput &) = delete;
    ApplicationOutput &operator=(const ApplicationOutput &) = delete;

    // For new processes; made when it is asked for first. Ours as long as this object: the pipe
    // never ends, whoever dies. Throws SystemError.
    int writeEnd();
    // Takes what is there now, a pipe full at most. After the death of a process: its last words.
    void drain();
    std::string tail() const { return tail_.text(); }

private:
    void open();
    void readable();
    std::size_t read();
    void toLog(std::string_view bytes);
    void endLine();

    ControlLoop &loop_;
    std::string application_;
    UniqueFd readEnd_, writeEnd_;
    OutputTail tail_;
    std::string line_;                 // begun, not ended
    ControlLoop::TimerId silence_ = 0; // a line is begun: it ends then
    ControlLoop::TimerId pause_ = 0;   // the log is behind: read on then
};

} // namespace patchbay::control
