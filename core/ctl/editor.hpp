// patchbayctl: a text in a file of its own, and the program a person changes it with.
#pragma once

#include <string>
#include <string_view>

namespace patchbay::ctl {

// A file in $TMPDIR that only the user can read; removed at the end unless it is kept.
class EditFile {
public:
    // Throws Error.
    explicit EditFile(std::string_view text);
    ~EditFile();
    EditFile(const EditFile &) = delete;
    EditFile &operator=(const EditFile &) = delete;

    const std::string &path() const noexcept { return path_; }
    std::string read() const; // throws Error
    void keep() noexcept { kept_ = true; }

private:
    std::string path_;
    bool kept_ = false;
};

// Runs $EDITOR (vi when it is not set) on the file and waits. Throws Error when it cannot run or
// fails.
void runEditor(const std::string &path);

} // namespace patchbay::ctl
