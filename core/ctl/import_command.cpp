// import-unit: takes over NGINX Unit's state directory: certs/* first, since conf.json names them.
#include "ctl/config_commands.hpp"
#include "ctl/console.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/input.hpp"
#include "ctl/options.hpp"
#include "ctl/printable.hpp"
#include "ctl/request_path.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace patchbay::ctl {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kVersionOfUri = 12600; // from it on, `share` contains $uri

class Import {
public:
    Import(Context &context, fs::path directory)
        : context_(context), directory_(std::move(directory))
    {
    }

    int run()
    {
        const Input configuration = readConfiguration();
        noteVersion();
        for (const std::string &name : filesIn("certs")) {
            uploadCertificate(name);
        }
        for (const std::string &name : filesIn("scripts")) {
            leftOut("script \"" + printable(name) + "\"", "Patchbay runs no JavaScript modules");
        }
        const bool replaced = isConfigured();
        const SentText sent{configuration.name, configuration.text, ""};
        const Answer answer =
            ask(context_, {"PUT", "/config", configuration.text}, kNewConfiguration);
        const int code = finish(context_, answer, "configuration: taken over", &sent);
        if (!answer.ok()) {
            context_.console.note("The configuration was not taken over. Correct a copy of " +
                                  configuration.name + " and send it: patchbayctl config set / " +
                                  "@COPY");
            return code;
        }
        if (replaced) {
            context_.console.note("It replaced the one that was there; \"patchbayctl rollback\" "
                                  "brings that back.");
        }
        return code == kDone && incomplete_ ? kDegraded : code;
    }

private:
    Input readConfiguration()
    {
        const fs::path file = directory_ / "conf.json";
        std::error_code error;
        if (!fs::exists(file, error)) {
            throw Error("there is no " + file.string() +
                        (error ? ": " + error.message() : std::string()) +
                        ". STATEDIR is what unitd --help tells as the default of --statedir, or "
                        "what it was started with.");
        }
        return readInput(file.string());
    }

    // "13500\n": the version of Unit that wrote it.
    void noteVersion()
    {
        std::error_code ignored;
        const fs::path file = directory_ / "version";
        if (!fs::exists(file, ignored)) {
            return;
        }
        const std::string text = readInput(file.string()).text;
        unsigned version = 0;
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), version);
        if (error == std::errc() && version < kVersionOfUri) {
            leftOut("the change of \"share\" values",
                    "Unit before 1.26 wrote them without $uri: append it to each");
        }
    }

    // Names of the plain files there, sorted; none when there is no such directory.
    std::vector<std::string> filesIn(const char *area)
    {
        std::vector<std::string> names;
        std::error_code error;
        const fs::path directory = directory_ / area;
        for (fs::directory_iterator it(directory, error), end; !error && it != end;
             it.increment(error)) {
            if (it->is_regular_file(error)) {
                names.push_back(it->path().filename().string());
            }
        }
        if (error && error != std::errc::no_such_file_or_directory) {
            leftOut(directory.string(), error.message());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    void uploadCertificate(const std::string &name)
    {
        const std::string what = "certificate \"" + printable(name) + "\"";
        // The file is named as the certificate was in the request that uploaded it.
        if (encodePart(name) != name && name.find('%') == std::string::npos) {
            leftOut(what, "its name cannot be part of a request");
            return;
        }
        Input pem;
        try {
            pem = readInput((directory_ / "certs" / name).string());
        } catch (const Error &error) {
            leftOut(what, error.what());
            return;
        }
        const Answer answer = ask(context_, {"PUT", "/certificates/" + name, pem.text}, what);
        if (answer.ok()) {
            context_.console.say(what + ": uploaded");
        } else if (answer.value.stringOf("error") == "Certificate already exists.") {
            context_.console.say(what + ": is there already, skipped");
        } else {
            leftOut(what, errorText(answer.value, nullptr));
        }
    }

    bool isConfigured()
    {
        const Answer current = ask(context_, {"GET", "/config"}, "the configuration");
        return current.ok() && !current.value.members().empty();
    }

    void leftOut(const std::string &what, const std::string &why)
    {
        context_.console.complain(what + ": not taken over: " + why);
        incomplete_ = true;
    }

    Context &context_;
    fs::path directory_;
    bool incomplete_ = false; // something was left out
};

} // namespace

int runImportUnit(Context &context)
{
    return Import(context, context.options.arguments[0]).run();
}

} // namespace patchbay::ctl
