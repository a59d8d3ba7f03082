// Process "discovery" (one-shot, unprivileged, single-threaded) and its children. Before: main
// forks it at start and when a reload meets another directory. After: main hands the manifest to
// the router, which loads what it needs itself.
#include "module/discovery.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "module/check.hpp"
#include "module/loader.hpp"
#include "patchbay/abi.h"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

namespace patchbay::modules {

namespace {

constexpr std::size_t kMaxDescription = std::size_t{4} << 20; // of one module, with its schema

bool writeAll(int fd, std::string_view text) noexcept
{
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    return true;
}

// Up to the end of the stream; what is more than `limit` is not read.
std::string readAll(int fd, std::size_t limit)
{
    std::string text;
    std::array<char, 16384> buffer;
    while (text.size() <= limit) {
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n == 0 || (n < 0 && errno != EINTR)) {
            break;
        }
        text.append(buffer.data(), n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    return text;
}

// In the child: loads, describes, ends. A module's own threads, exit handlers and destructors get
// no say in it.
[[noreturn]] void describeInChild(const std::string &file, int outFd,
                                  std::chrono::seconds limit) noexcept
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(static_cast<unsigned>(limit.count()));
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(STDERR_FILENO, STDOUT_FILENO); // --list-modules: stdout is not for modules

    Catalog one;
    bool sent = false;
    try {
        try {
            one.modules.push_back(describeFile(file));
        } catch (const Error &e) {
            one.rejected.emplace_back(e.what());
        }
        sent = writeAll(outFd, writeManifest(one));
    } catch (...) {
        sent = false;
    }
    ::_exit(sent ? 0 : 1);
}

// Why the child gave no description.
std::string endOf(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        return "takes too long to load";
    }
    if (WIFSIGNALED(status)) {
        return "crashes while it is loaded (signal " + std::to_string(WTERMSIG(status)) + ")";
    }
    return "ends the process while it is loaded (exit status " +
           std::to_string(WEXITSTATUS(status)) + ")";
}

Catalog describeApart(const std::string &file, std::chrono::seconds limit)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw SystemError("pipe2()");
    }
    UniqueFd input(ends[0]);
    UniqueFd output(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        throw SystemError("fork()");
    }
    if (child == 0) {
        describeInChild(file, output.get(), limit);
    }
    output.reset();
    const std::string manifest = readAll(input.get(), kMaxDescription);
    input.reset(); // whoever still writes gets SIGPIPE
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) {
        return {{}, {file + ": " + endOf(status)}};
    }
    try {
        return parseManifest(manifest);
    } catch (const Error &e) {
        return {{}, {file + ": describes itself wrongly: " + e.what()}};
    }
}

// Of the file as it lies there: a package manager replaces a file by another one.
std::string stampOf(const std::string &file)
{
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return {};
    }
    return std::to_string(status.st_ino) + "-" + std::to_string(status.st_size) + "-" +
           std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

// The same module twice: the first by file name counts.
void take(Catalog &catalog, ModuleInfo module)
{
    for (const ModuleInfo &known : catalog.modules) {
        if (known.id == module.id && known.version == module.version) {
            catalog.rejected.push_back(module.file + ": is " + module.id + " " + module.version +
                                       ", as is " + known.file + ", which comes first by name");
            return;
        }
    }
    catalog.modules.push_back(std::move(module));
}

// A language goes by its name, as in "type" (daemon.md 5); everything else by its id.
void logCatalog(const Catalog &catalog) noexcept
{
    for (const ModuleInfo &module : catalog.modules) {
        const std::string_view name =
            module.kind == PB_KIND_RUNTIME ? module.name() : std::string_view(module.id);
        log::notice("module: %.*s %s \"%s\"", static_cast<int>(name.size()), name.data(),
                    module.version.c_str(), module.file.c_str());
    }
    for (const std::string &line : catalog.rejected) {
        log::warn("module: %s", line.c_str());
    }
}

std::string formatTable(const Catalog &catalog)
{
    std::size_t idWidth = 2;
    std::size_t versionWidth = 7;
    for (const ModuleInfo &module : catalog.modules) {
        idWidth = std::max(idWidth, module.id.size());
        versionWidth = std::max(versionWidth, module.version.size());
    }
    std::string out;
    const auto row = [&](std::string id, std::string version, const std::string &file) {
        id.resize(idWidth + 2, ' ');
        version.resize(versionWidth + 2, ' ');
        out += id + version + file + "\n";
    };
    row("ID", "VERSION", "FILE");
    for (const ModuleInfo &module : catalog.modules) {
        row(module.id, module.version, module.file);
    }
    if (!catalog.rejected.empty()) {
        out += "\nNot usable:\n";
    }
    for (const std::string &line : catalog.rejected) {
        out += "  " + line + "\n";
    }
    return out;
}

std::string formatJson(const Catalog &catalog)
{
    json::Value found = json::Value::array();
    for (const ModuleInfo &module : catalog.modules) {
        json::Value object = json::Value::object();
        object.add("id", json::Value::string(module.id));
        object.add("kind", json::Value::string(std::string(kindName(module.kind))));
        object.add("version", json::Value::string(module.version));
        object.add("file", json::Value::string(module.file));
        object.add("options", json::read(module.schema));
        found.append(std::move(object));
    }
    json::Value rejected = json::Value::array();
    for (const std::string &line : catalog.rejected) {
        rejected.append(json::Value::string(line));
    }
    json::Value document = json::Value::object();
    document.add("modules", std::move(found));
    document.add("rejected", std::move(rejected));
    return json::writeCompact(document) + "\n";
}

} // namespace

std::vector<std::string> moduleFiles(const std::string &dir)
{
    namespace fs = std::filesystem;
    std::error_code ec;
    std::vector<std::string> files;
    fs::directory_iterator entries(dir, ec);
    for (; !ec && entries != fs::directory_iterator(); entries.increment(ec)) {
        const std::string name = entries->path().filename();
        if (!name.ends_with(".so")) {
            continue;
        }
        if (name.ends_with(".unit.so")) {
            log::info("%s is a module of Unit: left alone", entries->path().c_str());
            continue;
        }
        files.push_back(fs::absolute(entries->path()).lexically_normal());
    }
    if (ec) {
        throw SystemError("the modules directory \"" + dir + "\": open()", ec.value());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string fingerprint(const std::string &dir) noexcept
{
    std::string text;
    try {
        for (const std::string &file : moduleFiles(dir)) {
            text += file + " " + stampOf(file) + "\n";
        }
    } catch (const std::exception &) {
        text.clear();
    }
    return text;
}

ModuleInfo describeFile(const std::string &file)
{
    const auto loaded = LoadedModule::load(file);
    const pb_module &descriptor = loaded->descriptor();
    return {descriptor.id,
            descriptor.kind,
            descriptor.version,
            file,
            descriptor.options_schema,
            isProgram(descriptor),
            {}};
}

Catalog discover(const std::string &dir, std::chrono::seconds limit)
{
    Catalog catalog;
    for (const std::string &file : moduleFiles(dir)) {
        const std::string stamp = stampOf(file); // before it is loaded: never too new
        Catalog one = describeApart(file, limit);
        for (ModuleInfo &module : one.modules) {
            module.stamp = stamp;
            module.file = file; // a module does not say where it lies
            take(catalog, std::move(module));
        }
        std::move(one.rejected.begin(), one.rejected.end(), std::back_inserter(catalog.rejected));
    }
    return catalog;
}

int runDiscovery(const std::string &dir, int outFd) noexcept
{
    try {
        const Catalog catalog = discover(dir);
        logCatalog(catalog);
        if (writeAll(outFd, writeManifest(catalog))) {
            return 0;
        }
        log::alert("discovery: write(%d) failed (%d: %s)", outFd, errno, errnoText(errno).c_str());
    } catch (const std::exception &e) {
        log::alert("discovery: %s", e.what());
    }
    return 1;
}

std::string formatCatalog(const Catalog &catalog, bool json)
{
    return json ? formatJson(catalog) : formatTable(catalog);
}

void printCatalog(const Catalog &catalog, bool json)
{
    const std::string text = formatCatalog(catalog, json);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

} // namespace patchbay::modules
