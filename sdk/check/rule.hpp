// patchbay-module: the rules beyond the descriptor's, each tried on a module in child processes.
#pragma once

#include "apart.hpp"

#include "module/catalog.hpp"

#include <string>
#include <vector>

namespace patchbay::check {

struct Target {
    modules::ModuleInfo info; // file, kind and schema of the module
    std::string options;      // that passed the schema, canonical
    std::string pattern;      // the same with "@PROGRAM@" in it; empty: they had none
    std::string encoder;      // file of the encoder that goes with a runtime; may be empty
    std::string address;      // one that a listener takes; may be empty
};

// One try, in a process of its own.
struct Case {
    std::string label; // empty: the rule has but one
    Work work;
};

struct Rule {
    std::string name;
    std::string promise; // what holds when it is kept
    std::vector<Case> cases;
    std::string skip = {};    // why it is not tried; empty: it is
    bool fundamental = false; // broken: nothing that follows is tried
};

// Of every kind; the first need no options.
std::vector<Rule> loadRules(const Target &target);
std::vector<Rule> instanceRules(const Target &target);
std::vector<Rule> listenerRules(const Target &target);
std::vector<Rule> encoderRules(const Target &target);
std::vector<Rule> runtimeRules(const Target &target);
// Of a runtime whose workers are programs.
std::vector<Rule> programRules(const Target &target);
std::vector<Rule> sinkRules(const Target &target);

} // namespace patchbay::check
