// patchbay-module, child process: a module, loaded and called as the server does, with every answer
// looked at. Throws Finding for what breaks the contract.
#pragma once

#include "outcome.hpp"
#include "patchbay/abi.h"

#include "module/loader.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace patchbay::check {

// Calls into the module; an exception that comes out is a finding.
template <class Call>
auto crossing(std::string_view function, Call call) -> decltype(call())
{
    const std::string name(function);
    try {
        return call();
    } catch (const std::exception &e) {
        throw Finding("an exception leaves " + name + ": " + e.what());
    } catch (...) {
        throw Finding("an exception leaves " + name);
    }
}

// An error to be filled, with room behind it that must stay as it is.
class ErrorText {
public:
    ErrorText();
    pb_error *face() { return &guarded_.error; }
    // Throws Finding when the text has no end or went too far.
    std::string text(std::string_view function) const;

private:
    struct {
        pb_error error;
        unsigned char behind[64];
    } guarded_{};
};

// The host of every instance here; its log goes to standard error.
const pb_host &host();

// The file, loaded as its kind is, until the process ends. Throws modules::BrokenModule.
std::shared_ptr<const modules::LoadedModule> loadModule(const std::string &file);

// An instance: create() to destroy().
class Object {
public:
    Object(std::shared_ptr<const modules::LoadedModule> module, const std::string &options);
    ~Object();
    Object(const Object &) = delete;
    Object &operator=(const Object &) = delete;

    // False: it was refused, with a text.
    bool made() const noexcept { return self_ != nullptr; }
    const std::string &refusal() const noexcept { return refusal_; }
    void *self() const noexcept { return self_; }
    const pb_module &module() const noexcept { return module_->descriptor(); }

    // Its table; what it does not cover is null.
    template <class Ops>
    Ops ops() const
    {
        Ops table{};
        std::uint32_t size = 0;
        std::memcpy(&size, module().ops, sizeof size);
        std::memcpy(&table, module().ops, std::min<std::size_t>(size, sizeof table));
        return table;
    }
    void destroy(); // throws; the destructor does not

private:
    std::shared_ptr<const modules::LoadedModule> module_;
    void *self_ = nullptr;
    std::string refusal_;
};

// The same, where a refusal is a finding.
std::unique_ptr<Object> makeObject(const std::string &file, const std::string &options);

} // namespace patchbay::check
