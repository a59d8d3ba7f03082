// [control] The certificates that the state directory holds (control-api.md 5). Main has the texts;
// here are their descriptions only, no keys.
#pragma once

#include "base/secret_text.hpp"
#include "router/control/config_keeper.hpp"
#include "router/control/control_loop.hpp"
#include "json/value.hpp"

#include <map>
#include <string>
#include <string_view>

namespace patchbay::api {

class CertificateStore {
public:
    // Both outlive it.
    CertificateStore(control::ControlLoop &loop, control::ConfigKeeper &keeper)
        : loop_(loop), keeper_(keeper)
    {
    }
    CertificateStore(const CertificateStore &) = delete;
    CertificateStore &operator=(const CertificateStore &) = delete;

    // The first job: reads what is stored. What cannot be read is logged and left out.
    void load() noexcept;

    // Can be a certificate's name, and that of a file in the directory.
    static bool isName(std::string_view name) noexcept;

    // What may be asked at any time.
    const json::Value *find(const std::string &name) const; // null: there is none
    json::Value list() const;                               // name -> info, by name

    // Jobs; they return when main has done it, or why it could not. Throw Error, Stopping.

    // info: of pem. Replaces one of that name.
    control::Failure store(const std::string &name, json::Value info, const SecretText &pem);
    control::Failure remove(const std::string &name); // one that is there

private:
    void read(const std::string &name, std::string_view pem);

    control::ControlLoop &loop_;
    control::ConfigKeeper &keeper_;
    std::map<std::string, json::Value> infos_;
};

// Does a listener of the configuration (references resolved) use it?
bool certificateInUse(const json::Value &config, std::string_view name) noexcept;

} // namespace patchbay::api
