// Modules see the SDK and nothing of the core: read from the sources themselves.
#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string contentOf(const fs::path &file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

bool isSource(const fs::path &file)
{
    const std::string extension = file.extension();
    return extension == ".c" || extension == ".h" || extension == ".cpp" || extension == ".hpp";
}

class SourcesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SourcesTest);
    CPPUNIT_TEST(modulesIncludeOnlyTheSdk);
    CPPUNIT_TEST(modulesLinkNothingOfTheCore);
    CPPUNIT_TEST(onlyTheLoaderKnowsBoost);
    CPPUNIT_TEST_SUITE_END();

    const fs::path root = PB_SOURCE_DIR;

    // A quoted include is a header of the SDK or of the same module; an angle one is the system's.
    void checkIncludes(const fs::path &file, const fs::path &module)
    {
        std::istringstream lines(contentOf(file));
        for (std::string line; std::getline(lines, line);) {
            const std::size_t hash = line.find_first_not_of(' ');
            const std::size_t open = line.find_first_of("\"<");
            if (hash == line.npos || line[hash] != '#' || open == line.npos ||
                line.find("include") > open) {
                continue;
            }
            const std::size_t close = line.find_first_of("\">", open + 1);
            checkInclude(file, module, line[open], line.substr(open + 1, close - open - 1));
        }
    }

    void checkInclude(const fs::path &file, const fs::path &module, char quote,
                      const std::string &name)
    {
        const std::string what = file.string() + " includes " + name;
        if (quote == '<') {
            CPPUNIT_ASSERT_MESSAGE(what, !fs::exists(root / "core" / name));
        } else if (name.starts_with("patchbay/")) {
            CPPUNIT_ASSERT_MESSAGE(what, fs::exists(root / "sdk/include" / name));
        } else {
            const fs::path own = (file.parent_path() / name).lexically_normal();
            // Or made from one of the same name when the build was configured.
            CPPUNIT_ASSERT_MESSAGE(what, fs::exists(own) || fs::exists(own.string() + ".in"));
            CPPUNIT_ASSERT_MESSAGE(what, own.string().starts_with(module.string() + "/"));
        }
    }

    int checkFolder(const fs::path &module)
    {
        int files = 0;
        for (const auto &entry : fs::recursive_directory_iterator(module)) {
            if (isSource(entry.path())) {
                checkIncludes(entry.path(), module);
                ++files;
            }
        }
        return files;
    }

    void modulesIncludeOnlyTheSdk()
    {
        int files = checkFolder(root / "sdk" / "include");
        for (const auto &entry : fs::directory_iterator(root / "modules")) {
            files += entry.is_directory() ? checkFolder(entry.path()) : 0;
        }
        CPPUNIT_ASSERT(files >= 4); // both headers of the SDK, both listeners
    }

    // Libraries of the core are named pb_FOLDER.
    void modulesLinkNothingOfTheCore()
    {
        for (const auto &entry : fs::recursive_directory_iterator(root / "modules")) {
            if (entry.path().filename() == "CMakeLists.txt") {
                const std::string text = contentOf(entry.path());
                for (const char *word : {" pb_", "\npb_", "(pb_", "/core"}) {
                    CPPUNIT_ASSERT_MESSAGE(entry.path().string() + " names" + word,
                                           text.find(word) == text.npos);
                }
            }
        }
    }

    void onlyTheLoaderKnowsBoost()
    {
        for (const auto &entry : fs::recursive_directory_iterator(root / "core")) {
            if (isSource(entry.path()) && entry.path().filename() != "loader.cpp") {
                CPPUNIT_ASSERT_MESSAGE(entry.path().string(),
                                       contentOf(entry.path()).find("<boost/dll") ==
                                           std::string::npos);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SourcesTest);

} // namespace
