// The test vectors of sdk/vectors, read; and written again, with what has been computed anew, when
// PATCHBAY_UPDATE_VECTORS is in the environment. Format: sdk/vectors/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fixture {

using Bytes = std::vector<std::uint8_t>;

// One line: `text query "x=1"`.
struct Statement {
    std::string word;
    std::vector<std::string> arguments; // quotes and escapes resolved
    std::vector<bool> quoted;           // was that argument in quotes
};

// From `request NAME` to `end`.
struct Block {
    std::string kind;
    std::string name;
    std::vector<Statement> statements;
    std::size_t begin; // lines of the file between those two
    std::size_t end;

    std::vector<const Statement *> all(std::string_view word) const;
    const Statement *first(std::string_view word) const; // null: none
    std::uint64_t number(std::string_view name) const;   // of `number NAME VALUE`
    Bytes bytes(std::string_view word) const;            // its lines, joined
};

class VectorFile {
public:
    explicit VectorFile(const std::string &name); // "requests.txt"; asserts that it parses

    const std::vector<Block> &blocks() const { return blocks_; }
    const Block &find(std::string_view name) const;
    // Asserts that the block has these bytes behind `word`; updating, they replace what it has.
    void expect(const Block &block, std::string_view word, const Bytes &bytes);
    void save() const; // only when updating

private:
    std::string path_;
    std::vector<std::string> lines_;
    std::vector<Block> blocks_;
    std::vector<std::pair<std::size_t, std::string>> inserted_; // before that line; updating
};

Bytes fromHex(std::string_view hex);

} // namespace fixture
