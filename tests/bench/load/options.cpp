#include "options.hpp"

#include <arpa/inet.h>
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace patchbay::load {
namespace {

constexpr char kUsage[] =
    "load --port N --request FILE --status N[,N...] --body BYTES [--connections N]\n"
    "     [--seconds S] [--grace S] [--rate REQUESTS_A_SECOND] [--close]\n"
    "Sends the request in FILE to 127.0.0.1:N, again and again, and prints what came, as JSON.\n"
    "Without --rate each connection sends the next request when it has the answer.\n";

[[noreturn]] void refuse(const std::string &why)
{
    std::fprintf(stderr, "load: %s\n%s", why.c_str(), kUsage);
    std::exit(2);
}

double number(const char *name, const char *text, double least, double most)
{
    char *end = nullptr;
    const double value = std::strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        refuse(std::string("--") + name + " " + text + " is not possible");
    }
    return value;
}

std::chrono::nanoseconds seconds(const char *name, const char *text)
{
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(number(name, text, 0.001, 3600) * 1e9));
}

std::string contentOf(const char *file)
{
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in || text.str().empty()) {
        refuse(std::string("cannot read a request from ") + file);
    }
    return text.str();
}

std::vector<unsigned> statusesOf(const char *text)
{
    std::vector<unsigned> statuses;
    std::istringstream in(text);
    for (std::string one; std::getline(in, one, ',');) {
        statuses.push_back(static_cast<unsigned>(number("status", one.c_str(), 200, 599)));
    }
    return statuses;
}

void take(Options &options, const char *name, const char *value)
{
    const std::string_view which = name;
    if (which == "port") {
        options.address.sin_port = htons(static_cast<std::uint16_t>(number(name, value, 1, 65535)));
    } else if (which == "request") {
        options.request = contentOf(value);
    } else if (which == "connections") {
        options.connections = static_cast<unsigned>(number(name, value, 1, 60000));
    } else if (which == "seconds") {
        options.length = seconds(name, value);
    } else if (which == "grace") {
        options.grace = seconds(name, value);
    } else if (which == "rate") {
        options.rate = number(name, value, 1, 1e7);
    } else if (which == "close") {
        options.closing = true;
    } else if (which == "status") {
        options.statuses = statusesOf(value);
    } else {
        options.bodySize = static_cast<std::uint64_t>(number(name, value, 0, 1e12));
    }
}

} // namespace

Options readOptions(int argc, char **argv)
{
    static const option kNames[] = {{"port", required_argument, nullptr, 0},
                                    {"request", required_argument, nullptr, 0},
                                    {"connections", required_argument, nullptr, 0},
                                    {"seconds", required_argument, nullptr, 0},
                                    {"grace", required_argument, nullptr, 0},
                                    {"rate", required_argument, nullptr, 0},
                                    {"close", no_argument, nullptr, 0},
                                    {"status", required_argument, nullptr, 0},
                                    {"body", required_argument, nullptr, 0},
                                    {nullptr, 0, nullptr, 0}};
    Options options;
    options.address.sin_family = AF_INET;
    options.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    options.length = std::chrono::seconds(1);
    options.grace = std::chrono::seconds(5);
    int index = 0;
    int found = 0;
    while ((found = getopt_long(argc, argv, "", kNames, &index)) != -1) {
        if (found != 0) {
            refuse("unknown option");
        }
        take(options, kNames[index].name, optarg);
    }
    if (options.address.sin_port == 0 || options.request.empty() || options.statuses.empty() ||
        optind != argc) {
        refuse("--port, --request and --status are needed, and nothing beside options");
    }
    return options;
}

} // namespace patchbay::load
