// What the router knows of the certificates that main keeps.
#include "fake_world.hpp"
#include "pem_maker.hpp"

#include "router/api/certificate_info.hpp"
#include "router/api/certificate_store.hpp"
#include "json/reader.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using namespace patchbay;
using namespace patchbay::api;
using namespace patchbay::api::test;
using control::Failure;

class CertificateStoreTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CertificateStoreTest);
    CPPUNIT_TEST(whatIsStoredIsRead);
    CPPUNIT_TEST(whatIsDamagedIsLeftOut);
    CPPUNIT_TEST(nothingCanBeRead);
    CPPUNIT_TEST(storedAndRemoved);
    CPPUNIT_TEST(whatFailsChangesNothing);
    CPPUNIT_TEST(theEndOfTheRouterIsNoAnswer);
    CPPUNIT_TEST(names);
    CPPUNIT_TEST(inUse);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override
    {
        PrivateKey key = ecKey();
        pem_ = keyPem(key) + certificatePem(key, {.subject = {{"CN", "a"}}});
    }

    void whatIsStoredIsRead()
    {
        certs() = {{"b", pem_}, {"a%2Fb", pem_}, {"a", pem_}};
        store_.load();
        CPPUNIT_ASSERT_EQUAL(std::string("a a%2Fb b "), list());
        CPPUNIT_ASSERT_EQUAL(std::string("ECDH"), std::string(store_.find("b")->stringOf("key")));
        CPPUNIT_ASSERT(store_.find("c") == nullptr);
    }

    void whatIsDamagedIsLeftOut()
    {
        certs() = {{"a", pem_.substr(300)}, {"b", pem_}, {"c", ""}, {"\xff", pem_}};
        store_.load();
        CPPUNIT_ASSERT_EQUAL(std::string("b "), list());
    }

    void nothingCanBeRead()
    {
        certs() = {{"a", pem_}};
        keeper_.filesFailure = {ENOTDIR, "The directory cannot be read."};
        store_.load();
        CPPUNIT_ASSERT_EQUAL(std::string(), list());
    }

    void storedAndRemoved()
    {
        CPPUNIT_ASSERT_EQUAL(0, put("a").error);
        CPPUNIT_ASSERT_EQUAL(pem_, certs().at("a"));
        CPPUNIT_ASSERT_EQUAL(std::string("a "), list());
        CPPUNIT_ASSERT_EQUAL(0, store_.remove("a").error);
        CPPUNIT_ASSERT(certs().empty());
        CPPUNIT_ASSERT_EQUAL(std::string(), list());
        put("a");
        certs().clear(); // by hand
        CPPUNIT_ASSERT_EQUAL(0, store_.remove("a").error);
        CPPUNIT_ASSERT_EQUAL(std::string(), list());
    }

    void whatFailsChangesNothing()
    {
        put("a");
        keeper_.storeFailure = {ENOSPC, "The file cannot be written."};
        CPPUNIT_ASSERT_EQUAL(ENOSPC, put("b").error);
        Failure failure = store_.remove("a");
        CPPUNIT_ASSERT_EQUAL(ENOSPC, failure.error);
        CPPUNIT_ASSERT_EQUAL(std::string("The file cannot be written."), failure.text);
        CPPUNIT_ASSERT_EQUAL(std::string("a "), list());
    }

    void theEndOfTheRouterIsNoAnswer()
    {
        certs() = {{"a", pem_}};
        loop_.interrupt();
        store_.load();
        CPPUNIT_ASSERT_EQUAL(std::string(), list());
        CPPUNIT_ASSERT_THROW(put("b"), control::Stopping);
        CPPUNIT_ASSERT_EQUAL(std::string(), list());
        loop_.allow();
    }

    void names()
    {
        for (const std::string &good :
             {std::string("a"), std::string("..."), std::string(".a"), std::string("a%2Fb"),
              std::string("%2e%2e"), std::string("é"), std::string(255, 'a')}) {
            CPPUNIT_ASSERT_MESSAGE(good, CertificateStore::isName(good));
        }
        for (const std::string &bad :
             {std::string(), std::string("."), std::string(".."), std::string("a/b"),
              std::string("/"), std::string("a\0b", 3), std::string("\xe9"), std::string("a\xc3"),
              std::string(256, 'a')}) {
            CPPUNIT_ASSERT_MESSAGE(bad, !CertificateStore::isName(bad));
        }
    }

    void inUse() // K3
    {
        json::Value config = json::read(R"({"listeners": {
            "*:80": {"pass": "routes"},
            "*:443": {"tls": {"certificate": "one"}},
            "*:444": {"tls": {"certificate": ["two", "three"]}},
            "*:445": {"tls": {}}, "*:446": 1}})");
        for (const char *used : {"one", "two", "three"}) {
            CPPUNIT_ASSERT_MESSAGE(used, certificateInUse(config, used));
        }
        for (const char *unused : {"four", "", "On", "one "}) {
            CPPUNIT_ASSERT_MESSAGE(unused, !certificateInUse(config, unused));
        }
        for (const char *other : {"{}", R"({"listeners": []})", "null"}) {
            CPPUNIT_ASSERT(!certificateInUse(json::read(other), "one"));
        }
    }

private:
    std::map<std::string, std::string> &certs() { return keeper_.items["certs"]; }
    Failure put(const std::string &name)
    {
        return store_.store(name, certificateInfo(pem_), SecretText(std::string(pem_)));
    }
    std::string list() const
    {
        std::string names;
        const json::Value all = store_.list();
        for (const json::Member &member : all.members()) {
            names += member.name + " ";
        }
        return names;
    }

    std::string pem_;
    control::ControlLoop loop_;
    control::test::FakeKeeper keeper_{loop_};
    CertificateStore store_{loop_, keeper_};
};

CPPUNIT_TEST_SUITE_REGISTRATION(CertificateStoreTest);

} // namespace
