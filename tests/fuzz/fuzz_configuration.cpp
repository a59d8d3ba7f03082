// What is done to a configuration between its text and the schema: edits, merges, references,
// units. The input has three parts, each behind a line "--": a document, another one, and a path,
// one name a line.
#include "base/error.hpp"
#include "check.hpp"
#include "json/edit.hpp"
#include "json/merge.hpp"
#include "json/reader.hpp"
#include "json/references.hpp"
#include "json/schema.hpp"
#include "json/units.hpp"
#include "json/writer.hpp"

#include <set>
#include <string_view>
#include <vector>

namespace {

using namespace patchbay;
using json::Value;
using patchbay::fuzz::require;

constexpr std::size_t kBase = 100'000; // where the second document's offsets begin

std::vector<std::string> split(std::string_view text, std::string_view separator)
{
    std::vector<std::string> parts;
    for (std::size_t end = text.find(separator); end != std::string_view::npos;
         end = text.find(separator)) {
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(end + separator.size());
    }
    parts.emplace_back(text);
    return parts;
}

void checkPut(const Value &root, const json::Path &path, const Value &value)
{
    Value changed = root;
    if (json::put(changed, path, value) == json::Edited::done) {
        const Value *now = json::at(changed, path);
        require(now != nullptr && json::writeCompact(*now) == json::writeCompact(value),
                "what was put is there");
    } else {
        require(json::writeCompact(changed) == json::writeCompact(root), "a refused put is none");
        require(json::at(root, path) == nullptr, "what is there can be replaced");
    }
}

void checkAppendAndRemove(const Value &root, const json::Path &path, const Value &value)
{
    Value changed = root;
    if (json::append(changed, path, value) == json::Edited::done) {
        json::Path last = path;
        last.push_back(std::to_string(json::at(changed, path)->items().size() - 1));
        require(json::at(changed, last) != nullptr, "what was appended is last");
        require(json::remove(changed, last) == json::Edited::done, "and can be removed");
    }
    require(json::writeCompact(changed) == json::writeCompact(root), "then nothing has changed");
    const bool there = json::at(root, path) != nullptr;
    require((json::remove(changed, path) == json::Edited::done) == there, "removes what is there");
}

void checkMerges(const Value &first, const Value &second)
{
    const Value patched = json::mergePatch(first, second);
    require(json::writeCompact(json::mergePatch(patched, second)) == json::writeCompact(patched),
            "a patch that is applied already changes nothing");
    Value united = first;
    if (const auto conflict = json::mergeInto(united, Value(second))) {
        require(conflict->first < kBase && conflict->second >= kBase, "a conflict names both");
        return;
    }
    for (const Value *part : {&first, &second}) {
        for (const json::Member &member : part->members()) {
            require(united.find(member.name) != nullptr, "nothing is lost");
        }
    }
}

void checkReferences(Value root, std::string_view text)
{
    const std::set<std::string> files = json::fileReferences(root);
    json::References references;
    references.environment = [](const std::string &name) {
        return name.size() % 2 == 0 ? std::optional(name) : std::nullopt;
    };
    references.file = [&](const std::string &path) {
        require(files.contains(path), "only files that were listed are asked for");
        if (path.size() > 8) {
            throw Error("too far away");
        }
        return path + "\n";
    };
    const std::string before = json::writeCompact(root);
    const std::vector<json::Problem> problems = json::expand(root, references);
    for (const json::Problem &problem : problems) {
        require(text[problem.offset] == '"', "a problem is that of a string");
    }
    if (before.find("${") == std::string::npos) {
        require(problems.empty() && json::writeCompact(root) == before, "nothing to expand");
    }
}

void checkUnits(Value root)
{
    static const json::Schema schema(R"json({"type":"object","properties":{
        "seconds":{"type":"integer","x-unit":"seconds","minimum":0},
        "bytes":{"type":"array","items":{"type":"integer","x-unit":"bytes"}}},
        "additionalProperties":{"type":["integer","object"],"x-unit":"bytes"}})json");
    json::convertUnits(root, schema, nullptr);
    const std::string converted = json::writeCompact(root);
    json::convertUnits(root, schema, nullptr);
    require(json::writeCompact(root) == converted, "numbers stay");
    require(json::writeCompact(json::read(converted)) == converted, "numbers can be read");
    schema.validate(root);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::vector<std::string> parts =
        split({reinterpret_cast<const char *>(data), size}, "\n--\n");
    if (parts.size() != 3 || size > kBase) {
        return 0;
    }
    json::ReadLimits limits;
    limits.values = 1000;
    limits.depth = 100;
    try {
        const Value first = json::read(parts[0], limits);
        const Value second = json::read(parts[1], limits, kBase);
        const json::Path path = split(parts[2], "\n");
        checkPut(first, path, second);
        checkAppendAndRemove(first, path, second);
        checkMerges(first, second);
        checkReferences(first, json::withoutBom(parts[0]));
        checkUnits(first);
    } catch (const json::ReadError &) {
        return 0; // the reader has a target of its own
    }
    return 0;
}
