// [control] /certificates: descriptions of certificates, uploads, removals (control-api.md 5). See
// resources.hpp.
#include "base/log.hpp"
#include "router/api/certificate_info.hpp"
#include "router/api/resources.hpp"
#include "json/edit.hpp"

namespace patchbay::api {
namespace {

Answer doesNotExist()
{
    return Answer::error(404, "Certificate doesn't exist.");
}

// path: below /certificates.
Answer show(const CertificateStore &store, const std::string &name, const json::Path &path)
{
    const json::Value *info = store.find(name);
    if (info == nullptr) {
        return doesNotExist();
    }
    const json::Value *part = json::at(*info, path);
    return part != nullptr ? Answer::of(200, *part) : Answer::error(404, "Invalid path.");
}

// Has main do it; why it did not is the detail.
Answer carryOut(const std::function<control::Failure()> &act, std::string_view done,
                std::string_view failed)
{
    control::Failure failure;
    try {
        failure = act();
    } catch (const control::Stopping &) {
        throw;
    } catch (const Error &error) {
        failure = {EIO, error.what()};
    }
    if (failure.error == 0) {
        return Answer::success(done);
    }
    log::alert("%s %s", std::string(failed).c_str(), failure.text.c_str());
    return Answer::error(500, failed, failure.text);
}

} // namespace

void Resources::certificates(Request request, const Respond &respond)
{
    std::string name = request.sent.size() > 1 ? request.sent[1] : std::string();
    if (request.method == "GET") {
        respond(name.empty() ? Answer::of(200, parts_.certificates.list())
                             : show(parts_.certificates, name,
                                    {request.path.begin() + 2, request.path.end()}));
    } else if (request.method != "PUT" && request.method != "DELETE") {
        respond(Answer::error(405, "Invalid method."));
    } else if (request.path.size() > 2 || !CertificateStore::isName(name)) {
        respond(Answer::error(400, "Invalid certificate name."));
    } else if (request.method == "PUT") {
        uploadCertificate(std::move(request), name, respond);
    } else {
        enqueue(request, respond, [this, name, uid = request.uid, dry = request.dryRun()] {
            return removeCertificate(name, uid, dry);
        });
    }
}

void Resources::uploadCertificate(Request request, const std::string &name, const Respond &respond)
{
    auto pem = std::make_shared<const SecretText>(std::move(request.body));
    bool replace = request.asks("replace");
    bool dry = request.dryRun();
    enqueue(request, respond, [this, name, pem, replace, dry, uid = request.uid] {
        CertificateStore &store = parts_.certificates;
        if (store.find(name) != nullptr && !replace) {
            return Answer::error(400, "Certificate already exists.");
        }
        json::Value info;
        try {
            info = certificateInfo(pem->view());
        } catch (const CertificateError &error) {
            return Answer::error(400, "Invalid certificate.", error.what());
        }
        if (dry) {
            return Answer::success("Certificate is valid.");
        }
        log::notice("upload of certificate \"%s\" by %s", name.c_str(),
                    control::userText(uid).c_str());
        return carryOut([&] { return store.store(name, std::move(info), *pem); },
                        "Certificate chain uploaded.", "Failed to store certificate.");
    });
}

Answer Resources::removeCertificate(const std::string &name, std::uint32_t uid, bool dry)
{
    const control::ActiveConfig *active = parts_.controller.active();
    if (active != nullptr && certificateInUse(active->document.root, name)) {
        return Answer::error(400, "Certificate is used in the configuration.");
    }
    if (parts_.certificates.find(name) == nullptr) {
        return doesNotExist();
    }
    if (dry) {
        return Answer::success("Certificate can be deleted.");
    }
    log::notice("removal of certificate \"%s\" by %s", name.c_str(),
                control::userText(uid).c_str());
    return carryOut([&] { return parts_.certificates.remove(name); }, "Certificate deleted.",
                    "Failed to delete certificate.");
}

} // namespace patchbay::api
