// One broken module per rule, and the error it gets: file and cause, for a person.
#include "base/error.hpp"
#include "support.hpp"

#include <cppunit/extensions/HelperMacros.h>

namespace {

using contract::errorOf;
using contract::load;
using contract::modulePath;

struct Rule {
    const char *module;
    const char *cause;
};

constexpr Rule kRules[] = {
    // what the linker says
    {"absent", "cannot be loaded: cannot open shared object file: No such file or directory"},
    {"text_file", "cannot be loaded: invalid ELF header"},
    {"missing_library", "cannot be loaded: libpb_contract_absent.so: cannot open shared object "
                        "file: No such file or directory"},
    {"undefined_function", "cannot be loaded: undefined symbol: pb_contract_nowhere"},
    // the symbol
    {"no_symbol", "is no module: it has no symbol patchbay_module"},
    {"symbol_is_function", "its symbol patchbay_module is no table: it must be a pb_module itself"},
    {"symbol_is_pointer", "its symbol patchbay_module is no table: it must be a pb_module itself"},
    {"long_claim", "its descriptor claims 128 bytes and has 64"},
    // the version
    {"other_major", "was built for ABI 2.1, this server speaks 1.1: install the module package "
                    "built for patchbay-abi-1"},
    {"short_descriptor", "its descriptor is 40 bytes long, ABI 1.0 has 64: set struct_size to "
                         "sizeof(pb_module)"},
    {"newer_minor", "was built for ABI 1.2, this server speaks 1.1: update the server, or install "
                    "an older package of the module"},
    // kind and id
    {"unknown_kind",
     "is of the unknown kind 99: this server knows listener, encoder, runtime and sink"},
    {"no_id", "its id \"\" is malformed: a kind, a dot and a name of a-z, 0-9 and _ are needed"},
    {"bad_id", "its id \"encoder.Con-tract\" is malformed: a kind, a dot and a name of a-z, 0-9 "
               "and _ are needed"},
    {"undotted_id", "its id \"encoder\" is malformed: a kind, a dot and a name of a-z, 0-9 and _ "
                    "are needed"},
    {"wrong_kind", "is of the wrong kind: its id is \"encoder.contract\", but its table is that of "
                   "a runtime"},
    // the members
    {"no_version", "its descriptor has no \"version\""},
    {"empty_version", "its descriptor has no \"version\""},
    {"no_schema", "its descriptor has no \"options_schema\""},
    {"no_create", "its descriptor has no \"create\""},
    {"no_destroy", "its descriptor has no \"destroy\""},
    {"no_ops", "its descriptor has no \"ops\""},
    {"short_ops",
     "its ops table is 16 bytes long, that of a module of kind encoder has at least 24"},
    {"no_encode", "its ops table has no \"encode\""},
    {"no_resolve", "its ops table has no \"resolve\""},
    {"bad_scheme", "its scheme \"a:b\" has characters other than a-z, 0-9 and _"},
    {"no_serve", "its ops table has no \"serve\""},
    // the schema
    {"schema_no_json", "its options schema cannot be used: schema at offset 9: Unexpected end of "
                       "JSON payload.  There's an object member without a value."},
    {"schema_no_object", "its options schema cannot be used: schema at \"\": must be an object"},
    {"schema_unknown_keyword",
     "its options schema cannot be used: schema at \"/proprties\": unknown keyword"},
};

class BrokenTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BrokenTest);
    CPPUNIT_TEST(everyRuleHasItsError);
    CPPUNIT_TEST(theGoodOneLoads);
    CPPUNIT_TEST(aLongerTableIsReadAsFarAsKnown);
    CPPUNIT_TEST_SUITE_END();

    void everyRuleHasItsError()
    {
        for (const Rule &rule : kRules) {
            const std::string text = errorOf([&] { load(rule.module); });
            CPPUNIT_ASSERT_EQUAL(modulePath(rule.module) + ": " + rule.cause, text);
        }
    }

    // A C11 file, compiled with warnings as errors, against abi.h alone.
    void theGoodOneLoads()
    {
        const auto module = load("good_encoder");
        CPPUNIT_ASSERT_EQUAL(std::string("encoder.contract"), std::string(module->descriptor().id));
        CPPUNIT_ASSERT_EQUAL(modulePath("good_encoder"), module->file());
    }

    void aLongerTableIsReadAsFarAsKnown()
    {
        const auto module = load("longer_table");
        CPPUNIT_ASSERT(module->descriptor().struct_size > sizeof(pb_module));
        CPPUNIT_ASSERT_EQUAL(std::string("1.0"), std::string(module->descriptor().version));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BrokenTest);

} // namespace
