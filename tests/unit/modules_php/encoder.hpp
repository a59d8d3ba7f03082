// The encoder as the core uses it.
#pragma once

#include "fake_request.hpp"
#include "module_file.hpp"

#include <cppunit/TestAssert.h>

#include <cstdint>
#include <vector>

namespace fixture {

class PhpEncoder {
public:
    PhpEncoder()
        : module_(loadModule(ENCODER_FILE, RTLD_LOCAL)),
          ops_(*static_cast<const pb_encoder_ops *>(module_.ops))
    {
        pb_error error{};
        error.struct_size = sizeof error;
        self_ = module_.create(&host_.raw, {"{}", 2}, &error);
        CPPUNIT_ASSERT_MESSAGE(error.text, self_ != nullptr);
    }
    ~PhpEncoder() { module_.destroy(self_); }
    PhpEncoder(const PhpEncoder &) = delete;
    PhpEncoder &operator=(const PhpEncoder &) = delete;

    // Asserts that the size promised is the size written and that nothing lies beyond it.
    std::vector<std::uint8_t> encode(FakeRequest &request) const
    {
        const pb_request raw = request.raw();
        const std::size_t size = ops_.encoded_size(self_, &raw);
        constexpr std::size_t kGuard = 64;
        std::vector<std::uint8_t> message(size + kGuard, 0xA5);
        CPPUNIT_ASSERT_EQUAL(size, ops_.encode(self_, &raw, message.data(), size));
        for (std::size_t i = 0; i < kGuard; ++i) {
            CPPUNIT_ASSERT_EQUAL(0xA5, int{message[size + i]});
        }
        message.resize(size);
        message.shrink_to_fit(); // a reader that goes too far is seen by ASan
        return message;
    }

    std::size_t encodeInto(FakeRequest &request, std::vector<std::uint8_t> &out) const
    {
        const pb_request raw = request.raw();
        return ops_.encode(self_, &raw, out.data(), out.size());
    }

    const pb_module &module() const { return module_; }

private:
    FakeHost host_;
    const pb_module &module_;
    const pb_encoder_ops &ops_;
    void *self_ = nullptr;
};

} // namespace fixture
