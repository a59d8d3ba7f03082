// Prototype, main thread, before any code of the application.
#include "worker/application_start.hpp"

#include "base/error.hpp"
#include "ipc/channel.hpp"
#include "ipc/layout.hpp"

namespace patchbay::worker {
namespace {

// Passed to system calls and C interfaces: a zero byte would cut it (I11).
std::string plain(std::string_view text, const char *what)
{
    if (text.find('\0') != std::string_view::npos) {
        throw Error(std::string("The ") + what + " contains a zero byte.");
    }
    return std::string(text);
}

void readEnvironment(ipc::WireReader &reader, ApplicationStart &start)
{
    std::uint32_t count = reader.u32();
    for (std::uint32_t i = 0; i < count; i++) {
        std::string name = plain(reader.str(), "name of an environment variable");
        std::string value = plain(reader.str(), "value of an environment variable");
        if (name.empty() || name.find('=') != std::string::npos) {
            throw Error("The environment variable \"" + name + "\" has an invalid name.");
        }
        start.environment.emplace_back(std::move(name), std::move(value));
    }
}

} // namespace

ApplicationStart parseApplicationStart(std::string_view blob)
{
    ipc::WireReader reader(blob);
    ApplicationStart start;
    start.name = plain(reader.str(), "application name");
    start.type = plain(reader.str(), "application type");
    start.module = plain(reader.str(), "module file");
    start.options = std::string(reader.str());
    start.user = plain(reader.str(), "user");
    start.group = plain(reader.str(), "group");
    start.workingDirectory = plain(reader.str(), "working directory");
    readEnvironment(reader, start);
    start.stdoutPath = plain(reader.str(), "stdout path");
    start.stderrPath = plain(reader.str(), "stderr path");
    start.threads = reader.u32();
    if (start.threads == 0 || start.threads > ipc::kMaxSeats) {
        throw Error("The number of threads, " + std::to_string(start.threads) + ", is invalid.");
    }
    start.threadStackBytes = reader.u64();
    start.isolation = ipc::readIsolation(reader);
    if (!reader.atEnd()) {
        throw Error("The start of an application has bytes too many.");
    }
    return start;
}

} // namespace patchbay::worker
