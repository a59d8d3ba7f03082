// [control] Times and sizes as people write them: "30s" and "8m" where the schema wants an integer.
// Comes after references are expanded and before the document is validated, so that bounds are
// those of the integer.
#pragma once

#include "json/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace patchbay::json {

class Rules;
class Schema;

// What an integer counts: the schema keyword x-unit.
enum class Quantity : std::uint8_t { none, seconds, bytes };

Quantity quantityNamed(std::string_view name); // none: there is no such unit

// Seconds: digits and s, m, h or d, or ms if that is a whole number of seconds. Bytes: digits and
// k, m or g in either case, also kb or KiB: always powers of 1024. Nothing for anything else, and
// for what has more digits than the reader takes.
std::optional<std::int64_t> parseQuantity(std::string_view text, Quantity kind);

// The strings that parseQuantity() takes: a regular expression of JSON Schema, and examples for
// people.
std::string_view quantityPattern(Quantity kind);
std::vector<std::string> quantityExamples(Quantity kind);

// Replaces every such string where the schema says x-unit by the integer, at the same offset. What
// is no quantity stays for the validator to refuse. rules: as for Schema::validate; what its
// select() reports is left to the validator too.
void convertUnits(Value &root, const Schema &schema, Rules *rules);

} // namespace patchbay::json
