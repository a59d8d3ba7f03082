// Keys and certificates made for a test, as PEM text.
#pragma once

#include "router/api/pem_reader.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace patchbay::api::test {

inline std::string written(const std::function<int(BIO *)> &write)
{
    std::unique_ptr<BIO, Deleter<BIO_free>> memory(BIO_new(BIO_s_mem()));
    CPPUNIT_ASSERT_EQUAL(1, write(memory.get()));
    std::string text(BIO_pending(memory.get()), '\0');
    CPPUNIT_ASSERT_EQUAL(static_cast<int>(text.size()),
                         BIO_read(memory.get(), text.data(), static_cast<int>(text.size())));
    return text;
}

inline PrivateKey checked(EVP_PKEY *key)
{
    CPPUNIT_ASSERT(key != nullptr);
    return PrivateKey(key);
}

inline PrivateKey rsaKey(std::size_t bits)
{
    return checked(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
}
inline PrivateKey ecKey(const char *curve = "P-256")
{
    return checked(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
}
inline PrivateKey ed25519Key()
{
    return checked(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}
inline PrivateKey dhKey(const char *group)
{
    std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "DH", nullptr));
    EVP_PKEY *key = nullptr;
    CPPUNIT_ASSERT(EVP_PKEY_keygen_init(context.get()) == 1 &&
                   EVP_PKEY_CTX_set_group_name(context.get(), group) == 1 &&
                   EVP_PKEY_keygen(context.get(), &key) == 1);
    return checked(key);
}

// "PRIVATE KEY"; with a password "ENCRYPTED PRIVATE KEY".
inline std::string keyPem(const PrivateKey &key, const char *password = nullptr)
{
    return written([&](BIO *to) {
        const EVP_CIPHER *cipher = password != nullptr ? EVP_aes_128_cbc() : nullptr;
        int size = password != nullptr ? static_cast<int>(std::string(password).size()) : 0;
        return PEM_write_bio_PKCS8PrivateKey(to, key.get(), cipher, password, size, nullptr,
                                             nullptr);
    });
}

// "RSA PRIVATE KEY", "EC PRIVATE KEY"; with a password it has header lines.
inline std::string oldKeyPem(const PrivateKey &key, const char *password = nullptr)
{
    return written([&](BIO *to) {
        const EVP_CIPHER *cipher = password != nullptr ? EVP_aes_128_cbc() : nullptr;
        return PEM_write_bio_PrivateKey_traditional(to, key.get(), cipher, nullptr, 0, nullptr,
                                                    const_cast<char *>(password));
    });
}

struct CertificateWish {
    // Fields and values: {"CN", "a.example"}, UTF-8.
    std::vector<std::pair<const char *, std::string>> subject = {};
    std::vector<std::pair<const char *, std::string>> issuer = {};
    std::string altNames = {};       // "DNS:a.example,IP:127.0.0.1"
    std::string issuerAltNames = {}; // the same
    std::string brokenAltNames = {}; // bytes of the extension that it must not have
    const char *since = "20261103043112Z";
    const char *until = "20371123043112Z";
    int textType = MBSTRING_UTF8; // of the names
};

inline void setName(X509_NAME *name, const CertificateWish &wish,
                    const std::vector<std::pair<const char *, std::string>> &entries)
{
    for (const auto &[field, value] : entries) {
        const auto *bytes = reinterpret_cast<const unsigned char *>(value.data());
        CPPUNIT_ASSERT_EQUAL(1, X509_NAME_add_entry_by_txt(name, field, wish.textType, bytes,
                                                           static_cast<int>(value.size()), -1, 0));
    }
}

inline void addExtension(X509 *certificate, int kind, const std::string &value)
{
    if (!value.empty()) {
        std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
            X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
        CPPUNIT_ASSERT_EQUAL(1, X509_add_ext(certificate, extension.get(), -1));
    }
}

inline void addBrokenExtension(X509 *certificate, const std::string &bytes)
{
    if (!bytes.empty()) {
        std::unique_ptr<ASN1_OCTET_STRING, Deleter<ASN1_OCTET_STRING_free>> data(
            ASN1_OCTET_STRING_new());
        ASN1_OCTET_STRING_set(data.get(), reinterpret_cast<const unsigned char *>(bytes.data()),
                              static_cast<int>(bytes.size()));
        std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
            X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, data.get()));
        CPPUNIT_ASSERT_EQUAL(1, X509_add_ext(certificate, extension.get(), -1));
    }
}

// For the key, signed by `signer`; null: by itself.
inline Certificate certificate(const PrivateKey &key, const CertificateWish &wish,
                               EVP_PKEY *signer = nullptr)
{
    Certificate made(X509_new());
    CPPUNIT_ASSERT_EQUAL(1, X509_set_version(made.get(), X509_VERSION_3));
    setName(X509_get_subject_name(made.get()), wish, wish.subject);
    setName(X509_get_issuer_name(made.get()), wish, wish.issuer);
    CPPUNIT_ASSERT_EQUAL(1, ASN1_TIME_set_string(X509_getm_notBefore(made.get()), wish.since));
    CPPUNIT_ASSERT_EQUAL(1, ASN1_TIME_set_string(X509_getm_notAfter(made.get()), wish.until));
    CPPUNIT_ASSERT_EQUAL(1, X509_set_pubkey(made.get(), key.get()));
    addExtension(made.get(), NID_subject_alt_name, wish.altNames);
    addExtension(made.get(), NID_issuer_alt_name, wish.issuerAltNames);
    addBrokenExtension(made.get(), wish.brokenAltNames);
    EVP_PKEY *with = signer != nullptr ? signer : key.get();
    bool hashes = EVP_PKEY_get_base_id(with) != EVP_PKEY_ED25519;
    CPPUNIT_ASSERT(X509_sign(made.get(), with, hashes ? EVP_sha256() : nullptr) > 0);
    return made;
}

inline std::string certificatePem(const PrivateKey &key, const CertificateWish &wish,
                                  EVP_PKEY *signer = nullptr)
{
    Certificate made = certificate(key, wish, signer);
    return written([&](BIO *to) { return PEM_write_bio_X509(to, made.get()); });
}

// Any bytes as a block.
inline std::string block(const std::string &name, const std::string &bytes,
                         const std::string &header = {})
{
    return written([&](BIO *to) {
        return PEM_write_bio(to, name.c_str(), header.c_str(),
                             reinterpret_cast<const unsigned char *>(bytes.data()),
                             static_cast<long>(bytes.size())) > 0
                   ? 1
                   : 0;
    });
}

} // namespace patchbay::api::test
