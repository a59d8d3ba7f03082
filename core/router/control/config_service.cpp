// [control] See config_service.hpp. Before: api or main_channel; after: reconfigure.
#include "router/control/config_service.hpp"

#include "base/log.hpp"
#include "router/control/await.hpp"
#include "json/diff.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace patchbay::control {
namespace {

using Kind = EditError::Kind;

constexpr const char *kModules = "modules"; // origin of a change of nothing else

// What GET /config shows before there has been any configuration.
const json::Value &emptyConfig()
{
    static const json::Value empty =
        json::read(R"({"listeners":{},"routes":[],"applications":{}})");
    return empty;
}

// What is in effect is stored as text and read again one day: an edit must not make a document that
// is too large or too deep for that.
json::Value readAgain(const json::Value &root)
{
    try {
        return json::read(json::writeCompact(root));
    } catch (const json::ReadError &error) {
        json::Problem problem;
        problem.detail = error.what();
        throw ConfigError(ConfigError::Stage::validation, {}, {std::move(problem)});
    }
}

// RFC 9110, 13.1.1: "*", or a list of tags; without the field anything goes.
bool matches(std::string_view field, const std::string &tag)
{
    bool any = field.empty();
    while (!field.empty()) {
        std::size_t end = std::min(field.find(','), field.size());
        std::string_view one = field.substr(0, end);
        one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
        one = one.substr(0, one.find_last_not_of(" \t") + 1);
        any = any || one == "*" || one == tag;
        field.remove_prefix(std::min(end + 1, field.size()));
    }
    return any;
}

// Each problem is a line of its own. What somebody typed is his to know; what the files say, or
// what could not be done, is the operator's.
void logRefusal(const std::exception &error, const Author &author)
{
    const auto *config = dynamic_cast<const ConfigError *>(&error);
    bool typed =
        author.origin == "api" && config != nullptr && config->stage() != ConfigError::Stage::apply;
    for (std::string_view rest = error.what(); !rest.empty();) {
        std::size_t end = std::min(rest.find('\n'), rest.size());
        log::write(typed ? log::Level::notice : log::Level::alert, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!typed) {
        log::alert("failed to apply new conf: the running configuration stays");
    }
}

json::Value describe(const std::vector<json::Difference> &differences)
{
    json::Value list = json::Value::array();
    for (const json::Difference &difference : differences) {
        json::Value item = json::Value::object();
        item.add("pointer", json::Value::string(difference.pointer));
        if (difference.before != nullptr) {
            item.add("before", *difference.before);
        }
        if (difference.after != nullptr) {
            item.add("after", *difference.after);
        }
        list.append(std::move(item));
    }
    return list;
}

} // namespace

ConfigService::ConfigService(ControlLoop &loop, Controller &controller, ConfigKeeper &keeper,
                             std::string configFile)
    : loop_(loop), controller_(controller), keeper_(keeper), configFile_(std::move(configFile))
{
}

const json::Value &ConfigService::declared() const noexcept
{
    const ActiveConfig *active = controller_.active();
    return active != nullptr ? active->document.declared.root : emptyConfig();
}

const std::string &ConfigService::tag() const noexcept
{
    static const std::string none = "\"0\"";
    const ActiveConfig *active = controller_.active();
    return active != nullptr ? active->tag : none;
}

std::vector<std::string> ConfigService::drift() const
{
    std::vector<std::string> pointers;
    if (files_) {
        for (json::Difference &difference : json::differences(*files_, declared())) {
            pointers.push_back(std::move(difference.pointer));
        }
    }
    return pointers;
}

template <class Change>
auto ConfigService::noted(const Author &author, bool dryRun, const Change &change)
{
    try {
        return change();
    } catch (const EditError &error) {
        if (error.kind() == Kind::unreadable && !dryRun) {
            logRefusal(error, author);
        }
        throw;
    } catch (const Stopping &) {
        throw;
    } catch (const std::exception &error) {
        if (!dryRun) {
            logRefusal(error, author);
        }
        throw;
    }
}

Outcome ConfigService::edit(const Edit &edit, const std::string &ifMatch, const Author &author,
                            bool dryRun)
{
    if (!matches(ifMatch, tag())) {
        throw EditError(Kind::conflict, "The configuration has changed.");
    }
    const ActiveConfig *active = controller_.active();
    if (fileMode() && !dryRun && (active == nullptr || !active->document.apiMayEdit)) {
        throw EditError(Kind::fromFiles,
                        "Change \"" + configFile_ +
                            "\" and reload, or allow edits in it: \"settings\": {\"control\": "
                            "{\"edits\": \"allow\"}}.");
    }
    return noted(author, dryRun, [&] {
        json::Value root = declared();
        edit(root);
        return put(declare(readAgain(root)), Controller::Demand::everything, author, dryRun, {});
    });
}

Outcome ConfigService::reload(std::uint32_t uid, bool dryRun)
{
    const Author author{uid, fileMode() ? "file" : kModules};
    return noted(author, dryRun, [&] {
        DeclaredConfig declared = fileMode() ? readFiles() : declare(this->declared());
        json::Value files = declared.root;
        Outcome outcome =
            put(std::move(declared), Controller::Demand::listeners, author, dryRun, findModules());
        if (!dryRun && fileMode()) {
            files_ = std::move(files);
        }
        return outcome;
    });
}

Outcome ConfigService::rollback(std::uint64_t id, const Author &author, bool dryRun)
{
    return noted(author, dryRun, [&] {
        auto [failure, text] = await<Failure, std::string>(
            loop_, [&](ConfigKeeper::File answer) { keeper_.readHistory(id, std::move(answer)); });
        if (failure.error != 0) {
            throw EditError(failure.error == ENOENT ? Kind::notFound : Kind::unreadable,
                            failure.text);
        }
        return put(readConfiguration({{"version " + std::to_string(id), std::move(text)}}),
                   Controller::Demand::listeners, author, dryRun, {});
    });
}

void ConfigService::restart(const std::string &application, const Author &author)
{
    const ActiveConfig *active = controller_.active();
    if (active == nullptr || !active->base.applications.contains(application)) {
        throw EditError(Kind::notFound, "There is no application \"" + application + "\".");
    }
    log::notice("restart of application \"%s\" by %s", application.c_str(),
                userText(author.uid).c_str());
    noted(author, false, [&] { controller_.restart(application); });
}

void ConfigService::begin(ipc::ConfigOrigin origin, std::vector<ipc::NamedText> texts,
                          std::uint32_t uid)
{
    if (texts.empty()) {
        texts.push_back({"", json::writeCompact(emptyConfig())});
    }
    DeclaredConfig declared = readConfiguration(std::move(texts));
    bool fromFiles = origin == ipc::ConfigOrigin::file;
    json::Value files = declared.root;
    controller_.apply(std::move(declared),
                      fromFiles ? Controller::Demand::listeners : Controller::Demand::whateverRuns);
    keep({uid, "file"}, fromFiles);
    if (fromFiles) {
        files_ = std::move(files);
    } else if (fileMode()) { // a new router: what the files say is needed to see a drift
        try {
            files_ = readFiles().root;
        } catch (const Error &error) {
            log::warn("%s", error.what());
        }
    }
}

DeclaredConfig ConfigService::readFiles()
{
    auto [failure, texts] = await<Failure, std::vector<ipc::NamedText>>(
        loop_, [&](ConfigKeeper::Files answer) { keeper_.readConfig(std::move(answer)); });
    if (failure.error != 0) {
        throw EditError(Kind::unreadable, failure.text);
    }
    return readConfiguration(std::move(texts));
}

ConfigService::Found ConfigService::findModules()
{
    bool always = !controller_.catalog().rejected.empty();
    auto [failure, id, manifest] =
        await<Failure, std::uint64_t, std::string>(loop_, [&](ConfigKeeper::Modules answer) {
            keeper_.discoverModules(always, std::move(answer));
        });
    if (failure.error != 0) {
        throw EditError(Kind::unreadable, failure.text);
    }
    if (manifest.empty()) {
        return {};
    }
    return {id, std::make_shared<const modules::Catalog>(modules::parseManifest(manifest))};
}

Outcome ConfigService::put(DeclaredConfig declared, Controller::Demand demand, const Author &author,
                           bool dryRun, Found found)
{
    Outcome outcome;
    if (dryRun) {
        outcome.changed = describe(json::differences(this->declared(), declared.root));
        outcome.plan = controller_.plan(std::move(declared), std::move(found.modules));
        return outcome;
    }
    log::notice("configuration change (%s) by %s", author.origin.c_str(),
                userText(author.uid).c_str());
    controller_.apply(std::move(declared), demand, std::move(found.modules));
    keep(author, author.origin != kModules, found.id);
    if (storeErrno_ != 0) {
        outcome.warning =
            "The configuration is active but could not be stored: " + errnoText(storeErrno_) + ".";
    }
    const Ailments &ailments = controller_.active()->ailments;
    if (demand == Controller::Demand::listeners) { // an edit speaks of what it has changed
        outcome.degraded = ailments.failing;
    }
    for (const FailedApplication &failed : ailments.applications) {
        outcome.degraded.push_back(failed.wanted->name());
    }
    for (const LeftOut &out : ailments.leftOut) {
        auto &names = outcome.degraded;
        if (std::find(names.begin(), names.end(), out.name) == names.end()) {
            names.push_back(out.name);
        }
    }
    outcome.leftOut = ailments.leftOut;
    return outcome;
}

// The answer is given after main has stored it, or said why it could not.
void ConfigService::keep(const Author &author, bool store, std::uint64_t modules)
{
    since_ = std::chrono::system_clock::now();
    activate(author, store, modules);
    if (storeErrno_ != 0) {
        unstored_ = author;
        log::alert("failed to store current configuration: %s", storeError_.c_str());
    }
}

void ConfigService::storeAgain()
{
    if (storeErrno_ == 0) {
        return;
    }
    activate(unstored_, true, 0);
    if (storeErrno_ == 0) {
        log::notice("the current configuration is stored at last");
    }
}

void ConfigService::activate(const Author &author, bool store, std::uint64_t modules)
{
    const ActiveConfig &active = *controller_.active();
    Activation activation{active.text,   store,  author.uid, active.document.versionsKept,
                          author.origin, modules};
    Failure failure;
    try {
        std::tie(failure) = await<Failure>(loop_, [&](ConfigKeeper::Stored answer) {
            keeper_.activate(activation, std::move(answer));
        });
    } catch (const Stopping &) {
        throw;                           // whether it is stored, nobody will hear
    } catch (const SystemError &error) { // it is in effect all the same
        failure = {error.number(), error.what()};
    } catch (const Error &error) {
        failure = {EIO, error.what()};
    }
    storeErrno_ = failure.error;
    storeError_ = std::move(failure.text);
}

} // namespace patchbay::control
