// [control] Changes one part of a document, in the ways of the control API (control-api.md 4).
// Comes after the request's path was split and its body read, before the whole document is checked.
//
// The new parts keep the offsets of the text they came from, and an edited document may be deeper
// or larger than read() takes: who keeps it writes it and reads it again.
#pragma once

#include "json/value.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace patchbay::json {

// Names of members and decimal indexes of array elements ("0", also "00"), from the root down.
using Path = std::vector<std::string>;

enum class Edited : std::uint8_t {
    done,
    notFound, // nothing is there, or no place for it
    notArray, // something else is there
};

// Null: nothing is there.
const Value *at(const Value &root, const Path &path);

// Replaces what is there in its place, or adds it as the last: member of an object, or element of
// an array whose length the index is. Everything above it must exist. An empty path is the root.
Edited put(Value &root, const Path &path, Value value);

// Adds the last element to the array there.
Edited append(Value &root, const Path &path, Value value);

// Elements behind a removed one move up. With an empty path the root becomes {}.
Edited remove(Value &root, const Path &path);

// RFC 7396: members of patch replace those of target, null removes one, objects are merged. Members
// that stay keep their places, new ones go last.
Value mergePatch(Value target, const Value &patch);

} // namespace patchbay::json
