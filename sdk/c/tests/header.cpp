// The header and the library from C++: it compiles without a warning, links, and says what it is
// when nobody hosts it.
#include "patchbay-app.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <initializer_list>
#include <string>

namespace {

int handle(pba_request *request, void *)
{
    pba_status(request, 200);
    return pba_print(request, "C++\n");
}

bool fails(const char *init, int code, const char *text)
{
    if (init != nullptr) {
        setenv("PATCHBAY_INIT", init, 1);
    }
    char error[512] = "";
    pba_app *app = pba_open(error, sizeof error);
    const bool good = app == nullptr && errno == code && std::strstr(error, text) != nullptr;
    if (!good) {
        std::fprintf(stderr, "PATCHBAY_INIT=%s: errno %d, \"%s\"\n",
                     init == nullptr ? "(unset)" : init, errno, error);
    }
    return good;
}

// A server of this version is refused. The channel is one that takes nothing.
bool speaks(const std::string &version, const char *text)
{
    const int channel = open("/dev/null", O_RDWR); // pba_open() closes it
    const std::string init = version + ";" + std::to_string(channel) + ";Patchbay/9";
    return fails(init.c_str(), EPROTONOSUPPORT, text);
}

} // namespace

int main()
{
    bool good = pba_is_hosted() == 0 && std::strncmp(pba_library(), "patchbay-app ", 13) == 0;
    good = good && pba_run(handle, nullptr) == 1;
    good = fails(nullptr, ENOTCONN, "PATCHBAY_INIT is not set") && good;
    for (const char *init : {"", "1", "1.0", "1.0;", "1.0;;x", "1.0;-3;x", "x.0;3;x", "1.0;3",
                             "1.0;99999999999999999999;x", " 1.0;3;x"}) {
        good = fails(init, EPROTO, "MAJOR.MINOR;DESCRIPTOR;SERVER") && good;
    }
    good = fails("1.0;987;Patchbay/9", EPROTO, "is not open") && good;
    good = speaks("2.3", "Patchbay/9 speaks version 2.3") && good;
    good = speaks("0.9", "update the server") && good;
    good = pba_is_hosted() == 1 && good;
    return good ? 0 : 1;
}
