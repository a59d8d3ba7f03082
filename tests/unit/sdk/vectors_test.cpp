// sdk/vectors says what the server writes and accepts. To extend them see README.md there.
#include "message.hpp"
#include "modules_go/encoder_fixture.hpp"
#include "vector_file.hpp"
#include "worker/reply_head.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <cstring>
#include <map>

namespace {

using fixture::Block;
using fixture::Bytes;
using fixture::Statement;
using fixture::VectorFile;
using patchbay::program::Field;
using patchbay::program::Head;
using patchbay::program::Text;

pb_str borrow(const std::string &text)
{
    return {text.data(), text.size()};
}

std::vector<pb_field> fieldsOf(const Block &block)
{
    std::vector<pb_field> fields;
    for (const Statement *field : block.all("field")) {
        fields.push_back({borrow(field->arguments.at(0)), borrow(field->arguments.at(1))});
    }
    return fields;
}

// The request that a block describes. Borrows from the block and from `fields`.
pb_request requestOf(const Block &block, const std::vector<pb_field> &fields)
{
    static const std::map<std::string, pb_str pb_request::*> kTexts{
        {"method", &pb_request::method},
        {"target", &pb_request::target},
        {"path", &pb_request::path},
        {"query", &pb_request::query},
        {"version", &pb_request::version},
        {"scheme", &pb_request::scheme},
        {"host", &pb_request::host},
        {"serverName", &pb_request::server_name},
        {"serverPort", &pb_request::server_port},
        {"localAddress", &pb_request::local_address},
        {"remoteAddress", &pb_request::remote_address},
        {"contentType", &pb_request::content_type},
    };
    pb_request request{};
    request.struct_size = sizeof request;
    request.flags = static_cast<std::uint32_t>(block.number("flags"));
    request.exchange_id = block.number("exchangeId");
    request.content_length = block.number("contentLength");
    request.engine = static_cast<std::uint32_t>(block.number("engine"));
    request.target_index = static_cast<std::uint32_t>(block.number("targetIndex"));
    request.local_port = static_cast<std::uint32_t>(block.number("localPort"));
    request.remote_port = static_cast<std::uint32_t>(block.number("remotePort"));
    CPPUNIT_ASSERT_EQUAL(kTexts.size(), block.all("text").size());
    for (const Statement *text : block.all("text")) {
        if (text->quoted.at(1)) {
            request.*kTexts.at(text->arguments[0]) = borrow(text->arguments[1]);
        } else {
            CPPUNIT_ASSERT_EQUAL(std::string("absent"), text->arguments[1]);
        }
    }
    request.fields = fields.data();
    request.field_count = fields.size();
    return request;
}

template <class T>
T load(const Bytes &bytes, std::size_t offset)
{
    T value;
    CPPUNIT_ASSERT(offset + sizeof value <= bytes.size());
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

void append(Bytes &bytes, const void *data, std::size_t size, std::size_t padded)
{
    const auto *begin = static_cast<const std::uint8_t *>(data);
    bytes.insert(bytes.end(), begin, begin + size);
    bytes.insert(bytes.end(), padded - size, 0xEE);
}

// As a server of a later minor might write it: head and fields are longer, the rest moves up.
Bytes grown(const Bytes &message, std::uint32_t headSize, std::uint32_t stride)
{
    Head head = load<Head>(message, 0);
    const std::uint32_t before = head.fieldsOffset + head.fieldCount * head.fieldStride;
    const std::uint32_t shift = headSize + head.fieldCount * stride - before;
    const auto move = [shift](Text &text) { text.offset += text.offset == 0 ? 0 : shift; };
    for (Text *text = &head.method; text <= &head.contentType; ++text) {
        move(*text);
    }
    std::vector<Field> fields;
    for (std::uint32_t i = 0; i < head.fieldCount; ++i) {
        fields.push_back(load<Field>(message, head.fieldsOffset + i * head.fieldStride));
        move(fields.back().name);
        move(fields.back().value);
    }
    head.headSize = headSize;
    head.size += shift;
    head.fieldsOffset = headSize;
    head.fieldStride = stride;
    Bytes result;
    append(result, &head, sizeof head, headSize);
    for (const Field &field : fields) {
        append(result, &field, sizeof field, stride);
    }
    result.insert(result.end(), message.begin() + before, message.end());
    return result;
}

// What the lines `set`, `cut` and `append` make of a message.
Bytes damage(Bytes bytes, const Block &block)
{
    for (const Statement &statement : block.statements) {
        if (statement.word == "set") {
            const Bytes part = fixture::fromHex(statement.arguments.at(1));
            const std::size_t offset = std::stoull(statement.arguments[0]);
            CPPUNIT_ASSERT(offset + part.size() <= bytes.size());
            std::copy(part.begin(), part.end(), bytes.begin() + static_cast<long>(offset));
        } else if (statement.word == "cut") {
            bytes.resize(std::stoull(statement.arguments.at(0)));
        } else if (statement.word == "append") {
            const Bytes part = fixture::fromHex(statement.arguments.at(0));
            bytes.insert(bytes.end(), part.begin(), part.end());
        }
    }
    return bytes;
}

} // namespace

class VectorsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(VectorsTest);
    CPPUNIT_TEST(testRequests);
    CPPUNIT_TEST(testDamaged);
    CPPUNIT_TEST(testReplies);
    CPPUNIT_TEST_SUITE_END();

    fixture::ProgramEncoder encoder_{ENCODER_GO};

    Bytes messageOf(const Block &block) const
    {
        const std::vector<pb_field> fields = fieldsOf(block);
        const Bytes message = encoder_.encode(requestOf(block, fields));
        const Statement *newer = block.first("newer");
        return newer == nullptr
                   ? message
                   : grown(message, static_cast<std::uint32_t>(std::stoul(newer->arguments.at(0))),
                           static_cast<std::uint32_t>(std::stoul(newer->arguments.at(1))));
    }

public:
    void testRequests()
    {
        VectorFile file("requests.txt");
        CPPUNIT_ASSERT(file.blocks().size() >= 10);
        for (const Block &block : file.blocks()) {
            file.expect(block, "message", messageOf(block));
        }
        file.save();
    }

    void testDamaged()
    {
        const VectorFile requests("requests.txt");
        VectorFile file("damaged.txt");
        CPPUNIT_ASSERT(file.blocks().size() >= 20);
        for (const Block &block : file.blocks()) {
            const Statement *base = block.first("base");
            CPPUNIT_ASSERT_MESSAGE(block.name, base != nullptr);
            const Bytes whole = messageOf(requests.find(base->arguments.at(0)));
            const Bytes message = damage(whole, block);
            CPPUNIT_ASSERT_MESSAGE(block.name + " is not damaged", message != whole);
            file.expect(block, "message", message);
        }
        file.save();
    }

    void testReplies()
    {
        VectorFile file("replies.txt");
        CPPUNIT_ASSERT(file.blocks().size() >= 10);
        for (const Block &block : file.blocks()) {
            const auto status = static_cast<std::uint32_t>(block.number("status"));
            const std::vector<pb_field> fields = fieldsOf(block);
            const bool refused = block.first("refused") != nullptr;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(block.name, refused,
                                         !patchbay::worker::headFault(status, fields).empty());
            if (!refused) {
                Bytes head(patchbay::worker::headSize(fields));
                patchbay::worker::writeHead(head.data(), status, fields);
                file.expect(block, "head", head);
            }
        }
        file.save();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(VectorsTest);
