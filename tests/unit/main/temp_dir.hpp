// A directory of the test's own, gone at its end.
#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace patchbay::test {

class TempDir {
public:
    TempDir()
    {
        char name[] = "/tmp/patchbay-unit-XXXXXX";
        CPPUNIT_ASSERT(mkdtemp(name) != nullptr);
        path_ = name;
    }
    ~TempDir()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir &) = delete;
    TempDir &operator=(const TempDir &) = delete;

    std::string operator/(const std::string &name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

inline std::string readFile(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void writeFile(const std::string &path, const std::string &text)
{
    std::ofstream(path, std::ios::binary) << text;
}

inline mode_t modeOf(const std::string &path)
{
    struct stat status {};
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, 0, lstat(path.c_str(), &status));
    return status.st_mode & 07777;
}

// What is in a directory: "a b c", sorted.
inline std::string namesOf(const std::string &directory)
{
    std::set<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(directory)) {
        names.insert(entry.path().filename());
    }
    std::string text;
    for (const std::string &name : names) {
        text += (text.empty() ? "" : " ") + name;
    }
    return text;
}

// How a child ended, as of waitpid().
inline int statusOf(pid_t pid)
{
    int status = 0;
    CPPUNIT_ASSERT_EQUAL(pid, waitpid(pid, &status, 0));
    return status;
}

// What an Error says, or nothing when none was thrown.
template <typename Call>
std::string errorOf(Call call)
{
    try {
        call();
    } catch (const std::exception &error) {
        return error.what();
    }
    return {};
}

} // namespace patchbay::test
