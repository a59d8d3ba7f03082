// Prototype (replaceTimeLimits) and worker process, main thread and its signal handler. Before:
// php_call.cpp says where a request stands. After: PHP's handler of SIGPROF, which makes the script
// end with a fatal error at its next step.
#include "time_limit.hpp"

#include "php_api.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

namespace patchbay::php {

namespace {

// A limit is passed by one tick at most.
constexpr zend_long kTicksPerSecond = 20;
constexpr zend_long kLongest = 999'999'999; // seconds; what PHP takes for none, too

struct Limit {
    zend_long seconds = 0; // 0: none
    zend_long ticks() const noexcept
    {
        return seconds == 0 ? 0 : seconds * kTicksPerSecond + 1; // the first may come at once
    }
};

Limit inputLimit;
Limit scriptLimit;
ZEND_INI_MH((*changeByPhp)) = nullptr;

// The signal handler's, too. 0: no limit, or one that PHP sees to.
volatile zend_long ticksLeft = 0;
volatile zend_long secondsNow = 0;
volatile bool struck = false;

Limit limitOf(zend_long seconds) noexcept
{
    return {seconds > 0 && seconds <= kLongest ? seconds : 0};
}

void limitTo(const Limit &limit) noexcept
{
    secondsNow = limit.seconds;
    ticksLeft = limit.ticks();
}

// High, so that scripts that count from SIGRTMIN do not meet it.
int tickSignal() noexcept
{
    return SIGRTMAX - 1;
}

void onTick(int)
{
    if (ticksLeft == 0) {
        return;
    }
    ticksLeft = ticksLeft - 1;
    if (ticksLeft == 0) {
        EG(timeout_seconds) = secondsNow; // the message says it, and PHP disarms what it arms now
        struck = true;
        raise(SIGPROF);
    }
}

// set_time_limit() and ini_set(): PHP's timer is armed by this.
ZEND_INI_MH(changeLimit)
{
    if (stage != ZEND_INI_STAGE_STARTUP) {
        ticksLeft = 0;
    }
    return changeByPhp(entry, new_value, mh_arg1, mh_arg2, mh_arg3, stage);
}

} // namespace

void replaceTimeLimits()
{
    auto *entry = static_cast<zend_ini_entry *>(
        zend_hash_str_find_ptr(EG(ini_directives), ZEND_STRL("max_execution_time")));
    if (entry == nullptr || entry->on_modify == nullptr) {
        throw std::runtime_error("PHP has no max_execution_time.");
    }
    changeByPhp = entry->on_modify;
    entry->on_modify = &changeLimit;
    scriptLimit = limitOf(INI_INT("max_execution_time"));
    inputLimit = PG(max_input_time) == -1 ? scriptLimit : limitOf(PG(max_input_time));
    PG(max_input_time) = -1; // the script's limit is not set anew in the middle of a request
}

void startTicking()
{
    struct sigaction action {};
    action.sa_handler = &onTick;
    action.sa_flags = SA_RESTART;
    sigaction(tickSignal(), &action, nullptr);

    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID; // it counts this thread's time: this one is awake then
    event.sigev_signo = tickSignal();
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    timer_t timer{};
    itimerspec period{};
    period.it_interval.tv_nsec = 1'000'000'000 / kTicksPerSecond;
    period.it_value = period.it_interval;
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0 ||
        timer_settime(timer, 0, &period, nullptr) != 0) {
        throw std::runtime_error("A timer for max_execution_time cannot be set (" +
                                 std::string(std::strerror(errno)) + "); see RLIMIT_SIGPENDING.");
    }
}

void limitInput() noexcept
{
    EG(timeout_seconds) = 0; // or PHP would set its own
    limitTo(inputLimit);
}

void limitScript() noexcept
{
    limitTo(scriptLimit);
}

void liftLimit() noexcept
{
    ticksLeft = 0;
    if (struck) { // PHP has armed its timer, maybe behind the place where it disarms it
        struck = false;
        zend_unset_timeout();
    }
}

} // namespace patchbay::php
