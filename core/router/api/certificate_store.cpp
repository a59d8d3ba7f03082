// [control] See certificate_store.hpp. Before: certificates_resource; after: main/file_service.
#include "router/api/certificate_store.hpp"

#include "base/log.hpp"
#include "router/api/certificate_info.hpp"
#include "router/control/await.hpp"
#include "json/location.hpp"

#include <cerrno>

namespace patchbay::api {
namespace {

using control::ConfigKeeper;
using control::Failure;

const std::string kArea = "certs";
constexpr std::size_t kMaxName = 255; // of file systems

bool names(const json::Value &certificate, std::string_view name) noexcept
{
    const auto &items = certificate.items();
    return (certificate.isString() && certificate.text() == name) ||
           std::any_of(items.begin(), items.end(),
                       [name](const json::Value &item) { return names(item, name); });
}

} // namespace

void CertificateStore::load() noexcept
{
    try {
        auto [failure, items] =
            control::await<Failure, std::vector<ipc::NamedText>>(loop_, [&](auto answer) {
                keeper_.readArea(kArea, ConfigKeeper::Files(std::move(answer)));
            });
        if (failure.error != 0) {
            log::alert("the certificates cannot be read: %s", failure.text.c_str());
        }
        for (ipc::NamedText &item : items) {
            SecretText pem(std::move(item.text));
            read(item.name, pem.view());
        }
    } catch (const control::Stopping &) {
        return; // they are not needed any more
    } catch (const std::exception &error) {
        log::alert("the certificates cannot be read: %s", error.what());
    }
}

void CertificateStore::read(const std::string &name, std::string_view pem)
{
    try {
        if (!isName(name)) {
            throw CertificateError("Its name is not valid.");
        }
        infos_[name] = certificateInfo(pem);
    } catch (const CertificateError &error) {
        log::alert("the certificate \"%s\" is left out: %s", name.c_str(), error.what());
    }
}

bool CertificateStore::isName(std::string_view name) noexcept
{
    if (name.empty() || name.size() > kMaxName || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
        return false;
    }
    while (!name.empty()) { // answers name it in JSON
        std::size_t size = json::utf8Length(name);
        if (size == 0) {
            return false;
        }
        name.remove_prefix(size);
    }
    return true;
}

const json::Value *CertificateStore::find(const std::string &name) const
{
    auto found = infos_.find(name);
    return found != infos_.end() ? &found->second : nullptr;
}

json::Value CertificateStore::list() const
{
    json::Value all = json::Value::object();
    for (const auto &[name, info] : infos_) {
        all.add(name, info);
    }
    return all;
}

Failure CertificateStore::store(const std::string &name, json::Value info, const SecretText &pem)
{
    auto [failure] = control::await<Failure>(loop_, [&](ConfigKeeper::Stored answer) {
        keeper_.storeItem(kArea, name, pem.view(), std::move(answer));
    });
    if (failure.error == 0) {
        infos_[name] = std::move(info);
    }
    return failure;
}

Failure CertificateStore::remove(const std::string &name)
{
    auto [failure] = control::await<Failure>(loop_, [&](ConfigKeeper::Stored answer) {
        keeper_.removeItem(kArea, name, std::move(answer));
    });
    if (failure.error == ENOENT) { // somebody was faster
        failure = {};
    }
    if (failure.error == 0) {
        infos_.erase(name);
    }
    return failure;
}

bool certificateInUse(const json::Value &config, std::string_view name) noexcept
{
    const json::Value *listeners = config.find("listeners");
    if (listeners == nullptr) {
        return false;
    }
    const auto &members = listeners->members();
    return std::any_of(members.begin(), members.end(), [name](const json::Member &listener) {
        const json::Value *tls = listener.value.find("tls");
        const json::Value *certificate = tls != nullptr ? tls->find("certificate") : nullptr;
        return certificate != nullptr && names(*certificate, name);
    });
}

} // namespace patchbay::api
