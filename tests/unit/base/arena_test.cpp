// The arena: alignment, reuse of blocks, what reset() and release() keep.
#include "base/arena.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

namespace patchbay::test {

class ArenaTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ArenaTest);
    CPPUNIT_TEST(handsOutDistinctAlignedMemory);
    CPPUNIT_TEST(copiesText);
    CPPUNIT_TEST(takesLargeAndEmptyRequests);
    CPPUNIT_TEST(resetKeepsTheFirstBlock);
    CPPUNIT_TEST(blocksAreReused);
    CPPUNIT_TEST(blocksCrossThreads);
    CPPUNIT_TEST_SUITE_END();

public:
    void handsOutDistinctAlignedMemory()
    {
        Arena arena;
        std::mt19937 random(3);
        struct Piece {
            unsigned char *data;
            std::size_t size;
            unsigned char mark;
        };
        std::vector<Piece> pieces;
        for (int i = 0; i < 2000; i++) {
            std::size_t align = std::size_t{1} << random() % 5;
            std::size_t size = random() % (i % 50 == 0 ? 9000 : 100);
            auto *data = static_cast<unsigned char *>(arena.allocate(size, align));
            CPPUNIT_ASSERT_EQUAL(std::uintptr_t{0}, reinterpret_cast<std::uintptr_t>(data) % align);
            auto mark = static_cast<unsigned char>(random());
            std::fill_n(data, size, mark);
            pieces.push_back({data, size, mark});
        }
        for (const Piece &piece : pieces) { // nobody wrote over another's
            for (std::size_t i = 0; i < piece.size; i++) {
                CPPUNIT_ASSERT_EQUAL(piece.mark, piece.data[i]);
            }
        }
    }

    void copiesText()
    {
        Arena arena;
        std::string text = "some text";
        std::string_view copy = arena.copy(text);
        text.assign(text.size(), '-');
        CPPUNIT_ASSERT_EQUAL(std::string("some text"), std::string(copy));
        CPPUNIT_ASSERT(arena.copy("").data() != nullptr);
    }

    void takesLargeAndEmptyRequests()
    {
        Arena arena;
        CPPUNIT_ASSERT(arena.allocate(0) != nullptr);
        std::size_t small = arena.held();
        for (std::size_t size : {Arena::kBlockSize - 17, Arena::kBlockSize - 16, Arena::kBlockSize,
                                 std::size_t{300'000}}) {
            std::fill_n(arena.array<char>(size), size, 'x');
        }
        CPPUNIT_ASSERT(arena.held() >= small + 300'000);
        arena.reset();
        CPPUNIT_ASSERT_EQUAL(Arena::kBlockSize, arena.held());
    }

    void resetKeepsTheFirstBlock()
    {
        Arena arena;
        void *first = arena.allocate(64);
        for (int i = 0; i < 100; i++) {
            arena.allocate(1000);
        }
        arena.reset();
        CPPUNIT_ASSERT_EQUAL(Arena::kBlockSize, arena.held());
        CPPUNIT_ASSERT(arena.allocate(64) == first);
        arena.release();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, arena.held());
        CPPUNIT_ASSERT(arena.allocate(64) != nullptr);
    }

    void blocksAreReused()
    {
        Arena first;
        void *block = first.allocate(10);
        first.release();
        Arena second;
        CPPUNIT_ASSERT(second.allocate(10) == block);
    }

    void blocksCrossThreads()
    {
        // A block freed on another thread joins that thread's list and is freed with it.
        auto arena = std::make_unique<Arena>();
        arena->copy("here");
        std::thread other([moved = std::move(arena)]() mutable {
            moved->allocate(5000);
            moved->copy("there");
            moved.reset();
        });
        other.join();
        Arena mine;
        CPPUNIT_ASSERT_EQUAL(std::string("mine"), std::string(mine.copy("mine")));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ArenaTest);

} // namespace patchbay::test
