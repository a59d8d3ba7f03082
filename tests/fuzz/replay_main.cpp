// main() of the replay_* executables: runs a fuzz target over every file of a corpus directory,
// then over mutations of them that are the same in every run.
//   replay_NAME DIRECTORY MUTATIONS
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

using Random = std::mt19937;

void run(const std::string &input)
{
    // Exactly its size on the heap, so that a sanitizer sees a read past the end.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::vector<std::string> readCorpus(const char *directory)
{
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(directory)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end()); // the order of a directory is anyone's
    std::vector<std::string> corpus;
    for (const auto &file : files) {
        std::ifstream stream(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(stream),
                            std::istreambuf_iterator<char>());
    }
    return corpus;
}

void mutate(std::string &text, const std::vector<std::string> &corpus, Random &random)
{
    const std::size_t at = random() % (text.size() + 1);
    const std::size_t size = std::min<std::size_t>(random() % 16, text.size() - at);
    switch (random() % 6) {
    case 0:
        text.insert(at, 1, static_cast<char>(random()));
        break;
    case 1:
        text.erase(at, size);
        break;
    case 2:
        text.insert(random() % (text.size() + 1), text.substr(at, size)); // say it twice
        break;
    case 3: {
        const std::string &other = corpus[random() % corpus.size()];
        text.insert(at, other.substr(random() % (other.size() + 1), random() % 40));
        break;
    }
    case 4:
        if (at < text.size()) {
            text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
        }
        break;
    default:
        if (at < text.size()) {
            constexpr std::string_view kOdd("\0\r\n \t:;,%/.?#0f\x7f\xff", 17);
            text[at] = kOdd[random() % kOdd.size()];
        }
        break;
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " DIRECTORY MUTATIONS\n";
        return 2;
    }
    const std::vector<std::string> corpus = readCorpus(argv[1]);
    if (corpus.empty()) {
        std::cerr << argv[1] << " is empty\n";
        return 1;
    }
    for (const std::string &input : corpus) {
        run(input);
    }
    Random random(1);
    const long mutations = std::strtol(argv[2], nullptr, 10);
    for (long i = 0; i < mutations; i++) {
        std::string text = corpus[random() % corpus.size()];
        for (unsigned n = 1 + random() % 5; n > 0; n--) {
            mutate(text, corpus, random);
        }
        run(text);
    }
    std::cout << corpus.size() << " files, " << mutations << " mutations\n";
    return 0;
}
