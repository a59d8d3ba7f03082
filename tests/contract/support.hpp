// What the contract tests share.
#pragma once

#include "patchbay/abi.h"

#include "module/loader.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace contract {

inline std::string modulePath(std::string_view name)
{
    return std::string(PB_CONTRACT_MODULES "/") + std::string(name) + ".so";
}

inline std::shared_ptr<const patchbay::modules::LoadedModule> load(std::string_view name)
{
    return patchbay::modules::LoadedModule::load(modulePath(name));
}

// The text of the Error that `action` throws; "" if it throws none.
template <class Action>
std::string errorOf(Action action)
{
    try {
        action();
    } catch (const patchbay::Error &e) {
        return e.what();
    }
    return {};
}

inline pb_str str(std::string_view text)
{
    return {text.data(), text.size()};
}

// A host that keeps what modules log.
struct TestHost {
    std::vector<std::string> lines;
    pb_host table{sizeof(pb_host), PB_ABI_MINOR, "Patchbay", "Patchbay/0.1.0",
                  "patchbay",      this,         &write};

private:
    static void write(void *context, std::uint32_t, pb_str message)
    {
        static_cast<TestHost *>(context)->lines.emplace_back(message.data, message.size);
    }
};

// A directory that goes with the test.
class TempDir {
public:
    TempDir()
    {
        std::string name = std::filesystem::temp_directory_path() / "patchbay-contract-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~TempDir() { std::filesystem::remove_all(path_); }
    TempDir(const TempDir &) = delete;
    TempDir &operator=(const TempDir &) = delete;

    const std::string &path() const { return path_; }
    std::string copy(const std::string &from, std::string_view as) const
    {
        const std::string to = path_ + "/" + std::string(as);
        std::filesystem::copy_file(from, to);
        return to;
    }

private:
    std::string path_;
};

} // namespace contract
