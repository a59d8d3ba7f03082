// Called by supervisor_router.cpp with the router's messages (ipc/message.hpp).
#include "main/file_service.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "ipc/bundle.hpp"
#include "main/files.hpp"

#include <cerrno>
#include <ctime>
#include <exception>
#include <new>

namespace patchbay::main_ {

using ipc::MessageType;

namespace {

constexpr std::size_t kMaxText = 4096; // of an error; it may quote a long path

struct Failure {
    int number = 0; // 0: none
    std::string text;
};

Failure tryTo(const std::function<void()> &call)
{
    try {
        call();
        return {};
    } catch (const FileError &error) {
        return {error.number(), error.what()};
    } catch (const SystemError &error) {
        return {error.number(), error.what()};
    } catch (const std::bad_alloc &) {
        return {ENOMEM, errnoText(ENOMEM)};
    } catch (const std::exception &error) {
        return {EINVAL, error.what()};
    }
}

// Checked: what main copies must neither change nor block meanwhile.
UniqueFd takeText(ipc::Frame &frame)
{
    if (frame.fds.size() != 1) {
        throw Error("a message came without its text");
    }
    ipc::sealedTextSize(frame.fds[0].get(), ipc::kMaxConfigText);
    return std::move(frame.fds[0]);
}

std::uint64_t now()
{
    return static_cast<std::uint64_t>(std::time(nullptr));
}

} // namespace

bool FileService::handle(ipc::Frame &frame)
{
    ipc::WireReader reader(frame.payload);
    switch (frame.type) {
    case MessageType::activate:
        return activate(reader, frame), true;
    case MessageType::readConfig:
        return readConfig(reader), true;
    case MessageType::readFile:
        return readFile(reader), true;
    case MessageType::listHistory:
        return listHistory(reader), true;
    case MessageType::readHistory:
        return readHistory(reader), true;
    case MessageType::storeItem:
        return storeItem(reader, frame), true;
    case MessageType::removeItem:
        return removeItem(reader), true;
    case MessageType::readArea:
        return readArea(reader), true;
    default:
        return false;
    }
}

void FileService::answerRead(MessageType type, std::uint64_t request,
                             const std::function<UniqueFd()> &read)
{
    UniqueFd text;
    Failure failure = tryTo([&] { text = read(); });
    ipc::WireWriter answer;
    answer.u64(request).u32(static_cast<std::uint32_t>(failure.number));
    answer.str(std::string_view(failure.text).substr(0, kMaxText));
    int fd = text.get();
    send_(type, answer.bytes(), {&fd, text ? 1U : 0U});
}

void FileService::answerStored(std::uint64_t request, const std::function<void()> &store)
{
    Failure failure = tryTo(store);
    ipc::WireWriter answer;
    answer.u64(request).u32(static_cast<std::uint32_t>(failure.number));
    answer.str(std::string_view(failure.text).substr(0, kMaxText));
    send_(MessageType::stored, answer.bytes(), {});
}

void FileService::readConfig(ipc::WireReader &reader)
{
    answerRead(MessageType::filesRead, reader.u64(), [this] {
        if (!files_.hasFile()) {
            throw FileError("There is no configuration file.", ENOENT);
        }
        return files_.read();
    });
}

void FileService::readFile(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    std::string path(reader.str());
    answerRead(MessageType::fileRead, request, [&] { return readReferenced(path); });
}

void FileService::readHistory(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    std::uint64_t id = reader.u64();
    answerRead(MessageType::fileRead, request, [&] { return state_.history().read(id); });
}

void FileService::readArea(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    std::string_view area = reader.str();
    answerRead(MessageType::filesRead, request, [&] { return state_.readArea(area); });
}

void FileService::listHistory(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    std::vector<Version> versions;
    Failure failure = tryTo([&] { versions = state_.history().list(); });
    if (failure.number != 0) {
        log::alert("%s", failure.text.c_str()); // the answer has no room for it
    }
    ipc::WireWriter entries;
    std::uint32_t count = 0;
    for (const Version &version : versions) {
        if (entries.bytes().size() > ipc::Channel::kMaxPayload - 128) {
            break; // the newest ones are what fits
        }
        entries.u64(version.id).u64(version.time).u32(version.author).str(version.origin);
        count++;
    }
    ipc::WireWriter answer;
    answer.u64(request).u32(count);
    send_(MessageType::historyListed, answer.bytes() + entries.bytes(), {});
}

void FileService::activate(ipc::WireReader &reader, ipc::Frame &frame)
{
    std::uint64_t request = reader.u64();
    bool wanted = reader.u32() != 0;
    Version version{0, now(), reader.u32(), {}};
    std::uint32_t keep = reader.u32();
    version.origin = reader.str();
    std::uint64_t modules = reader.u64();
    answerStored(request, [&] {
        UniqueFd text = takeText(frame);
        activated_(text.get(), version.author, modules);
        if (wanted) {
            store(text.get(), version, keep);
        }
    });
}

void FileService::store(int text, const Version &version, std::size_t keep)
{
    Failure current = tryTo([&] {
        if (!files_.hasFile()) {
            state_.storeCurrent(text);
        }
    });
    // Even if that failed: it is what runs now.
    Failure history = tryTo([&] {
        if (!isOrigin(version.origin)) {
            throw FileError("\"" + version.origin + "\" is no origin of a configuration.", EINVAL);
        }
        state_.storeVersion(text, version, keep);
    });
    const Failure &first = current.number != 0 ? current : history;
    if (first.number != 0) {
        throw FileError(first.text, first.number); // the router logs and shows it
    }
}

void FileService::storeItem(ipc::WireReader &reader, ipc::Frame &frame)
{
    std::uint64_t request = reader.u64();
    std::string_view area = reader.str();
    std::string name(reader.str());
    answerStored(request, [&] { state_.storeItem(area, name, takeText(frame).get()); });
}

void FileService::removeItem(ipc::WireReader &reader)
{
    std::uint64_t request = reader.u64();
    std::string_view area = reader.str();
    std::string name(reader.str());
    answerStored(request, [&] { state_.removeItem(area, name); });
}

} // namespace patchbay::main_
