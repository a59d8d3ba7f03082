// patchbay-module: see subject.hpp.
#include "subject.hpp"

#include "apart.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

namespace patchbay::check {

namespace {

constexpr unsigned char kCanary = 0xA5;

void writeLog(void *, std::uint32_t level, pb_str message)
{
    std::fprintf(stderr, "log, level %u: %.*s\n", level, static_cast<int>(message.size),
                 message.data == nullptr ? "" : message.data);
}

} // namespace

ErrorText::ErrorText()
{
    guarded_.error.struct_size = sizeof guarded_.error;
    std::memset(guarded_.behind, kCanary, sizeof guarded_.behind);
}

std::string ErrorText::text(std::string_view function) const
{
    const std::string name(function);
    for (const unsigned char byte : guarded_.behind) {
        expect(byte == kCanary, name + " writes behind the end of its pb_error");
    }
    const char *text = guarded_.error.text;
    expect(std::memchr(text, '\0', sizeof guarded_.error.text) != nullptr,
           name + " leaves an error text without its terminating zero");
    return text;
}

const pb_host &host()
{
    static const pb_host instance{sizeof(pb_host), PB_ABI_MINOR, "Patchbay", "Patchbay/check",
                                  "patchbay",      nullptr,      &writeLog};
    return instance;
}

std::shared_ptr<const modules::LoadedModule> loadModule(const std::string &file)
{
    doing("loading");
    auto module = modules::LoadedModule::load(file);
    if (module->descriptor().kind == PB_KIND_RUNTIME) {
        module = modules::LoadedModule::load(file, modules::LoadAs::runtime);
    }
    // For good: a thread that the module has started may be anywhere in it.
    static std::vector<std::shared_ptr<const modules::LoadedModule>> kept;
    kept.push_back(module);
    return module;
}

Object::Object(std::shared_ptr<const modules::LoadedModule> loaded, const std::string &options)
    : module_(std::move(loaded))
{
    // What is borrowed ends with the call: a copy that is gone when create() returns.
    const auto borrowed = std::make_unique<std::string>(options);
    ErrorText error;
    doing("create() with the options " + options);
    self_ = crossing("create()", [&] {
        return module().create(&host(), {borrowed->data(), borrowed->size()}, error.face());
    });
    refusal_ = error.text("create()");
    std::fill(borrowed->begin(), borrowed->end(), '#');
    expect(made() || !refusal_.empty(), "create() fails and does not say why");
    doing("");
}

void Object::destroy()
{
    if (void *self = std::exchange(self_, nullptr); self != nullptr) {
        doing("destroy()");
        crossing("destroy()", [&] { module().destroy(self); });
        doing("");
    }
}

// Only on the way of another finding, and at the end of the process.
Object::~Object()
{
    try {
        destroy();
    } catch (const Finding &e) {
        std::fprintf(stderr, "%s\n", e.what());
    }
}

std::unique_ptr<Object> makeObject(const std::string &file, const std::string &options)
{
    auto object = std::make_unique<Object>(loadModule(file), options);
    expect(object->made(), "create() refuses the options " + options + ": " + object->refusal());
    return object;
}

} // namespace patchbay::check
