// Every process but main. The one file that includes Boost.DLL. Before: discovery or the registry
// names a file. After: instance.cpp makes instances of what was loaded.
#include "module/loader.hpp"

#define BOOST_DLL_USE_STD_FS // without it Boost.DLL needs compiled libraries
#include <boost/dll/shared_library.hpp>

#include <dlfcn.h>
#include <link.h>

namespace patchbay::modules {

namespace {

using boost::dll::shared_library;

boost::dll::load_mode::type modeOf(LoadAs how)
{
    using namespace boost::dll;
    // Now: what is missing shows here, not in the middle of a request.
    if (how == LoadAs::runtime) {
        return load_mode::rtld_now | load_mode::rtld_global |
               static_cast<load_mode::type>(RTLD_NODELETE);
    }
    return load_mode::rtld_now | load_mode::rtld_local;
}

// The linker's reason, without the file name that it may start with.
std::string linkerText(const std::string &file)
{
    const char *text = dlerror();
    std::string_view reason = text == nullptr ? "the linker gives no reason" : text;
    if (reason.starts_with(file) && reason.substr(file.size()).starts_with(": ")) {
        reason.remove_prefix(file.size() + 2);
    }
    return std::string(reason);
}

// The same file with "./" in its path as often as it says.
std::string spelled(std::string file, unsigned spelling)
{
    const std::size_t name = file.rfind('/') + 1;
    for (; spelling > 0; spelling--) {
        file.insert(name, "./");
    }
    return file;
}

// Before the table is read: is there one, as far as the file's symbol table says?
std::string symbolFault(const void *symbol)
{
    constexpr std::size_t kHead = offsetof(pb_module, kind); // versions and size
    Dl_info info{};
    void *extra = nullptr;
    if (dladdr1(symbol, &info, &extra, RTLD_DL_SYMENT) == 0 || extra == nullptr) {
        return "its symbol " PB_MODULE_SYMBOL " is not in the file";
    }
    const auto *entry = static_cast<const ElfW(Sym) *>(extra);
    const bool aligned = reinterpret_cast<std::uintptr_t>(symbol) % alignof(pb_module) == 0;
    if (ELF64_ST_TYPE(entry->st_info) != STT_OBJECT || entry->st_size < kHead || !aligned) {
        return "its symbol " PB_MODULE_SYMBOL " is no table: it must be a pb_module itself";
    }
    std::uint32_t claimed = 0;
    const auto *bytes = static_cast<const unsigned char *>(symbol);
    std::memcpy(&claimed, bytes + offsetof(pb_module, struct_size), sizeof claimed);
    if (claimed > entry->st_size) {
        return "its descriptor claims " + std::to_string(claimed) + " bytes and has " +
               std::to_string(entry->st_size);
    }
    return {};
}

} // namespace

std::shared_ptr<const LoadedModule> LoadedModule::load(const std::string &file, LoadAs how,
                                                       unsigned spelling)
{
    std::error_code ec;
    const std::string path = spelled(file, spelling);
    auto library = std::make_shared<shared_library>(path, ec, modeOf(how));
    if (ec) {
        throw BrokenModule(file, {"load", "cannot be loaded: " + linkerText(path)});
    }
    if (!library->has(PB_MODULE_SYMBOL)) {
        throw BrokenModule(file, {"symbol", "is no module: it has no symbol " PB_MODULE_SYMBOL});
    }
    Fault fault{"symbol", symbolFault(&library->get<const unsigned char>(PB_MODULE_SYMBOL))};
    const pb_module *descriptor = nullptr;
    if (fault.empty()) {
        descriptor = &library->get<const pb_module>(PB_MODULE_SYMBOL);
        fault = descriptorFault(*descriptor);
    }
    if (!fault.empty()) {
        throw BrokenModule(file, fault);
    }
    return std::shared_ptr<const LoadedModule>(
        new LoadedModule(file, std::shared_ptr<const pb_module>(library, descriptor)));
}

std::string LoadedModule::listenerScheme() const
{
    if (descriptor_->kind != PB_KIND_LISTENER) {
        throw Error(file_ + ": is no listener module");
    }
    return static_cast<const pb_listener_ops *>(descriptor_->ops)->scheme;
}

} // namespace patchbay::modules
