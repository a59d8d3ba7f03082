#include "vector_file.hpp"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace fixture {

namespace {

constexpr std::size_t kBytesPerLine = 40;

bool updating()
{
    return std::getenv("PATCHBAY_UPDATE_VECTORS") != nullptr;
}

unsigned digit(char c)
{
    const std::size_t value = std::string_view("0123456789abcdef").find(c);
    CPPUNIT_ASSERT_MESSAGE(std::string("hex digit: ") + c, value != std::string_view::npos);
    return static_cast<unsigned>(value);
}

// Takes `"..."` off the line.
std::string takeQuoted(std::string_view &line)
{
    std::string result;
    line.remove_prefix(1);
    while (!line.starts_with('"')) {
        CPPUNIT_ASSERT_MESSAGE("a text without its end", !line.empty());
        if (line.starts_with("\\x")) {
            const Bytes byte = fromHex(line.substr(2, 2));
            result += static_cast<char>(byte.at(0));
            line.remove_prefix(4);
            continue;
        }
        if (line.starts_with('\\')) {
            line.remove_prefix(1);
        }
        result += line.front();
        line.remove_prefix(1);
    }
    line.remove_prefix(1);
    return result;
}

std::string takeWord(std::string_view &line)
{
    const std::string word(line.substr(0, line.find(' ')));
    line.remove_prefix(word.size());
    return word;
}

Statement parse(std::string_view line)
{
    Statement statement;
    statement.word = takeWord(line);
    while (!line.empty()) {
        CPPUNIT_ASSERT_MESSAGE("one space between arguments: " + std::string(line),
                               line.front() == ' ' && line.size() > 1 && line[1] != ' ');
        line.remove_prefix(1);
        statement.quoted.push_back(line.front() == '"');
        statement.arguments.push_back(line.front() == '"' ? takeQuoted(line) : takeWord(line));
    }
    return statement;
}

} // namespace

Bytes fromHex(std::string_view hex)
{
    CPPUNIT_ASSERT(hex.size() % 2 == 0);
    Bytes bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    }
    return bytes;
}

std::vector<const Statement *> Block::all(std::string_view word) const
{
    std::vector<const Statement *> found;
    for (const Statement &statement : statements) {
        if (statement.word == word) {
            found.push_back(&statement);
        }
    }
    return found;
}

const Statement *Block::first(std::string_view word) const
{
    const std::vector<const Statement *> found = all(word);
    return found.empty() ? nullptr : found.front();
}

std::uint64_t Block::number(std::string_view wanted) const
{
    for (const Statement *statement : all("number")) {
        if (statement->arguments.at(0) == wanted) {
            return std::stoull(statement->arguments.at(1));
        }
    }
    CPPUNIT_FAIL(name + ": no number " + std::string(wanted));
    return 0;
}

Bytes Block::bytes(std::string_view word) const
{
    Bytes result;
    for (const Statement *statement : all(word)) {
        if (!statement->arguments.empty()) {
            const Bytes part = fromHex(statement->arguments[0]);
            result.insert(result.end(), part.begin(), part.end());
        }
    }
    return result;
}

VectorFile::VectorFile(const std::string &name) : path_(VECTORS "/" + name)
{
    std::ifstream stream(path_);
    CPPUNIT_ASSERT_MESSAGE("cannot read " + path_, stream.is_open());
    bool inside = false;
    for (std::string line; std::getline(stream, line); lines_.push_back(line)) {
        if (line.empty() || line[0] == '#') {
            continue;
        }
        Statement statement = parse(line);
        if (!inside) {
            blocks_.push_back(
                {statement.word, statement.arguments.at(0), {}, lines_.size() + 1, 0});
            inside = true;
        } else if (statement.word == "end") {
            blocks_.back().end = lines_.size();
            inside = false;
        } else {
            blocks_.back().statements.push_back(std::move(statement));
        }
    }
    CPPUNIT_ASSERT_MESSAGE(path_ + ": the last block has no end", !inside);
}

const Block &VectorFile::find(std::string_view name) const
{
    const auto found = std::find_if(blocks_.begin(), blocks_.end(),
                                    [&](const Block &block) { return block.name == name; });
    CPPUNIT_ASSERT_MESSAGE("no block " + std::string(name), found != blocks_.end());
    return *found;
}

void VectorFile::expect(const Block &block, std::string_view word, const Bytes &bytes)
{
    if (!updating()) {
        CPPUNIT_ASSERT_MESSAGE(block.name + " has no " + std::string(word),
                               block.first(word) != nullptr);
        CPPUNIT_ASSERT_MESSAGE(block.name + ": other bytes", block.bytes(word) == bytes);
        return;
    }
    std::string text;
    for (std::size_t i = 0; i == 0 || i < bytes.size(); i += kBytesPerLine) {
        text += word;
        text += bytes.empty() ? "" : " ";
        for (std::size_t k = i; k < std::min(bytes.size(), i + kBytesPerLine); ++k) {
            text += "0123456789abcdef"[bytes[k] / 16];
            text += "0123456789abcdef"[bytes[k] % 16];
        }
        text += '\n';
    }
    for (std::size_t i = block.begin; i < block.end; ++i) {
        if (lines_[i].starts_with(word)) {
            lines_[i] = "\n"; // no line of a file can be this: taken out
        }
    }
    inserted_.emplace_back(block.end, text);
}

void VectorFile::save() const
{
    if (!updating()) {
        return;
    }
    std::ofstream stream(path_);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        for (const auto &[line, text] : inserted_) {
            stream << (line == i ? text : "");
        }
        if (lines_[i] != "\n") {
            stream << lines_[i] << '\n';
        }
    }
    CPPUNIT_ASSERT_MESSAGE("cannot write " + path_, stream.flush().good());
}

} // namespace fixture
