// Prototype (keepBodiesInMemory) and worker process, main thread, called by PHP. Before: the body's
// length is known, the router has all of it. After: sapi.cpp's readPost().
#include "body_stream.hpp"

#include "php_api.hpp"

#include <main/php_memory_streams.h>

namespace patchbay::php {

namespace {

constexpr zend_long kMostInMemory = zend_long{256} * 1024; // it counts for memory_limit

void (*readStandardForm)() = nullptr; // PHP's
void (*readOther)() = nullptr;

bool fitsInMemory() noexcept
{
    const zend_long size = SG(request_info).content_length;
    const zend_long allowed = SG(post_max_size);
    return size <= kMostInMemory && (allowed <= 0 || size <= allowed);
}

// All of the body, as it is, without a copy on the way.
void readIntoMemory()
{
    const auto size = static_cast<std::size_t>(SG(request_info).content_length);
    zend_string *body = zend_string_alloc(size, false);
    ZSTR_LEN(body) = sapi_read_post_block(ZSTR_VAL(body), size); // less: the client has left
    ZSTR_VAL(body)[ZSTR_LEN(body)] = '\0';
    char behind = 0;
    sapi_read_post_block(&behind, 1); // there is none: PHP takes note of the end
    SG(request_info).request_body = php_stream_memory_open(TEMP_STREAM_DEFAULT, body);
    zend_string_release(body);
}

// Content types that PHP knows to be forms.
void readForm()
{
    fitsInMemory() ? readIntoMemory() : readStandardForm();
}

// PHP calls this one behind the form's, too.
void readPostOfOtherType()
{
    if (SG(request_info).post_entry == nullptr && fitsInMemory()) {
        readIntoMemory();
    } else {
        readOther();
    }
}

} // namespace

void keepBodiesInMemory() noexcept
{
    auto *form = static_cast<sapi_post_entry *>(zend_hash_str_find_ptr(
        &SG(known_post_content_types), ZEND_STRL("application/x-www-form-urlencoded")));
    if (form != nullptr && form->post_reader != nullptr) {
        readStandardForm = form->post_reader;
        form->post_reader = &readForm;
    }
    if (sapi_module.default_post_reader != nullptr) {
        readOther = sapi_module.default_post_reader;
        sapi_module.default_post_reader = &readPostOfOtherType;
    }
}

// Of other methods php://input reads the body when a script does, into the stream that is there.
int activateBody()
{
    if (SG(request_info).content_length > 0 && SG(request_info).request_body == nullptr &&
        SG(request_info).content_type_dup == nullptr && fitsInMemory()) {
        SG(request_info).request_body = php_stream_memory_create(TEMP_STREAM_DEFAULT);
    }
    return SUCCESS;
}

} // namespace patchbay::php
