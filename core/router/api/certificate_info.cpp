// [control] See certificate_info.hpp. Before: pem_reader.
#include "router/api/certificate_info.hpp"

#include "router/api/pem_reader.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstdio>

namespace patchbay::api {
namespace {

using json::Value;
using AltNames = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

void freeBytes(unsigned char *bytes)
{
    OPENSSL_free(bytes);
}
using Bytes = std::unique_ptr<unsigned char, Deleter<freeBytes>>;

// Whatever happened here must not be taken for an error of the next one.
struct ErrorQueue {
    ErrorQueue() { ERR_clear_error(); }
    ~ErrorQueue() { ERR_clear_error(); }
    ErrorQueue(const ErrorQueue &) = delete;
    ErrorQueue &operator=(const ErrorQueue &) = delete;
};

std::string bitsText(const char *kind, const EVP_PKEY *key)
{
    return std::string(kind) + " (" + std::to_string(EVP_PKEY_get_bits(key)) + " bits)";
}

std::string keyText(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return bitsText("RSA", key);
    case EVP_PKEY_DH:
    case EVP_PKEY_DHX:
        return bitsText("DH", key);
    case EVP_PKEY_EC:
        return "ECDH";
    default:
        return "unknown";
    }
}

// Whatever it is encoded in, as UTF-8.
Value textOf(const ASN1_STRING *string)
{
    unsigned char *bytes = nullptr;
    int size = ASN1_STRING_to_UTF8(&bytes, string);
    if (size < 0) {
        throw CertificateError("A name in a certificate is no text" + opensslReason() + ".");
    }
    Bytes owner(bytes);
    return Value::string({reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(size)});
}

// The first of its kind.
void addEntry(Value &to, const char *member, const X509_NAME *name, int kind)
{
    int index = X509_NAME_get_index_by_NID(name, kind, -1);
    if (index >= 0) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, index);
        to.add(member, textOf(X509_NAME_ENTRY_get_data(entry)));
    }
}

// Only those that are host names.
void addAltNames(Value &to, const X509 *certificate, int extension)
{
    int found = 0;
    AltNames names(
        static_cast<GENERAL_NAMES *>(X509_get_ext_d2i(certificate, extension, &found, nullptr)));
    if (!names && found != -1) { // -1: there is none
        throw CertificateError("The alternative names of a certificate cannot be read" +
                               opensslReason() + ".");
    }
    Value list = Value::array();
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); i++) { // -1 of null
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) {
            list.append(textOf(name->d.dNSName));
        }
    }
    if (!list.items().empty()) {
        to.add("alt_names", std::move(list));
    }
}

Value describeName(const X509 *certificate, const X509_NAME *name, int altNames)
{
    Value result = Value::object();
    addEntry(result, "common_name", name, NID_commonName);
    addAltNames(result, certificate, altNames);
    addEntry(result, "country", name, NID_countryName);
    addEntry(result, "state_or_province", name, NID_stateOrProvinceName);
    addEntry(result, "locality", name, NID_localityName);
    addEntry(result, "organization", name, NID_organizationName);
    addEntry(result, "department", name, NID_organizationalUnitName);
    return result;
}

// "Nov  3 04:31:12 2026 GMT"
Value dateOf(const ASN1_TIME *time)
{
    constexpr const char *kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        throw CertificateError("A date in a certificate cannot be read" + opensslReason() + ".");
    }
    char text[64];
    std::snprintf(text, sizeof text, "%s %2d %02d:%02d:%02d %d GMT", kMonths[parts.tm_mon],
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_year + 1900);
    return Value::string(text);
}

Value describe(const X509 *certificate)
{
    Value validity = Value::object();
    validity.add("since", dateOf(X509_get0_notBefore(certificate)));
    validity.add("until", dateOf(X509_get0_notAfter(certificate)));
    Value result = Value::object();
    result.add("subject",
               describeName(certificate, X509_get_subject_name(certificate), NID_subject_alt_name));
    result.add("issuer",
               describeName(certificate, X509_get_issuer_name(certificate), NID_issuer_alt_name));
    result.add("validity", std::move(validity));
    return result;
}

} // namespace

json::Value certificateInfo(std::string_view pem)
{
    ErrorQueue errors;
    KeyAndChain read = readPem(pem);
    if (X509_check_private_key(read.chain.front().get(), read.key.get()) != 1) {
        throw CertificateError("The private key does not belong to the first certificate" +
                               opensslReason() + ".");
    }
    Value chain = Value::array();
    for (const Certificate &certificate : read.chain) {
        chain.append(describe(certificate.get()));
    }
    Value info = Value::object();
    info.add("key", Value::string(keyText(read.key.get())));
    info.add("chain", std::move(chain));
    return info;
}

} // namespace patchbay::api
