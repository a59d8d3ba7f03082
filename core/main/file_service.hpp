// Process "main": what the router, which may open next to nothing, asks of files: the declared
// configuration, what it refers to, the state directory. Every request gets its answer, and a
// request that makes no sense gets an error.
#pragma once

#include "ipc/channel.hpp"
#include "main/config_files.hpp"
#include "main/router_process.hpp"
#include "main/state_store.hpp"

#include <functional>

namespace patchbay::main_ {

class FileService {
public:
    // Told first, before anything is stored; the text is a sealed memfd and stays ours. modules: as
    // in the message `activate`.
    using Activated = std::function<void(int text, uid_t author, std::uint64_t modules)>;

    FileService(const ConfigFiles &files, const StateStore &state, RouterSend send,
                Activated activated)
        : files_(files), state_(state), send_(std::move(send)), activated_(std::move(activated))
    {
    }

    // false: not a message for us. Throws Error for one that does not parse.
    bool handle(ipc::Frame &frame);

private:
    void readConfig(ipc::WireReader &reader);
    void readFile(ipc::WireReader &reader);
    void readHistory(ipc::WireReader &reader);
    void readArea(ipc::WireReader &reader);
    void listHistory(ipc::WireReader &reader);
    void activate(ipc::WireReader &reader, ipc::Frame &frame);
    void store(int text, const Version &version, std::size_t keep);
    void storeItem(ipc::WireReader &reader, ipc::Frame &frame);
    void removeItem(ipc::WireReader &reader);

    void answerRead(ipc::MessageType type, std::uint64_t request,
                    const std::function<UniqueFd()> &read);
    void answerStored(std::uint64_t request, const std::function<void()> &store);

    const ConfigFiles &files_;
    const StateStore &state_;
    RouterSend send_;
    Activated activated_;
};

} // namespace patchbay::main_
