// patchbay-module: see sandbox.hpp.
#include "sandbox.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace patchbay::check {

namespace {

constexpr rlim_t kDescriptors = 1024;
constexpr rlim_t kCpuSeconds = 60;
constexpr uid_t kNobody = 65534;

void limit(int resource, rlim_t value)
{
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) {
        throw SystemError("getrlimit()");
    }
    const rlim_t bound = std::min(value, now.rlim_max);
    const rlimit wanted{bound, bound};
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) != 0) {
        throw SystemError("setrlimit()");
    }
}

// A new network namespace has a loopback device that is down; listeners' accept() is tried on it.
void bringLoopbackUp()
{
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    if (!fd || ::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
        throw SystemError("loopback in a network namespace: ioctl(SIOCSIFFLAGS)");
    }
}

void leaveNetwork()
{
    const int flags = ::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER;
    if (::unshare(flags) == 0) {
        bringLoopbackUp();
    }
}

void leaveRoot()
{
    if (::geteuid() != 0) {
        return;
    }
    const passwd *nobody = ::getpwnam("nobody");
    const uid_t user = nobody != nullptr ? nobody->pw_uid : kNobody;
    const gid_t group = nobody != nullptr ? nobody->pw_gid : kNobody;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 ||
        ::setresuid(user, user, user) != 0) {
        throw SystemError("becoming \"nobody\": setresuid()");
    }
}

} // namespace

void enterSandbox()
{
    leaveNetwork();
    leaveRoot();
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    std::signal(SIGXFSZ, SIG_IGN); // a write is refused, with EFBIG
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, kDescriptors);
    limit(RLIMIT_CPU, kCpuSeconds);
}

} // namespace patchbay::check
