// [control] See pem_reader.hpp. Whatever the text is, the work is bounded: by its size, and by the
// size of the key, since OpenSSL computes the public part of some.
#include "router/api/pem_reader.hpp"

#include "router/api/certificate_info.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits>

namespace patchbay::api {
namespace {

// More than any key has that OpenSSL can use: RSA of 16384 bits, others of 10000.
constexpr std::size_t kMaxRsaKey = 16 * 1024;
constexpr std::size_t kMaxOtherKey = 4 * 1024;

using Source = std::unique_ptr<BIO, Deleter<BIO_free>>;
using KeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<PKCS8_PRIV_KEY_INFO_free>>;

// One block; its memory is OpenSSL's, wiped at the end.
class Block {
public:
    explicit Block(std::size_t number) : number_(number) {}
    ~Block()
    {
        OPENSSL_secure_free(name_);
        OPENSSL_secure_free(header_);
        OPENSSL_secure_clear_free(data_, size());
    }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;

    // false: there is no further one.
    bool read(BIO *source)
    {
        if (PEM_read_bio_ex(source, &name_, &header_, &data_, &length_,
                            PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1) {
            return true;
        }
        unsigned long error = ERR_peek_last_error();
        if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
            ERR_clear_error();
            return false;
        }
        throw CertificateError("Block " + std::to_string(number_) + " cannot be read" +
                               opensslReason() + ".");
    }

    std::string_view name() const noexcept { return name_; }
    std::string_view header() const noexcept { return header_; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(length_); }

    // Decodes all of it with decode(const unsigned char **at, long length), which gives an object
    // or null.
    template <class Object, class Decode>
    Object decode(const Decode &decode) const
    {
        const unsigned char *at = data_;
        Object object(decode(&at, length_));
        if (!object) {
            refuse("cannot be read" + opensslReason());
        }
        if (at != data_ + length_) {
            refuse("cannot be read: something follows its content");
        }
        return object;
    }

    // "Block 2 ("PRIVATE KEY") WHY."
    [[noreturn]] void refuse(const std::string &why) const
    {
        std::string shown(name().substr(0, 64)); // it may be anything
        for (char &c : shown) {
            c = c >= ' ' && c <= '~' ? c : '?';
        }
        throw CertificateError("Block " + std::to_string(number_) + " (\"" + shown + "\") " + why +
                               ".");
    }

private:
    std::size_t number_; // from 1
    char *name_ = nullptr;
    char *header_ = nullptr;
    unsigned char *data_ = nullptr;
    long length_ = 0;
};

bool isCertificate(const Block &block)
{
    return block.name() == PEM_STRING_X509 || block.name() == PEM_STRING_X509_OLD ||
           block.name() == PEM_STRING_X509_TRUSTED;
}

Certificate readCertificate(const Block &block)
{
    if (block.name() == PEM_STRING_X509_TRUSTED) { // followed by what it is trusted for
        return block.decode<Certificate>([](const unsigned char **at, long length) {
            return d2i_X509_AUX(nullptr, at, length);
        });
    }
    return block.decode<Certificate>(
        [](const unsigned char **at, long length) { return d2i_X509(nullptr, at, length); });
}

// Kinds of keys that have a form of their own besides PKCS#8; EVP_PKEY_NONE: not the name of one.
int kindOf(std::string_view name)
{
    return name == PEM_STRING_RSA            ? EVP_PKEY_RSA
           : name == PEM_STRING_DSA          ? EVP_PKEY_DSA
           : name == PEM_STRING_ECPRIVATEKEY ? EVP_PKEY_EC
                                             : EVP_PKEY_NONE;
}

void checkSize(const Block &block, bool rsa)
{
    if (block.size() > (rsa ? kMaxRsaKey : kMaxOtherKey)) {
        block.refuse("is larger than any key that could be used");
    }
}

PrivateKey readKey(const Block &block, int kind)
{
    checkSize(block, kind == EVP_PKEY_RSA);
    return block.decode<PrivateKey>([kind](const unsigned char **at, long length) {
        return d2i_PrivateKey(kind, nullptr, at, length);
    });
}

PrivateKey readPkcs8(const Block &block)
{
    KeyInfo info = block.decode<KeyInfo>([](const unsigned char **at, long length) {
        return d2i_PKCS8_PRIV_KEY_INFO(nullptr, at, length);
    });
    const ASN1_OBJECT *algorithm = nullptr;
    PKCS8_pkey_get0(&algorithm, nullptr, nullptr, nullptr, info.get());
    int kind = OBJ_obj2nid(algorithm);
    checkSize(block, kind == NID_rsaEncryption || kind == NID_rsassaPss);
    PrivateKey key(EVP_PKCS82PKEY(info.get()));
    if (!key) {
        block.refuse("cannot be read" + opensslReason());
    }
    return key;
}

void take(const Block &block, KeyAndChain &result)
{
    int kind = kindOf(block.name());
    bool encrypted = block.name() == PEM_STRING_PKCS8;
    bool key = encrypted || kind != EVP_PKEY_NONE || block.name() == PEM_STRING_PKCS8INF;
    if (!key && !isCertificate(block)) {
        block.refuse("is neither a certificate nor a private key");
    }
    if (encrypted || block.header().find("ENCRYPTED") != std::string_view::npos) {
        block.refuse("is encrypted");
    }
    if (!block.header().empty()) {
        block.refuse("has header lines");
    }
    if (!key) {
        result.chain.push_back(readCertificate(block));
        return;
    }
    if (result.key) {
        block.refuse("is a second private key");
    }
    result.key = kind != EVP_PKEY_NONE ? readKey(block, kind) : readPkcs8(block);
}

} // namespace

KeyAndChain readPem(std::string_view pem)
{
    if (pem.size() > kMaxCertificateText) {
        throw CertificateError("It is larger than 1 MiB.");
    }
    static_assert(kMaxCertificateText <= std::numeric_limits<int>::max());
    Source source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!source) {
        throw std::bad_alloc();
    }
    KeyAndChain result;
    for (std::size_t number = 1;; number++) {
        Block block(number);
        if (!block.read(source.get())) {
            break;
        }
        take(block, result);
    }
    if (!result.key) {
        throw CertificateError("There is no private key in it.");
    }
    if (result.chain.empty()) {
        throw CertificateError("There is no certificate in it.");
    }
    return result;
}

std::string opensslReason()
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason != nullptr ? std::string(": ") + reason : std::string();
}

} // namespace patchbay::api
