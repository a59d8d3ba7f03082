#include "router/control/process_rules.hpp"

#include "ipc/layout.hpp"

#include <unistd.h>

#include <cstdint>
#include <string>

namespace patchbay::control {
namespace {

using json::Report;
using json::Value;

std::int64_t numberOf(const Value &object, std::string_view name, std::int64_t otherwise)
{
    const Value *value = object.find(name);
    return value != nullptr ? value->asInteger() : otherwise;
}

// The most workers there can be at a time.
std::int64_t mostOf(const Value *processes)
{
    if (processes == nullptr) {
        return 1;
    }
    return processes->isObject() ? numberOf(*processes, "max", 1) : processes->asInteger();
}

} // namespace

void checkEnvironment(const Value &environment, Report &report)
{
    for (const json::Member &member : environment.members()) {
        const std::string &name = member.name;
        std::string detail;
        if (name.empty()) {
            detail = "The environment name must not be empty.";
        } else if (name.find('\0') != std::string::npos) {
            detail = "The environment name must not contain null character.";
        } else if (name.find('=') != std::string::npos) {
            detail = "The environment name must not contain '=' character.";
        }
        if (!detail.empty()) {
            report.addAt(name, std::move(detail), member.nameOffset);
        } else if (!member.value.isString()) {
            report.addAt(name, "The \"" + name + "\" environment value must be a string.",
                         member.value.offset());
        } else if (member.value.text().find('\0') != std::string::npos) {
            report.addAt(name,
                         "The \"" + name + "\" environment value must not contain null character.",
                         member.value.offset());
        }
    }
}

void checkProcesses(const Value &value, Report &report)
{
    const Value *max = value.isObject() ? value.find("max") : &value;
    if (mostOf(&value) > std::int64_t{ipc::kMaxWorkers}) {
        const std::string most = std::to_string(ipc::kMaxWorkers);
        const std::string name = value.isObject() ? "max" : "processes";
        std::string detail = "The \"" + name + "\" number must not exceed " + most +
                             ", the most worker processes of one application.";
        json::Problem &problem = value.isObject()
                                     ? report.addAt("max", std::move(detail), max->offset())
                                     : report.add(std::move(detail), max->offset());
        problem.allowed = "{\"minimum\":1,\"maximum\":" + most + "}";
    } else if (value.isObject() && numberOf(value, "spare", 0) > mostOf(&value)) {
        report.addAt("spare", "The \"spare\" number must be less than or equal to \"max\".",
                     value.find("spare")->offset());
    }
}

void checkThreadStack(const Value &application, Report &report)
{
    const Value *size = application.find("thread_stack_size");
    if (size == nullptr || !size->isInteger()) {
        return;
    }
    const long page = sysconf(_SC_PAGESIZE);
    if (size->asInteger() % page != 0) {
        report.addAt("thread_stack_size",
                     "The \"thread_stack_size\" number must be a multiple of the system page size "
                     "(" +
                         std::to_string(page) + ").",
                     size->offset());
    }
}

void checkSeats(const Value &application, Report &report)
{
    const Value *threads = application.find("threads");
    if (threads == nullptr || !threads->isInteger()) {
        return;
    }
    if (threads->asInteger() < 1) {
        report.addAt("threads", "The \"threads\" number must be equal to or greater than 1.",
                     threads->offset());
        return;
    }
    const Value *processes = application.find("processes");
    if (threads->asInteger() > std::int64_t{ipc::kMaxSeats} / mostOf(processes)) {
        const std::string_view name =
            processes != nullptr && processes->isObject() ? "max" : "processes";
        report.addAt("threads",
                     std::string("The \"").append(name).append(
                         "\" number times the \"threads\" number must not exceed ") +
                         std::to_string(ipc::kMaxSeats) + ".",
                     threads->offset());
    }
}

} // namespace patchbay::control
