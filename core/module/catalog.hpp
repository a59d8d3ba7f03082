// [any] What modules there are, known without running them: discovery loads every file once in an
// unprivileged one-shot child and hands this on as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::modules {

inline constexpr std::size_t kMaxManifest = std::size_t{64} << 20;

struct ModuleInfo {
    std::string id;         // "encoder.python"
    std::uint32_t kind;     // enum pb_kind
    std::string version;    // for a runtime: of the language, "3.11.2"
    std::string file;       // absolute path
    std::string schema;     // JSON Schema of its options
    bool program = false;   // a runtime that executes a program: its type takes no version
    std::string stamp = {}; // of the file, as discovery saw it: another stamp, another module

    std::string_view name() const; // "python": what follows the first dot of id
};

// "python" of a type "python 3.11".
std::string_view languageOf(std::string_view type);

// A file that is no usable module, and why: "FILE: CAUSE".
struct Catalog {
    std::vector<ModuleInfo> modules; // by file name
    std::vector<std::string> rejected;

    const ModuleInfo *find(std::string_view id) const; // first by file name
    // Type matching (config.md 5.1): "python", "python 3.1"; highest version, then first file.
    // Programs have no version that one could ask for.
    const ModuleInfo *findRuntime(std::string_view type) const;
    // "python 3.11.2", "go", ...: for error messages.
    std::vector<std::string> runtimeTypes() const;
    // Why no file for the language of this type is usable, as far as file names tell
    // ("runtime_python.so", "runtime_python3.12.so"): lines of `rejected`. Empty: there is none.
    std::string unusableRuntimes(std::string_view type) const;
};

// The manifest: how a catalog travels between processes (JSON). parse throws Error.
std::string writeManifest(const Catalog &catalog);
Catalog parseManifest(std::string_view text);

} // namespace patchbay::modules
