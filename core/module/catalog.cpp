// Discovery writes the manifest, main carries it unread, router [control] and --list-modules read
// it. Whoever reads it does not trust it: it was made in a process that ran every module's code.
#include "module/catalog.hpp"

#include "base/error.hpp"
#include "module/check.hpp"
#include "patchbay/abi.h"
#include "json/reader.hpp"
#include "json/writer.hpp"

#include <cstring>

namespace patchbay::modules {

namespace {

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

// A prefix counts up to where a part of the version ends: 3 and 3.11 of 3.11.2, not 3.1.
bool matchesVersion(std::string_view version, std::string_view prefix)
{
    if (!version.starts_with(prefix)) {
        return false;
    }
    return prefix.empty() || prefix.size() == version.size() ||
           isDigit(prefix.back()) != isDigit(version[prefix.size()]);
}

json::Value describe(const ModuleInfo &module)
{
    json::Value object = json::Value::object();
    object.add("id", json::Value::string(module.id));
    object.add("kind", json::Value::integer(module.kind));
    object.add("version", json::Value::string(module.version));
    object.add("file", json::Value::string(module.file));
    object.add("schema", json::Value::string(module.schema));
    object.add("stamp", json::Value::string(module.stamp));
    object.add("program", json::Value::boolean(module.program));
    return object;
}

// A terminal or a log must not be steered by what a module calls itself.
std::string printable(std::string_view text)
{
    std::string out(text);
    for (char &c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            c = '?';
        }
    }
    return out;
}

std::string textOf(const json::Value &object, std::string_view name)
{
    const json::Value *member = object.find(name);
    if (member == nullptr || !member->isString() || member->text().empty()) {
        throw Error("a module has no \"" + std::string(name) + "\"");
    }
    return member->text();
}

bool isTrue(const json::Value &object, std::string_view name)
{
    const json::Value *member = object.find(name);
    return member != nullptr && member->asBool();
}

ModuleInfo parseModule(const json::Value &value)
{
    const json::Value *kind = value.find("kind");
    if (kind == nullptr || !kind->isInteger() || kind->asInteger() < 0 ||
        kind->asInteger() > UINT32_MAX) {
        throw Error("a module has no \"kind\"");
    }
    ModuleInfo module{textOf(value, "id"),
                      static_cast<std::uint32_t>(kind->asInteger()),
                      printable(textOf(value, "version")),
                      textOf(value, "file"),
                      textOf(value, "schema"),
                      isTrue(value, "program"),
                      {}};
    if (const json::Value *stamp = value.find("stamp")) {
        module.stamp = printable(stamp->text());
    }
    std::string fault = idFault(module.id, module.kind);
    if (fault.empty()) {
        fault = schemaFault(module.schema);
    }
    if (fault.empty() && (!module.file.starts_with('/') || module.file != printable(module.file))) {
        fault = "its file name is no absolute path";
    }
    if (!fault.empty()) {
        throw Error(printable(module.file) + ": " + printable(fault));
    }
    return module;
}

const std::vector<json::Value> &itemsOf(const json::Value &document, std::string_view name)
{
    const json::Value *list = document.find(name);
    if (list == nullptr || !list->isArray()) {
        throw Error("\"" + std::string(name) + "\" is no array");
    }
    return list->items();
}

} // namespace

std::string_view ModuleInfo::name() const
{
    return std::string_view(id).substr(id.find('.') + 1);
}

const ModuleInfo *Catalog::find(std::string_view id) const
{
    const auto found = std::find_if(modules.begin(), modules.end(),
                                    [&](const ModuleInfo &module) { return module.id == id; });
    return found == modules.end() ? nullptr : &*found;
}

std::string_view languageOf(std::string_view type)
{
    return type.substr(0, std::min(type.find_first_of(" 0123456789"), type.size()));
}

const ModuleInfo *Catalog::findRuntime(std::string_view type) const
{
    const std::string_view language = languageOf(type);
    std::string_view version = type.substr(language.size());
    if (version.starts_with(' ')) {
        version.remove_prefix(1);
    }
    const ModuleInfo *best = nullptr;
    for (const ModuleInfo &module : modules) {
        if (module.kind != PB_KIND_RUNTIME || module.name() != language ||
            !matchesVersion(module.program ? "" : module.version, version)) {
            continue;
        }
        // Only a higher one: of equal versions the first by file name stays.
        if (best == nullptr || ::strverscmp(module.version.c_str(), best->version.c_str()) > 0) {
            best = &module;
        }
    }
    return best;
}

std::vector<std::string> Catalog::runtimeTypes() const
{
    std::vector<std::string> types;
    for (const ModuleInfo &module : modules) {
        if (module.kind == PB_KIND_RUNTIME) {
            const std::string version = module.program ? "" : " " + module.version;
            types.push_back(std::string(module.name()) + version);
        }
    }
    return types;
}

std::string Catalog::unusableRuntimes(std::string_view type) const
{
    const std::string stem = "/runtime_" + std::string(languageOf(type));
    std::string lines;
    for (const std::string &line : rejected) {
        const std::size_t at = line.find(stem);
        const std::size_t behind = at + stem.size();
        if (at == line.npos || behind >= line.size() ||
            (line[behind] != '.' && !isDigit(line[behind]))) {
            continue;
        }
        lines.append(lines.empty() ? "" : "; ").append(line);
    }
    return lines;
}

std::string writeManifest(const Catalog &catalog)
{
    json::Value found = json::Value::array();
    for (const ModuleInfo &module : catalog.modules) {
        found.append(describe(module));
    }
    json::Value rejected = json::Value::array();
    for (const std::string &line : catalog.rejected) {
        rejected.append(json::Value::string(line));
    }
    json::Value document = json::Value::object();
    document.add("modules", std::move(found));
    document.add("rejected", std::move(rejected));
    return json::writeCompact(document);
}

Catalog parseManifest(std::string_view text)
{
    try {
        const json::Value document = json::read(text);
        Catalog catalog;
        for (const json::Value &value : itemsOf(document, "modules")) {
            catalog.modules.push_back(parseModule(value));
        }
        for (const json::Value &value : itemsOf(document, "rejected")) {
            catalog.rejected.push_back(printable(value.text()));
        }
        return catalog;
    } catch (const Error &e) {
        throw Error(std::string("The list of modules that discovery made is damaged: ") + e.what());
    }
}

} // namespace patchbay::modules
