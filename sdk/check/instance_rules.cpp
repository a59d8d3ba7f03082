// patchbay-module: what create() and destroy() of every kind promise.
#include "process_state.hpp"
#include "rule.hpp"
#include "sample_options.hpp"
#include "subject.hpp"

namespace patchbay::check {

namespace {

// A runtime lives as long as its process; only what the router loads must go without a trace.
bool mustLeaveNothing(const pb_module &module)
{
    return module.kind != PB_KIND_RUNTIME;
}

std::string createAndDestroy(const Target &target)
{
    makeObject(target.info.file, target.options)->destroy();
    return {};
}

std::string createTwice(const Target &target)
{
    const auto module = loadModule(target.info.file);
    // What a library sets up once and for all is not the instance's.
    Object(module, target.options).destroy();
    const ProcessState before = ProcessState::now();
    {
        Object first(module, target.options);
        Object second(module, target.options);
        expect(first.made() && second.made(), "a second create() in one process is refused: " +
                                                  first.refusal() + second.refusal());
        first.destroy();
        second.destroy();
    }
    const std::string changes = before.changes();
    expect(changes.empty(), "after destroy() of every instance " + changes);
    return {};
}

// The router lets go of a module when no configuration names it any more.
std::string unload(const Target &target)
{
    auto module = modules::LoadedModule::load(target.info.file);
    Object(module, target.options).destroy();
    doing("unloading");
    module.reset();
    return {};
}

std::string refuse(const Target &target, const std::string &options)
{
    const auto module = loadModule(target.info.file);
    const ProcessState before = ProcessState::now();
    Object object(module, options);
    if (!object.made()) {
        const std::string changes = before.changes();
        expect(changes.empty(), "create() refuses the options " + options + ", but " + changes);
    } else if (mustLeaveNothing(module->descriptor())) {
        object.destroy();
    }
    return {};
}

std::string isQuiet(const Target &target)
{
    const ProcessState before = ProcessState::now();
    loadModule(target.info.file);
    const std::string changes = before.changes();
    expect(changes.empty(), "when it is loaded " + changes);
    return {};
}

} // namespace

std::vector<Rule> loadRules(const Target &target)
{
    return {{"quiet",
             "loading it starts no thread, opens nothing and prints nothing",
             {{"", [target] { return isQuiet(target); }}}}};
}

std::vector<Rule> instanceRules(const Target &target)
{
    std::vector<Rule> rules;
    rules.push_back({"create",
                     "create() makes an instance, destroy() ends it",
                     {{"", [target] { return createAndDestroy(target); }}}});
    rules.back().fundamental = true;
    if (target.info.kind != PB_KIND_RUNTIME) {
        rules.push_back({"instances",
                         "several instances live side by side and leave nothing",
                         {{"", [target] { return createTwice(target); }}}});
        rules.push_back(
            {"unload", "it can be unloaded", {{"", [target] { return unload(target); }}}});
    }
    Rule refusal{"refusal", "options it refuses get a text and have no effect", {}};
    for (const std::string &options : oddOptions(target.info.schema, target.options)) {
        refusal.cases.push_back({"", [target, options] { return refuse(target, options); }});
    }
    if (refusal.cases.empty()) {
        refusal.skip = "its schema declares no options";
    }
    rules.push_back(std::move(refusal));
    return rules;
}

} // namespace patchbay::check
