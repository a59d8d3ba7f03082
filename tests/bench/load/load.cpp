// The load generator of the benchmarks: sends one request again and again over some connections,
// checks status and size of each answer, and prints what it saw as one line of JSON.
#include "driver.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char **argv)
{
    using namespace patchbay::load;
    const Options options = readOptions(argc, argv);
    Tally tally(options);
    try {
        Driver driver(options, tally);
        const Clock::duration elapsed = driver.run();
        std::printf("%s\n", tally.json(elapsed).c_str());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "load: %s\n", error.what());
        return 1;
    }
    return 0;
}
