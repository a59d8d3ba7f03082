// [control] The paths of the control API (control-api.md 2) and what stands behind each. Reads are
// answered at once; changes become jobs, one after the other.
#pragma once

#include "module/catalog.hpp"
#include "router/api/async_jobs.hpp"
#include "router/api/certificate_store.hpp"
#include "router/api/message.hpp"
#include "router/control/config_service.hpp"
#include "router/control/job_queue.hpp"

namespace patchbay::api {

class Resources {
public:
    struct Parts {
        control::JobQueue &jobs;
        control::ConfigService &service;
        control::Controller &controller;
        control::ConfigKeeper &keeper;
        control::EngineSet &engines;
        control::Spawner &spawner;
        CertificateStore &certificates;
    };

    explicit Resources(Parts parts) : parts_(parts) {}
    Resources(const Resources &) = delete;
    Resources &operator=(const Resources &) = delete;

    void handle(Request request, const Respond &respond);

private:
    using Change = std::function<Answer()>;

    void dispatch(Request request, const Respond &respond);
    void read(const Request &request, const Respond &respond);
    Answer readiness() const;
    void overview(const Respond &respond);
    void config(Request request, const Respond &respond);
    void editConfig(Request request, const Respond &respond);
    void certificates(Request request, const Respond &respond);
    void uploadCertificate(Request request, const std::string &name, const Respond &respond);
    Answer removeCertificate(const std::string &name, std::uint32_t uid, bool dry);
    void status(const Request &request, const Respond &respond);
    void control(const Request &request, const Respond &respond);
    void restart(const Request &request, const Respond &respond);
    void reload(const Request &request, const Respond &respond);
    void history(const Request &request, const Respond &respond);
    void rollback(const Request &request, const Respond &respond);

    // Answers with what is made of the whole status, when the engines have said what they have.
    void withStatus(const Respond &respond, std::function<Answer(json::Value)> make);
    void enqueue(const Request &request, const Respond &respond, Change change);

    Parts parts_;
    AsyncJobs async_;
};

} // namespace patchbay::api
