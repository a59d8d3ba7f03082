// What is said of a certificate, and every upload that is refused (control-api.md 5; K1, K2).
#include "pem_maker.hpp"

#include "router/api/certificate_info.hpp"
#include "json/writer.hpp"

#include <cppunit/extensions/HelperMacros.h>

#include <openssl/err.h>

#include <algorithm>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using namespace patchbay::api::test;
using namespace std::string_literals;

std::string infoOf(const std::string &pem)
{
    return json::writeCompact(certificateInfo(pem));
}

// Why it is refused.
std::string refusalOf(const std::string &pem)
{
    try {
        return "taken: " + infoOf(pem);
    } catch (const CertificateError &error) {
        CPPUNIT_ASSERT_EQUAL(0UL, ERR_peek_error()); // nothing is left for the next one
        return error.what();
    }
}

void refuses(const std::string &why, const std::string &pem)
{
    CPPUNIT_ASSERT_EQUAL(why, refusalOf(pem).substr(0, why.size()));
}

// The bytes of a block of a PEM text.
std::string bytesOf(const std::string &pem)
{
    std::unique_ptr<BIO, Deleter<BIO_free>> source(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    char *name = nullptr;
    char *header = nullptr;
    unsigned char *data = nullptr;
    long size = 0;
    CPPUNIT_ASSERT_EQUAL(1, PEM_read_bio(source.get(), &name, &header, &data, &size));
    std::string bytes(reinterpret_cast<const char *>(data), static_cast<std::size_t>(size));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return bytes;
}

const std::string kValidity =
    R"("validity":{"since":"Nov  3 04:31:12 2026 GMT","until":"Nov 23 04:31:12 2037 GMT"})";

class CertificateInfoTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CertificateInfoTest);
    CPPUNIT_TEST(everyMemberInItsOrder);
    CPPUNIT_TEST(whatIsAbsentIsLeftOut);
    CPPUNIT_TEST(kindsOfKeys);
    CPPUNIT_TEST(theOldFormsOfKeys);
    CPPUNIT_TEST(anyOrderAndTextBetween);
    CPPUNIT_TEST(namesInAnyEncoding);
    CPPUNIT_TEST(datesFarAway);
    CPPUNIT_TEST(theKeyMustBelongToTheFirstOne);
    CPPUNIT_TEST(keysAreOneAndNotEncrypted);
    CPPUNIT_TEST(otherBlocks);
    CPPUNIT_TEST(damagedBlocks);
    CPPUNIT_TEST(damagedNames);
    CPPUNIT_TEST(sizesAreBounded);
    CPPUNIT_TEST(anyCutAndAnyBitFlipIsSurvived);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        key_ = ecKey();
        leaf_ = certificatePem(key_, {.subject = {{"CN", "a"}}});
        pem_ = keyPem(key_) + leaf_;
    }

    void everyMemberInItsOrder()
    {
        PrivateKey authority = ecKey();
        CertificateWish wish;
        // The order in the certificate and what is given twice make no difference.
        wish.subject = {{"OU", "Department"}, {"OU", "Another"}, {"O", "Organization"},
                        {"L", "Locality"},    {"ST", "State"},   {"C", "DE"},
                        {"CN", "a.example"},  {"CN", "b"},       {"emailAddress", "x@a.example"}};
        wish.issuer = {{"C", "FR"}, {"O", "Authority \"A\""}};
        wish.altNames = "DNS:a.example,IP:127.0.0.1,DNS:*.b.example,URI:https://c.example/";
        wish.issuerAltNames = "email:x@d.example,DNS:d.example";
        CertificateWish root;
        root.subject = root.issuer = {{"CN", "Root"}};
        std::string pem = keyPem(key_) + certificatePem(key_, wish, authority.get()) +
                          certificatePem(authority, root);
        CPPUNIT_ASSERT_EQUAL(
            R"({"key":"ECDH","chain":[{"subject":{"common_name":"a.example","alt_names":)"
            R"(["a.example","*.b.example"],"country":"DE","state_or_province":"State",)"
            R"("locality":"Locality","organization":"Organization","department":"Department"},)"
            R"("issuer":{"alt_names":["d.example"],"country":"FR",)"
            R"("organization":"Authority \"A\""},)" +
                kValidity + R"(},{"subject":{"common_name":"Root"},)" +
                R"("issuer":{"common_name":"Root"},)" + kValidity + "}]}",
            infoOf(pem));
    }

    void whatIsAbsentIsLeftOut()
    {
        CertificateWish wish;
        wish.altNames = "IP:::1";
        CPPUNIT_ASSERT_EQUAL(R"({"key":"ECDH","chain":[{"subject":{},"issuer":{},)" + kValidity +
                                 "}]}",
                             infoOf(keyPem(key_) + certificatePem(key_, wish)));
    }

    void kindsOfKeys()
    {
        PrivateKey dh = dhKey("ffdhe2048");
        auto kindOf = [](const PrivateKey &key, EVP_PKEY *signer = nullptr) {
            json::Value info = certificateInfo(keyPem(key) + certificatePem(key, {}, signer));
            return std::string(info.stringOf("key"));
        };
        CPPUNIT_ASSERT_EQUAL("RSA (2048 bits)"s, kindOf(rsaKey(2048)));
        CPPUNIT_ASSERT_EQUAL("RSA (1024 bits)"s, kindOf(rsaKey(1024)));
        CPPUNIT_ASSERT_EQUAL("ECDH"s, kindOf(ecKey("P-384")));
        CPPUNIT_ASSERT_EQUAL("unknown"s, kindOf(ed25519Key()));
        CPPUNIT_ASSERT_EQUAL("DH (2048 bits)"s, kindOf(dh, key_.get()));
    }

    void theOldFormsOfKeys()
    {
        PrivateKey rsa = rsaKey(1024);
        std::string old = oldKeyPem(rsa);
        CPPUNIT_ASSERT_EQUAL("-----BEGIN RSA PRIVATE KEY-----"s, old.substr(0, 31));
        CPPUNIT_ASSERT_EQUAL(
            "RSA (1024 bits)"s,
            std::string(certificateInfo(old + certificatePem(rsa, {})).stringOf("key")));
        old = oldKeyPem(key_);
        CPPUNIT_ASSERT_EQUAL("-----BEGIN EC PRIVATE KEY-----"s, old.substr(0, 30));
        CPPUNIT_ASSERT_EQUAL(infoOf(pem_), infoOf(old + leaf_));
        CPPUNIT_ASSERT_EQUAL(infoOf(pem_),
                             infoOf(keyPem(key_) + block("X509 CERTIFICATE", bytesOf(leaf_))));
        CPPUNIT_ASSERT_EQUAL(infoOf(pem_),
                             infoOf(keyPem(key_) + block("TRUSTED CERTIFICATE", bytesOf(leaf_))));
    }

    void anyOrderAndTextBetween()
    {
        PrivateKey authority = ecKey();
        std::string root = certificatePem(authority, {.subject = {{"CN", "Root"}}});
        std::string info = infoOf(keyPem(key_) + leaf_ + root);
        CPPUNIT_ASSERT_EQUAL(info, infoOf(leaf_ + keyPem(key_) + root));
        CPPUNIT_ASSERT_EQUAL(info, infoOf(leaf_ + root + keyPem(key_)));
        CPPUNIT_ASSERT_EQUAL(
            info,
            infoOf("subject=/CN=a\n  i: 0\n\n" + leaf_ + "\0 --- \xff\r\n-----BEGINNING-----\n"s +
                   root + std::string(100'000, 'x') + "\n" + keyPem(key_) + "no line end"));
        std::string windows = pem_;
        for (std::size_t at = 0; (at = windows.find('\n', at)) != std::string::npos; at += 2) {
            windows.insert(at, "\r");
        }
        CPPUNIT_ASSERT_EQUAL(infoOf(pem_), infoOf(windows));
        CPPUNIT_ASSERT_EQUAL(infoOf(pem_), infoOf(pem_.substr(0, pem_.size() - 1)));
    }

    void namesInAnyEncoding()
    {
        auto nameOf = [&](int type, const std::string &name) {
            CertificateWish wish{.subject = {{"CN", name}}, .textType = type};
            json::Value info = certificateInfo(keyPem(key_) + certificatePem(key_, wish));
            return std::string(
                info.find("chain")->items().at(0).find("subject")->stringOf("common_name"));
        };
        CPPUNIT_ASSERT_EQUAL("é日"s, nameOf(MBSTRING_UTF8, "é日"));
        CPPUNIT_ASSERT_EQUAL("é"s, nameOf(V_ASN1_T61STRING, "\xe9"));
        CPPUNIT_ASSERT_EQUAL("é日"s, nameOf(V_ASN1_BMPSTRING, "\0\xe9\x65\xe5"s));
        CPPUNIT_ASSERT_EQUAL("a\0b"s, nameOf(MBSTRING_UTF8, "a\0b"s));
    }

    void datesFarAway()
    {
        CertificateWish wish{.since = "19500101000000Z", .until = "99991231235959Z"};
        std::string info = infoOf(keyPem(key_) + certificatePem(key_, wish));
        CPPUNIT_ASSERT_MESSAGE(info,
                               info.find(R"({"since":"Jan  1 00:00:00 1950 GMT","until":)"
                                         R"("Dec 31 23:59:59 9999 GMT"})") != std::string::npos);
    }

    void theKeyMustBelongToTheFirstOne() // K1
    {
        const std::string why = "The private key does not belong to the first certificate: ";
        PrivateKey other = ecKey();
        refuses(why, keyPem(other) + leaf_);
        refuses(why, keyPem(rsaKey(1024)) + leaf_);
        refuses(why, keyPem(ecKey("P-384")) + leaf_);
        refuses(why, certificatePem(other, {}) + pem_);
        CPPUNIT_ASSERT_EQUAL("taken: "s, refusalOf(pem_ + certificatePem(other, {})).substr(0, 7));
    }

    void keysAreOneAndNotEncrypted() // K2
    {
        refuses("There is no private key in it.", leaf_);
        refuses("There is no certificate in it.", keyPem(key_));
        refuses("There is no private key in it.", "");
        refuses("There is no private key in it.", "junk\0junk"s);
        refuses("Block 3 (\"PRIVATE KEY\") is a second private key.", pem_ + keyPem(key_));
        refuses("Block 2 (\"EC PRIVATE KEY\") is a second private key.",
                keyPem(key_) + oldKeyPem(key_) + leaf_);
        refuses("Block 1 (\"ENCRYPTED PRIVATE KEY\") is encrypted.", keyPem(key_, "pw") + leaf_);
        refuses("Block 2 (\"EC PRIVATE KEY\") is encrypted.", leaf_ + oldKeyPem(key_, "pw"));
        refuses("Block 3 (\"ENCRYPTED PRIVATE KEY\") is encrypted.", pem_ + keyPem(key_, "pw"));
    }

    void otherBlocks()
    {
        const std::string why = " is neither a certificate nor a private key.";
        for (const char *name :
             {"EC PARAMETERS", "DH PARAMETERS", "PUBLIC KEY", "X509 CRL", "CERTIFICATE REQUEST",
              "NEW CERTIFICATE REQUEST", "JUNK PRIVATE KEY", "ANY PRIVATE KEY", "certificate"}) {
            std::string junk = block(name, "junk");
            refuses("Block 3 (\""s + name + "\")" + why, pem_ + junk);
            refuses("Block 1 (\""s + name + "\")" + why, junk + pem_);
        }
        // The answer is JSON whatever the name is.
        std::string wild = pem_ + block("\x01\xff\"", "junk");
        refuses("Block 3 (\"??\"\")" + why, wild);
        refuses("Block 3 (\"" + std::string(64, 'A') + "\")" + why,
                pem_ + block(std::string(200, 'A'), "junk"));
    }

    void damagedBlocks()
    {
        std::string key = keyPem(key_);
        refuses("Block 2 cannot be read: ", key + leaf_.substr(0, leaf_.size() / 2));
        refuses("Block 2 cannot be read: ", key + "-----BEGIN CERTIFICATE-----\n");
        std::string wrongEnd = leaf_;
        wrongEnd.replace(wrongEnd.rfind("CERTIFICATE"), 11, "CERTIFICATES");
        refuses("Block 2 cannot be read: ", key + wrongEnd);
        std::string noBase64 = leaf_;
        noBase64[40] = '!';
        refuses("Block 2 cannot be read: ", key + noBase64);
        refuses("Block 2 (\"CERTIFICATE\") cannot be read: ", key + block("CERTIFICATE", "junk"));
        refuses("Block 1 (\"CERTIFICATE\") cannot be read: something follows its content.",
                block("CERTIFICATE", bytesOf(leaf_) + bytesOf(leaf_)) + key);
        refuses("Block 1 (\"PRIVATE KEY\") cannot be read: something follows its content.",
                block("PRIVATE KEY", bytesOf(key) + '\0') + leaf_);
        for (const char *name :
             {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"}) {
            refuses("Block 1 (\""s + name + "\") cannot be read: ", block(name, "junk") + leaf_);
            refuses("Block 1 (\""s + name + "\") cannot be read: ",
                    block(name, bytesOf(leaf_)) + leaf_);
        }
        refuses("Block 1 (\"EC PRIVATE KEY\") cannot be read: ",
                block("EC PRIVATE KEY", bytesOf(oldKeyPem(rsaKey(1024)))) + leaf_);
        refuses("Block 1 (\"PRIVATE KEY\") has header lines.",
                block("PRIVATE KEY", bytesOf(key), "X-Note: x\n") + leaf_);
        refuses("Block 2 (\"CERTIFICATE\") has header lines.",
                key + block("CERTIFICATE", bytesOf(leaf_), "X-Note: x\n"));
    }

    void damagedNames()
    {
        std::string key = keyPem(key_);
        refuses("The alternative names of a certificate cannot be read: ",
                key + certificatePem(key_, {.brokenAltNames = "junk"}));
        CertificateWish twice{.altNames = "DNS:a"};
        twice.brokenAltNames = std::string("\x30\x03\x82\x01"
                                           "b");
        refuses("The alternative names of a certificate cannot be read",
                key + certificatePem(key_, twice));
        // Not UTF-8, no month of that number.
        refuses("Block 2 (\"CERTIFICATE\") cannot be read: ",
                key + altered({.subject = {{"CN", "é"}}}, "é", "\xc3("));
        refuses("A date in a certificate cannot be read", key + altered({}, "261103", "269903"));
    }

    void sizesAreBounded()
    {
        std::string filler(kMaxCertificateText - pem_.size() - 1, 'x');
        CPPUNIT_ASSERT_EQUAL(infoOf(pem_), infoOf(pem_ + filler + "\n"));
        refuses("It is larger than 1 MiB.", pem_ + filler + "xx");
        const std::string why = ") is larger than any key that could be used.";
        refuses("Block 1 (\"DSA PRIVATE KEY\"" + why,
                block("DSA PRIVATE KEY", std::string(4097, 'x')) + leaf_);
        refuses("Block 1 (\"RSA PRIVATE KEY\"" + why,
                block("RSA PRIVATE KEY", std::string(16'385, 'x')) + leaf_);
        // As many certificates as fit.
        std::string many = pem_;
        while (many.size() + leaf_.size() <= kMaxCertificateText) {
            many += leaf_;
        }
        CPPUNIT_ASSERT(certificateInfo(many).find("chain")->items().size() > 1000);
    }

    void anyCutAndAnyBitFlipIsSurvived()
    {
        std::string key = bytesOf(keyPem(key_));
        std::string leaf = bytesOf(certificatePem(
            key_, {.subject = {{"CN", "a"}}, .issuer = {{"O", "b"}}, .altNames = "DNS:a.b"}));
        for (std::string *part : {&key, &leaf}) {
            const std::string whole = *part;
            for (std::size_t i = 1; i < whole.size(); i++) {
                *part = whole.substr(0, i);
                refuses("", block("PRIVATE KEY", key) + block("CERTIFICATE", leaf));
                for (char flip : {'\x01', '\x20', '\x80', '\xff'}) {
                    *part = whole;
                    (*part)[i] = static_cast<char>((*part)[i] ^ flip);
                    refusalOf(block("PRIVATE KEY", key) + block("CERTIFICATE", leaf));
                }
            }
            *part = whole;
        }
        for (std::size_t i = 0; i < pem_.size() - 1; i++) {
            CPPUNIT_ASSERT(!refusalOf(pem_.substr(0, i)).starts_with("taken"));
        }
    }

private:
    // A certificate with other bytes in the place of some that were in it.
    std::string altered(const CertificateWish &wish, const std::string &from,
                        const std::string &to) const
    {
        std::string bytes = bytesOf(certificatePem(key_, wish));
        std::size_t at = bytes.find(from);
        CPPUNIT_ASSERT(at != std::string::npos && from.size() == to.size());
        return block("CERTIFICATE", bytes.replace(at, to.size(), to));
    }

    PrivateKey key_;
    std::string leaf_, pem_; // pem_: key and leaf
};

CPPUNIT_TEST_SUITE_REGISTRATION(CertificateInfoTest);

} // namespace
