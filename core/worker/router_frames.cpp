#include "worker/router_frames.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

namespace patchbay::worker {

bool readRouterFrames(ipc::Channel &router, const std::function<void(ipc::Frame &)> &handle)
{
    ipc::Frame frame;
    for (;;) {
        try {
            switch (router.receive(frame)) {
            case ipc::Channel::Status::closed:
                return false;
            case ipc::Channel::Status::wouldBlock:
                return true;
            case ipc::Channel::Status::ok:
                handle(frame);
            }
        } catch (const SystemError &error) {
            log::alert("the channel to the router broke: %s", error.what());
            return false;
        } catch (const std::exception &error) {
            log::error("a message of the router was dropped: %s", error.what());
        }
    }
}

} // namespace patchbay::worker
