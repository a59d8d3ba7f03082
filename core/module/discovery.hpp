// Finds out what modules there are. Runs in an unprivileged one-shot process that main forks
// (house: "discovery"), so that no module's code ever runs in main; fingerprint() in main itself.
#pragma once

#include "module/catalog.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace patchbay::modules {

// *.so in `dir` (absolute paths, by name), without *.unit.so: those are Unit's. Throws SystemError
// when the directory cannot be read.
std::vector<std::string> moduleFiles(const std::string &dir);

// What is in the directory, as a text that another content of it changes. Empty if it cannot be
// read.
std::string fingerprint(const std::string &dir) noexcept;

// Loads one file into this process and describes it. Throws Error "FILE: CAUSE".
ModuleInfo describeFile(const std::string &file);

// All of them, each loaded in a child of its own: one that crashes or takes longer than `limit`, or
// whose libraries do not get along with another's, is a rejected line like any other fault. Throws
// SystemError when the directory cannot be read.
Catalog discover(const std::string &dir, std::chrono::seconds limit = std::chrono::seconds(10));

// Body of the discovery process: writes the manifest to `outFd`. Exit status: 0, or 1 when that was
// not possible (a log line says why).
int runDiscovery(const std::string &dir, int outFd) noexcept;

// For --list-modules: a table for people, or one JSON document.
std::string formatCatalog(const Catalog &catalog, bool json);
void printCatalog(const Catalog &catalog, bool json); // to stdout

} // namespace patchbay::modules
