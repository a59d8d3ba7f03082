// What the router asks of files: every question gets its answer, nonsense an error.
#include "main/file_service.hpp"

#include "base/error.hpp"
#include "ipc/bundle.hpp"
#include "main/files.hpp"
#include "main/temp_dir.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

using namespace patchbay;
using namespace patchbay::main_;
using ipc::MessageType;
using ipc::WireReader;
using ipc::WireWriter;
using test::TempDir;

namespace {

UniqueFd text(std::string_view content)
{
    return ipc::makeTextMemfd(content, "test");
}

struct Answer {
    MessageType type{};
    std::uint64_t request = 0;
    std::uint32_t number = 0; // errno, or the count of a history
    std::string rest;         // error text, or the history
    UniqueFd fd;
};

class Rig {
public:
    explicit Rig(const std::string &file = "") : files_(file), state_(dir_ / "state")
    {
        service_ = std::make_unique<FileService>(
            files_, state_,
            [this](MessageType type, std::string_view payload, std::span<const int> fds) {
                sent(type, payload, fds);
            },
            [this](int active, uid_t author, std::uint64_t modules) {
                active_ = ipc::readTextFd(active, 1000) + " by " + std::to_string(author) +
                          (modules == 0 ? "" : " with " + std::to_string(modules));
            });
    }

    Answer ask(MessageType type, const WireWriter &payload, UniqueFd fd = {})
    {
        ipc::Frame frame{type, payload.bytes(), {}};
        if (fd) {
            frame.fds.push_back(std::move(fd));
        }
        answer_.reset();
        CPPUNIT_ASSERT(service_->handle(frame));
        CPPUNIT_ASSERT(answer_.has_value());
        return std::move(*answer_);
    }

    Answer activate(std::string_view content, bool store, std::string_view origin = "api",
                    std::uint32_t keep = 10, std::uint64_t modules = 0)
    {
        WireWriter payload;
        payload.u64(7).u32(store ? 1 : 0).u32(33).u32(keep).str(origin).u64(modules);
        return ask(MessageType::activate, payload, text(content));
    }

    const TempDir &dir() const { return dir_; }
    const StateStore &state() const { return state_; }
    FileService &service() { return *service_; }
    const std::string &active() const { return active_; }

private:
    void sent(MessageType type, std::string_view payload, std::span<const int> fds)
    {
        CPPUNIT_ASSERT(!answer_ && fds.size() <= 1);
        CPPUNIT_ASSERT(payload.size() <= ipc::Channel::kMaxPayload);
        WireReader reader(payload);
        Answer answer;
        answer.type = type;
        answer.request = reader.u64();
        answer.number = reader.u32();
        answer.rest = type == MessageType::historyListed ? payload.substr(12) : reader.str();
        CPPUNIT_ASSERT(type == MessageType::historyListed || reader.atEnd());
        if (!fds.empty()) {
            answer.fd.reset(fcntl(fds[0], F_DUPFD_CLOEXEC, 3));
        }
        answer_ = std::move(answer);
    }

    TempDir dir_;
    ConfigFiles files_;
    StateStore state_;
    std::unique_ptr<FileService> service_;
    std::optional<Answer> answer_;
    std::string active_;
};

void assertFailed(const Answer &answer, MessageType type, int number, const std::string &message)
{
    CPPUNIT_ASSERT(answer.type == type);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, answer.request);
    CPPUNIT_ASSERT_EQUAL(static_cast<std::uint32_t>(number), answer.number);
    CPPUNIT_ASSERT_EQUAL(message, answer.rest);
    CPPUNIT_ASSERT(!answer.fd);
}

WireWriter seven()
{
    WireWriter payload;
    payload.u64(7);
    return payload;
}

} // namespace

class FileServiceTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FileServiceTest);
    CPPUNIT_TEST(testReadConfig);
    CPPUNIT_TEST(testReadConfigErrors);
    CPPUNIT_TEST(testReadFile);
    CPPUNIT_TEST(testActivate);
    CPPUNIT_TEST(testActivateInFileMode);
    CPPUNIT_TEST(testActivateErrors);
    CPPUNIT_TEST(testUntrustedTexts);
    CPPUNIT_TEST(testHistory);
    CPPUNIT_TEST(testLongHistory);
    CPPUNIT_TEST(testItems);
    CPPUNIT_TEST(testOtherMessages);
    CPPUNIT_TEST_SUITE_END();

public:
    void testReadConfig()
    {
        TempDir dir;
        test::writeFile(dir / "c.json", "{}");
        Rig rig(dir / "c.json");
        Answer answer = rig.ask(MessageType::readConfig, seven());
        CPPUNIT_ASSERT(answer.type == MessageType::filesRead && answer.request == 7);
        CPPUNIT_ASSERT(answer.number == 0 && answer.rest.empty());
        auto texts = ipc::readBundle(answer.fd.get(), 100);
        CPPUNIT_ASSERT(texts.size() == 1 && texts[0].name == dir / "c.json");
    }

    void testReadConfigErrors()
    {
        Rig none;
        assertFailed(none.ask(MessageType::readConfig, seven()), MessageType::filesRead, ENOENT,
                     "There is no configuration file.");
        Rig missing("/nonexistent/c.json");
        assertFailed(missing.ask(MessageType::readConfig, seven()), MessageType::filesRead, ENOENT,
                     "The configuration file \"/nonexistent/c.json\" cannot be opened: No such "
                     "file or directory.");
    }

    void testReadFile()
    {
        Rig rig;
        test::writeFile(rig.dir() / "secret", "key");
        Answer answer = rig.ask(MessageType::readFile, seven().str(rig.dir() / "secret"));
        CPPUNIT_ASSERT(answer.type == MessageType::fileRead && answer.number == 0);
        CPPUNIT_ASSERT_EQUAL(std::string("key"), ipc::readTextFd(answer.fd.get(), 10));
        assertFailed(rig.ask(MessageType::readFile, seven().str("secret")), MessageType::fileRead,
                     EINVAL, "The file \"secret\" has no absolute path.");
        Answer tooLong =
            rig.ask(MessageType::readFile, seven().str("/" + std::string(50'000, 'x')));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{ENAMETOOLONG}, tooLong.number);
        CPPUNIT_ASSERT(tooLong.rest.size() <= 4096);
    }

    void testActivate()
    {
        Rig rig;
        assertFailed(rig.activate("{\"a\":1}", true), MessageType::stored, 0, "");
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1} by 33"), rig.active());
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"),
                             test::readFile(rig.dir() / "state/conf.json"));
        CPPUNIT_ASSERT_EQUAL(std::string("13500"), test::readFile(rig.dir() / "state/version"));
        std::vector<Version> versions = rig.state().history().list();
        CPPUNIT_ASSERT(versions.size() == 1 && versions[0].author == 33);
        CPPUNIT_ASSERT(versions[0].origin == "api" && versions[0].time > 1'700'000'000);
        assertFailed(rig.activate("{}", false), MessageType::stored, 0, "");
        CPPUNIT_ASSERT_EQUAL(std::string("{} by 33"), rig.active());
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":1}"),
                             test::readFile(rig.dir() / "state/conf.json"));
        CPPUNIT_ASSERT_EQUAL(0U, rig.activate("{}", true, "api", 0).number);
        CPPUNIT_ASSERT(rig.state().history().list().empty());
        CPPUNIT_ASSERT_EQUAL(0U, rig.activate("{}", false, "modules", 10, 5).number);
        CPPUNIT_ASSERT_EQUAL(std::string("{} by 33 with 5"), rig.active());
    }

    void testActivateInFileMode()
    {
        Rig rig("/etc/c.json");
        CPPUNIT_ASSERT_EQUAL(0U, rig.activate("{}", true, "file").number);
        CPPUNIT_ASSERT_EQUAL(std::string("history"), test::namesOf(rig.dir() / "state"));
        CPPUNIT_ASSERT_EQUAL(mode_t{0700}, test::modeOf(rig.dir() / "state"));
    }

    void testActivateErrors()
    {
        Rig rig;
        makeDirectory(rig.dir() / "state/conf.json", 0700);
        // The history is written even so; what comes first is said.
        assertFailed(rig.activate("{}", true), MessageType::stored, EISDIR,
                     "The file \"" + rig.dir() / "state/conf.json" +
                         "\" cannot be written: Is a directory.");
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rig.state().history().list().size());
        CPPUNIT_ASSERT_EQUAL(std::string("{} by 33"), rig.active());
        std::filesystem::remove_all(rig.dir() / "state");
        makeDirectory(rig.dir() / "state", 0700);
        test::writeFile(rig.dir() / "state/history", "a file");
        assertFailed(rig.activate("{}", true), MessageType::stored, ENOTDIR,
                     "The directory \"" + rig.dir() / "state/history" +
                         "\" cannot be opened: Not a directory.");
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), test::readFile(rig.dir() / "state/conf.json"));
        assertFailed(rig.activate("{\"b\":2}", true, "../x"), MessageType::stored, EINVAL,
                     "\"../x\" is no origin of a configuration.");
        CPPUNIT_ASSERT_EQUAL(std::string("{\"b\":2}"),
                             test::readFile(rig.dir() / "state/conf.json"));
    }

    void testUntrustedTexts()
    {
        Rig rig;
        WireWriter payload = seven();
        payload.u32(1).u32(0).u32(10).str("api").u64(0);
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, pipe2(ends, O_CLOEXEC));
        UniqueFd writer(ends[1]);
        Answer pipe = rig.ask(MessageType::activate, payload, UniqueFd(ends[0]));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{EINVAL}, pipe.number);
        Answer open = rig.ask(MessageType::activate, payload,
                              UniqueFd(memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{EINVAL}, open.number);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{EINVAL}, rig.ask(MessageType::activate, payload).number);
        Answer large = rig.ask(MessageType::activate, payload,
                               text(std::string(ipc::kMaxConfigText + 1, ' ')));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{EINVAL}, large.number);
        CPPUNIT_ASSERT(rig.active().empty());
        CPPUNIT_ASSERT(access((rig.dir() / "state").c_str(), F_OK) != 0);
    }

    void testHistory()
    {
        Rig rig;
        Answer empty = rig.ask(MessageType::listHistory, seven());
        CPPUNIT_ASSERT(empty.type == MessageType::historyListed && empty.number == 0);
        rig.activate("{}", true, "upload");
        rig.activate("{\"a\":1}", true);
        Answer two = rig.ask(MessageType::listHistory, seven());
        CPPUNIT_ASSERT_EQUAL(2U, two.number);
        WireReader reader(two.rest);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, reader.u64());
        CPPUNIT_ASSERT(reader.u64() > 1'700'000'000);
        CPPUNIT_ASSERT_EQUAL(33U, reader.u32());
        CPPUNIT_ASSERT_EQUAL(std::string("api"), std::string(reader.str()));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, reader.u64());
        Answer first = rig.ask(MessageType::readHistory, seven().u64(1));
        CPPUNIT_ASSERT(first.type == MessageType::fileRead && first.number == 0);
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), ipc::readTextFd(first.fd.get(), 10));
        assertFailed(rig.ask(MessageType::readHistory, seven().u64(UINT64_MAX)),
                     MessageType::fileRead, ENOENT, "There is no version 18446744073709551615.");
        std::filesystem::remove_all(rig.dir() / "state/history");
        test::writeFile(rig.dir() / "state/history", "a file"); // logged; the answer is empty
        CPPUNIT_ASSERT_EQUAL(0U, rig.ask(MessageType::listHistory, seven()).number);
    }

    void testLongHistory()
    {
        Rig rig;
        makeDirectory(rig.dir() / "state/history", 0700);
        for (int i = 1; i <= 3000; i++) {
            char name[64];
            std::snprintf(name, sizeof name, "state/history/%06d-1-0-sixteen--letters.json", i);
            test::writeFile(rig.dir() / name, "");
        }
        Answer answer = rig.ask(MessageType::listHistory, seven());
        CPPUNIT_ASSERT(answer.number > 1000 && answer.number < 3000);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3000}, WireReader(answer.rest).u64());
        CPPUNIT_ASSERT_EQUAL(answer.number * std::size_t{40}, answer.rest.size());
    }

    void testItems()
    {
        Rig rig;
        WireWriter store = seven();
        store.str("certs").str("a%2Fb");
        assertFailed(rig.ask(MessageType::storeItem, store, text("PEM")), MessageType::stored, 0,
                     "");
        Answer area = rig.ask(MessageType::readArea, seven().str("certs"));
        CPPUNIT_ASSERT(area.type == MessageType::filesRead && area.number == 0);
        auto items = ipc::readBundle(area.fd.get(), 100);
        CPPUNIT_ASSERT(items.size() == 1 && items[0].name == "a%2Fb" && items[0].text == "PEM");
        CPPUNIT_ASSERT_EQUAL(0U, rig.ask(MessageType::removeItem, store).number);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{ENOENT}, rig.ask(MessageType::removeItem, store).number);
        WireWriter outside = seven();
        outside.str("certs").str("../x");
        assertFailed(rig.ask(MessageType::storeItem, outside, text("PEM")), MessageType::stored,
                     EINVAL, "\"../x\" cannot be the name of a file.");
        assertFailed(rig.ask(MessageType::readArea, seven().str("history")), MessageType::filesRead,
                     EINVAL, "There is no area \"history\" of stored items.");
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{EINVAL},
                             rig.ask(MessageType::storeItem, store).number); // without its text
    }

    void testOtherMessages()
    {
        Rig rig;
        ipc::Frame other{MessageType::routerReady, {}, {}};
        CPPUNIT_ASSERT(!rig.service().handle(other));
        for (MessageType type :
             {MessageType::activate, MessageType::readConfig, MessageType::readFile,
              MessageType::listHistory, MessageType::readHistory, MessageType::storeItem,
              MessageType::removeItem, MessageType::readArea}) {
            ipc::Frame shortFrame{type, "1234", {}};
            CPPUNIT_ASSERT_THROW(rig.service().handle(shortFrame), Error);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FileServiceTest);
