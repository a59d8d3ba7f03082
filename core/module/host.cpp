// Every process that has instances.
#include "module/host.hpp"

#include "base/log.hpp"
#include "base/process_title.hpp"

namespace patchbay::modules {

namespace {

void writeLog(void *, std::uint32_t level, pb_str message)
{
    constexpr auto kLowest = static_cast<std::uint32_t>(log::Level::debug);
    log::write(static_cast<log::Level>(std::min(level, kLowest)), {message.data, message.size});
}

} // namespace

const pb_host &host() noexcept
{
    static const pb_host instance{sizeof(pb_host),    PB_ABI_MINOR,      product().name,
                                  product().software, product().program, nullptr,
                                  &writeLog};
    return instance;
}

} // namespace patchbay::modules
