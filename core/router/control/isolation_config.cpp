// [control] See isolation_config.hpp.
#include "router/control/isolation_config.hpp"

#include <climits>
#include <filesystem>

namespace patchbay::control {
namespace {

using json::Report;
using json::Value;

bool flag(const Value *object, std::string_view name, bool otherwise)
{
    const Value *value = object != nullptr ? object->find(name) : nullptr;
    return value != nullptr ? value->asBool() : otherwise;
}

std::vector<ipc::IdRange> rangesOf(const Value *map)
{
    std::vector<ipc::IdRange> ranges;
    for (std::size_t i = 0; map != nullptr && i < map->items().size(); i++) {
        const Value &range = map->items()[i];
        auto number = [&](std::string_view name) {
            return static_cast<std::uint32_t>(range.find(name)->asInteger());
        };
        ranges.push_back({number("container"), number("host"), number("size")});
    }
    return ranges;
}

} // namespace

void checkIsolation(const Value &isolation, Report &report)
{
    if (flag(isolation.find("namespaces"), "credential", false)) {
        return;
    }
    for (const char *name : {"uidmap", "gidmap"}) {
        const Value *map = isolation.find(name);
        if (map != nullptr && !map->items().empty()) {
            report.addAt(name,
                         std::string("The \"") + name + "\" needs the \"credential\" namespace.",
                         map->offset());
        }
    }
}

void checkRootfs(const Value &rootfs, Report &report)
{
    const std::filesystem::path path(rootfs.text());
    const bool absolute = path.is_absolute();
    if (!absolute || !path.lexically_normal().has_relative_path()) {
        report.add(absolute ? "The \"rootfs\" must not be \"/\"."
                            : "The \"rootfs\" value must be an absolute path.",
                   rootfs.offset());
    }
}

void checkCgroupPath(const Value &path, Report &report)
{
    const std::string &text = path.text();
    if (text.size() >= PATH_MAX) {
        report.add("The cgroup path \"" + text + "\" is too long.", path.offset());
    } else if (text.empty() || ("/" + text + "/").find("/../") != std::string::npos) {
        report.add("The cgroup path \"" + text + "\" is invalid.", path.offset());
    }
}

ipc::Isolation isolationOf(const Value &isolation)
{
    ipc::Isolation result;
    const Value *namespaces = isolation.find("namespaces");
    result.credential = flag(namespaces, "credential", false);
    result.pid = flag(namespaces, "pid", false);
    result.network = flag(namespaces, "network", false);
    result.mount = flag(namespaces, "mount", false);
    result.uname = flag(namespaces, "uname", false);
    result.cgroup = flag(namespaces, "cgroup", false);
    result.uidMap = rangesOf(isolation.find("uidmap"));
    result.gidMap = rangesOf(isolation.find("gidmap"));
    result.rootfs = isolation.stringOf("rootfs");
    const Value *automount = isolation.find("automount");
    result.languageDeps = flag(automount, "language_deps", true);
    result.tmpfs = flag(automount, "tmpfs", true);
    result.procfs = flag(automount, "procfs", true);
    result.newPrivileges = flag(&isolation, "new_privs", true);
    if (const Value *cgroup = isolation.find("cgroup")) {
        result.cgroupPath = cgroup->stringOf("path");
    }
    return result;
}

} // namespace patchbay::control
