// Main's answers to "which modules are there now?": the children that look are real.
#include "main/module_search.hpp"

#include "base/error.hpp"
#include "ipc/bundle.hpp"
#include "main/temp_dir.hpp"
#include "module/catalog.hpp"
#include "module/discovery.hpp"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>

using namespace patchbay;
using namespace patchbay::main_;
using ipc::MessageType;
using test::TempDir;

namespace fs = std::filesystem;

namespace {

struct Answer {
    std::uint64_t request = 0;
    int error = 0;
    std::string text;
    std::optional<modules::Catalog> found; // nothing: as before
};

} // namespace

class ModuleSearchTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ModuleSearchTest);
    CPPUNIT_TEST(nothingNewIsSaidAtOnce);
    CPPUNIT_TEST(filesComeChangeAndGo);
    CPPUNIT_TEST(whatIsNotAdoptedIsFoundAgain);
    CPPUNIT_TEST(brokenFilesAndTwins);
    CPPUNIT_TEST(aFolderThatCannotBeRead);
    CPPUNIT_TEST(oneAtATime);
    CPPUNIT_TEST(nobodyWaitsAnyMore);
    CPPUNIT_TEST(aChildThatIsKilled);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        dir_ = std::make_unique<TempDir>();
        fs::create_directory(folder());
        install("listener_tcp");
        begin();
    }
    void tearDown() override
    {
        search_->cancel();
        reap();
        CPPUNIT_ASSERT(answers_.empty());
        search_.reset();
        dir_.reset();
    }

    void nothingNewIsSaidAtOnce()
    {
        ask();
        Answer answer = next();
        CPPUNIT_ASSERT_EQUAL(0, answer.error);
        CPPUNIT_ASSERT_EQUAL(request_, answer.request);
        CPPUNIT_ASSERT(!answer.found);
        CPPUNIT_ASSERT(!search_->killAt()); // nobody was started
        CPPUNIT_ASSERT(!search_->adopted(request_));
        // What does not lie in the folder may have changed: then it is looked at all the same.
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp"), idsOf(look(true)));
    }

    void filesComeChangeAndGo()
    {
        install("listener_unix");
        modules::Catalog both = look();
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp listener.unix"), idsOf(both));
        CPPUNIT_ASSERT_EQUAL(idsOf(both), idsOf(adopt()));
        asBefore();

        install("listener_tcp"); // the same bytes, another file
        modules::Catalog changed = look();
        CPPUNIT_ASSERT_EQUAL(idsOf(both), idsOf(changed));
        CPPUNIT_ASSERT(!changed.modules[0].stamp.empty());
        CPPUNIT_ASSERT(changed.modules[0].stamp != both.modules[0].stamp);
        CPPUNIT_ASSERT_EQUAL(both.modules[1].stamp, changed.modules[1].stamp);
        adopt();
        asBefore();

        fs::remove(folder() + "/listener_tcp.so");
        CPPUNIT_ASSERT_EQUAL(std::string("listener.unix"), idsOf(look()));
        adopt();
        asBefore();

        test::writeFile(folder() + "/README", "no module"); // nobody's business
        asBefore();
    }

    // A refused configuration changes nothing, so the next reload must find it, too.
    void whatIsNotAdoptedIsFoundAgain()
    {
        install("listener_unix");
        look();
        std::uint64_t first = request_;
        look();
        CPPUNIT_ASSERT(!search_->adopted(first)); // that list is not there any more
        CPPUNIT_ASSERT(!search_->adopted(0));
        adopt();
        CPPUNIT_ASSERT(!search_->adopted(request_)); // it has been handed out
        asBefore();
    }

    void brokenFilesAndTwins()
    {
        test::writeFile(folder() + "/broken.so", "\x7f"
                                                 "ELF nonsense");
        install("listener_tcp", "another_tcp");
        modules::Catalog found = look();
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp"), idsOf(found));
        CPPUNIT_ASSERT_EQUAL(folder() + "/another_tcp.so", found.modules[0].file); // by name
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, found.rejected.size());
        CPPUNIT_ASSERT(found.rejected[0].starts_with(folder() + "/broken.so: cannot be loaded: "));
        CPPUNIT_ASSERT(
            found.rejected[1].starts_with(folder() + "/listener_tcp.so: is listener.tcp"));
    }

    void aFolderThatCannotBeRead()
    {
        fs::rename(folder(), folder() + ".away");
        for (int i = 0; i < 2; i++) { // that it was so before does not make it right
            ask();
            reap();
            Answer answer = next();
            CPPUNIT_ASSERT_EQUAL(EIO, answer.error);
            CPPUNIT_ASSERT(answer.text.starts_with("The modules of \"" + folder() +
                                                   "\" cannot be listed: the discovery process "));
            CPPUNIT_ASSERT(!answer.found);
        }
        fs::rename(folder() + ".away", folder());
        asBefore();
    }

    void oneAtATime()
    {
        install("listener_unix");
        ask();
        CPPUNIT_ASSERT_THROW(ask(), Error);
        CPPUNIT_ASSERT_THROW(askWith("too short"), Error);
        CPPUNIT_ASSERT(!search_->childEnded(getpid(), 0)); // another child of main
        reap();
        next();
    }

    // The router has died; the next one asks while the old child still looks.
    void nobodyWaitsAnyMore()
    {
        install("listener_unix");
        ask();
        search_->cancel();
        CPPUNIT_ASSERT(!search_->adopted(request_));
        CPPUNIT_ASSERT_EQUAL(std::string("listener.tcp listener.unix"), idsOf(look()));
        adopt();
    }

    void aChildThatIsKilled()
    {
        install("listener_unix");
        ask();
        CPPUNIT_ASSERT(search_->killAt().has_value());
        search_->kill();
        reap();
        Answer answer = next();
        CPPUNIT_ASSERT_EQUAL(EIO, answer.error);
        CPPUNIT_ASSERT(answer.text.find("signal 9") != std::string::npos);
        CPPUNIT_ASSERT(!search_->killAt());
        look();
    }

private:
    std::string folder() const { return *dir_ / "modules"; }

    void install(const std::string &name, const std::string &as = {})
    {
        const std::string target = folder() + "/" + (as.empty() ? name : as) + ".so";
        fs::copy_file(std::string(PB_MODULES_DIR "/") + name + ".so", target + ".dpkg-new");
        fs::rename(target + ".dpkg-new", target);
    }

    // As after a start: what lies there now is in use.
    void begin()
    {
        RouterProcess::Settings settings;
        settings.modulesDir = folder();
        settings.modulesSeen = modules::fingerprint(folder());
        search_ = std::make_unique<ModuleSearch>(
            settings, [this](MessageType type, std::string_view payload, std::span<const int> fds) {
                CPPUNIT_ASSERT(type == MessageType::discovered);
                ipc::WireReader reader(payload);
                Answer answer;
                answer.request = reader.u64();
                answer.error = static_cast<int>(reader.u32());
                answer.text = reader.str();
                CPPUNIT_ASSERT(reader.atEnd());
                if (!fds.empty()) {
                    answer.found =
                        modules::parseManifest(ipc::readTextFd(fds[0], modules::kMaxManifest));
                }
                answers_.push_back(std::move(answer));
            });
    }

    void askWith(const std::string &payload)
    {
        ipc::WireReader reader(payload);
        search_->handle(reader);
    }
    void ask(bool always = false)
    {
        askWith(ipc::WireWriter().u64(request_ + 1).u32(always ? 1 : 0).bytes());
        request_++;
    }
    // As main does on SIGCHLD.
    void reap()
    {
        int status = 0;
        pid_t pid;
        while ((pid = waitpid(-1, &status, 0)) > 0) {
            search_->childEnded(pid, status);
        }
    }
    Answer next()
    {
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, answers_.size());
        Answer answer = std::move(answers_[0]);
        answers_.clear();
        return answer;
    }
    // Asks, waits for the child, and returns what it found.
    modules::Catalog look(bool always = false)
    {
        ask(always);
        reap();
        Answer answer = next();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.text, 0, answer.error);
        CPPUNIT_ASSERT_EQUAL(request_, answer.request);
        CPPUNIT_ASSERT(answer.found);
        return std::move(*answer.found);
    }
    modules::Catalog adopt()
    {
        std::optional<std::string> manifest = search_->adopted(request_);
        CPPUNIT_ASSERT(manifest);
        return modules::parseManifest(*manifest);
    }
    void asBefore()
    {
        ask();
        Answer answer = next();
        CPPUNIT_ASSERT(answer.error == 0 && !answer.found);
    }
    static std::string idsOf(const modules::Catalog &catalog)
    {
        std::string ids;
        for (const modules::ModuleInfo &module : catalog.modules) {
            ids += (ids.empty() ? "" : " ") + module.id;
        }
        return ids;
    }

    std::unique_ptr<TempDir> dir_;
    std::unique_ptr<ModuleSearch> search_;
    std::uint64_t request_ = 0;
    std::vector<Answer> answers_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ModuleSearchTest);
