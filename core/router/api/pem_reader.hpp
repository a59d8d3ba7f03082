// [control] The blocks of a PEM text, one after the other, and the objects of OpenSSL in them. Used
// by certificate_info.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::api {

template <auto Free>
struct Deleter {
    template <class Object>
    void operator()(Object *object) const noexcept
    {
        Free(object);
    }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

struct KeyAndChain {
    PrivateKey key;                 // never null
    std::vector<Certificate> chain; // at least one, in the order of the text
};

// Exactly one key, not encrypted, and certificates; nothing else, and each block whole. Whether
// they belong together is not looked at. Throws CertificateError.
KeyAndChain readPem(std::string_view pem);

// Why OpenSSL has refused something, as ": wrong tag", and forgets it; empty if it does not say.
std::string opensslReason();

} // namespace patchbay::api
