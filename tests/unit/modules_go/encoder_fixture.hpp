// An encoder of modules/go, used as the core uses it.
#pragma once

#include "modules_python/module_file.hpp"
#include "patchbay/abi.h"

#include <cppunit/TestAssert.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fixture {

class ProgramEncoder {
public:
    explicit ProgramEncoder(const char *file)
        : module_(loadModule(file, RTLD_LOCAL)),
          ops_(*static_cast<const pb_encoder_ops *>(module_.ops))
    {
        pb_error error{};
        error.struct_size = sizeof error;
        self_ = module_.create(&host_.raw, {"{}", 2}, &error);
        CPPUNIT_ASSERT_MESSAGE(error.text, self_ != nullptr);
    }
    ~ProgramEncoder() { module_.destroy(self_); }
    ProgramEncoder(const ProgramEncoder &) = delete;
    ProgramEncoder &operator=(const ProgramEncoder &) = delete;

    std::string id() const { return module_.id; }

    // Asserts that the size promised is the size written and that nothing lies beyond it.
    std::vector<std::uint8_t> encode(const pb_request &request) const
    {
        constexpr std::uint8_t kUntouched = 0xA5;
        const std::size_t size = ops_.encoded_size(self_, &request);
        std::vector<std::uint8_t> bytes(size + 16, kUntouched);
        CPPUNIT_ASSERT_EQUAL(size, ops_.encode(self_, &request, bytes.data(), size));
        for (std::size_t i = size; i < bytes.size(); ++i) {
            CPPUNIT_ASSERT_EQUAL(unsigned{kUntouched}, unsigned{bytes[i]});
        }
        bytes.resize(size);
        return bytes;
    }

    std::size_t encodeInto(const pb_request &request, std::size_t capacity) const
    {
        std::vector<std::uint8_t> bytes(capacity);
        return ops_.encode(self_, &request, bytes.data(), capacity);
    }

private:
    FakeHost host_;
    const pb_module &module_;
    const pb_encoder_ops &ops_;
    void *self_;
};

} // namespace fixture
