// [control] What an uploaded certificate is: checks the PEM text of key and chain, and describes it
// as /certificates shows it (control-api.md 5). Used by certificate_store.
#pragma once

#include "base/error.hpp"
#include "json/value.hpp"

#include <cstddef>
#include <string_view>

namespace patchbay::api {

inline constexpr std::size_t kMaxCertificateText = std::size_t{1} << 20; // in bytes

// What is wrong with the text; a sentence, without anything of the key.
class CertificateError : public Error {
public:
    using Error::Error;
};

// pem: one private key and one or more certificates in any order, the first of them is the key's.
// Text around the blocks does not matter. Throws CertificateError.
json::Value certificateInfo(std::string_view pem);

} // namespace patchbay::api
