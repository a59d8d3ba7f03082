// Process "main": replaces files so that a crash or a failure at any moment leaves the old content
// or the new one, complete. Contents come from memory files and do not pass main's own memory.
#pragma once

#include <string>

namespace patchbay::main_ {

// Writes all of `text` (a memfd) to `path`, mode 0600, and waits until the disk has it.
// temporary: path of a file that only we use, on the same file system; gone afterwards. Throws
// FileError naming `path`, which has its old content then; SystemError never.
void replaceFile(const std::string &path, const std::string &temporary, int text);

// Waits until the disk has what was made, renamed and removed in there. Throws FileError.
void syncDirectory(const std::string &path);

// The same bytes from beginning to end? Files that cannot be read are not.
bool sameContent(int one, int other) noexcept;

} // namespace patchbay::main_
