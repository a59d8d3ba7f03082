// config edit: the text as it is, the editor, and the changed text back; what is refused can be
// edited again, and is never lost.
#include "ctl/config_commands.hpp"
#include "ctl/console.hpp"
#include "ctl/editor.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/options.hpp"
#include "ctl/request_path.hpp"

namespace patchbay::ctl {
namespace {

constexpr int kChangedMeanwhile = 412;

bool isBlank(const std::string &text)
{
    return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

class Edit {
public:
    Edit(Context &context, std::string path, const Answer &original)
        : context_(context), path_(std::move(path)), original_(original), file_(original.text)
    {
    }

    // Whatever ends it, a text that is not in effect stays in the file.
    int run()
    {
        try {
            return editAndSend();
        } catch (const Error &) {
            keep();
            throw;
        }
    }

private:
    int editAndSend()
    {
        while (true) {
            runEditor(file_.path());
            const std::string text = file_.read();
            if (text == original_.text || isBlank(text)) {
                context_.console.say("Nothing was changed.");
                return kDone;
            }
            const SentText sent{file_.path(), text, pointerOf(path_)};
            const Answer answer = ask(context_, {"PUT", configTarget(path_), text, original_.etag},
                                      kNewConfiguration);
            const int code = finishAt(context_, answer, path_, &sent);
            if (answer.ok()) {
                return code;
            }
            if (!again(answer)) {
                keep();
                return code;
            }
        }
    }

    // Editing cannot help when somebody else was faster.
    bool again(const Answer &answer)
    {
        if (answer.status == kChangedMeanwhile) {
            context_.console.note("Somebody has changed it since you began: edit it anew.");
            return false;
        }
        return context_.console.interactive() && context_.console.confirm("Edit it again?");
    }

    void keep()
    {
        if (file_.read() != original_.text) {
            file_.keep();
            context_.console.complain("your text is in " + file_.path());
        }
    }

    Context &context_;
    std::string path_;
    const Answer &original_;
    EditFile file_;
};

} // namespace

int runConfigEdit(Context &context)
{
    const std::vector<std::string> &arguments = context.options.arguments;
    const std::string path = arguments.empty() ? "/" : arguments[0];
    const Answer original = ask(context, {"GET", configTarget(path)}, "the configuration");
    if (!original.ok()) {
        return refuseAt(context, original, path);
    }
    return Edit(context, path, original).run();
}

} // namespace patchbay::ctl
