// Every process that loads a module, and [control] for a manifest. Before: loader.cpp has found the
// table. After: instance.cpp may use it without further questions.
#include "module/check.hpp"

#include "json/schema.hpp"

namespace patchbay::modules {

namespace {

constexpr std::size_t kMaxIdSize = 64;

// What version 1.0 of each table had and every module must fill; later members are optional.
struct Required {
    const char *name;
    bool present;
};

bool isNameByte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool isName(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), isNameByte);
}

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text.substr(0, kMaxIdSize)) + '"';
}

std::string abiFault(const pb_module &module)
{
    const std::string versions = "was built for ABI " + std::to_string(module.abi_major) + "." +
                                 std::to_string(module.abi_minor) + ", this server speaks " +
                                 std::to_string(PB_ABI_MAJOR) + "." + std::to_string(PB_ABI_MINOR);
    if (module.abi_major != PB_ABI_MAJOR) {
        return versions + ": install the module package built for patchbay-abi-" +
               std::to_string(PB_ABI_MAJOR);
    }
    if (module.struct_size < sizeof(pb_module)) {
        return "its descriptor is " + std::to_string(module.struct_size) + " bytes long, ABI " +
               std::to_string(PB_ABI_MAJOR) + ".0 has " + std::to_string(sizeof(pb_module)) +
               ": set struct_size to sizeof(pb_module)";
    }
    if (module.abi_minor > PB_ABI_MINOR) {
        return versions + ": update the server, or install an older package of the module";
    }
    return {};
}

std::string firstMissing(std::string_view table, std::initializer_list<Required> members)
{
    for (const Required &member : members) {
        if (!member.present) {
            return "its " + std::string(table) + " has no \"" + member.name + "\"";
        }
    }
    return {};
}

// struct_size is the first member of every ops table.
std::string opsSizeFault(const void *ops, std::string_view kind, std::size_t needed)
{
    std::uint32_t size = 0;
    std::memcpy(&size, ops, sizeof size);
    if (size >= needed) {
        return {};
    }
    return "its ops table is " + std::to_string(size) + " bytes long, that of a module of kind " +
           std::string(kind) + " has at least " + std::to_string(needed);
}

std::string listenerFault(const pb_listener_ops &ops)
{
    std::string fault = opsSizeFault(&ops, "listener", offsetof(pb_listener_ops, accept));
    if (fault.empty()) {
        fault = firstMissing(
            "ops table", {{"scheme", ops.scheme != nullptr}, {"resolve", ops.resolve != nullptr}});
    }
    if (fault.empty() && !isName(ops.scheme)) {
        fault = "its scheme " + inQuotes(ops.scheme) + " has characters other than a-z, 0-9 and _";
    }
    return fault;
}

std::string encoderFault(const pb_encoder_ops &ops)
{
    std::string fault = opsSizeFault(&ops, "encoder", sizeof ops);
    if (fault.empty()) {
        fault = firstMissing("ops table", {{"encoded_size", ops.encoded_size != nullptr},
                                           {"encode", ops.encode != nullptr}});
    }
    return fault;
}

bool becomesProgram(const pb_runtime_ops &ops)
{
    return ops.struct_size >= offsetof(pb_runtime_ops, loop) && ops.become != nullptr;
}

std::string runtimeFault(const pb_runtime_ops &ops)
{
    std::string fault = opsSizeFault(&ops, "runtime", offsetof(pb_runtime_ops, become));
    if (fault.empty() && !becomesProgram(ops)) {
        fault = firstMissing("ops table", {{"start", ops.start != nullptr},
                                           {"thread_enter", ops.thread_enter != nullptr},
                                           {"thread_leave", ops.thread_leave != nullptr},
                                           {"serve", ops.serve != nullptr},
                                           {"stop", ops.stop != nullptr}});
    }
    return fault;
}

std::string sinkFault(const pb_sink_ops &ops)
{
    std::string fault = opsSizeFault(&ops, "sink", offsetof(pb_sink_ops, reopen));
    return fault.empty() ? firstMissing("ops table", {{"finished", ops.finished != nullptr}})
                         : fault;
}

std::string membersFault(const pb_module &module)
{
    const bool hasVersion = module.version != nullptr && *module.version != '\0';
    return firstMissing("descriptor", {{"version", hasVersion},
                                       {"options_schema", module.options_schema != nullptr},
                                       {"create", module.create != nullptr},
                                       {"destroy", module.destroy != nullptr},
                                       {"ops", module.ops != nullptr}});
}

std::string opsFault(const pb_module &module)
{
    switch (module.kind) {
    case PB_KIND_SINK:
        return sinkFault(*static_cast<const pb_sink_ops *>(module.ops));
    case PB_KIND_LISTENER:
        return listenerFault(*static_cast<const pb_listener_ops *>(module.ops));
    case PB_KIND_ENCODER:
        return encoderFault(*static_cast<const pb_encoder_ops *>(module.ops));
    default:
        return runtimeFault(*static_cast<const pb_runtime_ops *>(module.ops));
    }
}

} // namespace

std::string_view kindName(std::uint32_t kind) noexcept
{
    switch (kind) {
    case PB_KIND_LISTENER:
        return "listener";
    case PB_KIND_ENCODER:
        return "encoder";
    case PB_KIND_RUNTIME:
        return "runtime";
    case PB_KIND_SINK:
        return "sink";
    default:
        return {};
    }
}

std::string idFault(std::string_view id, std::uint32_t kind)
{
    const std::string_view wanted = kindName(kind);
    if (wanted.empty()) {
        return "is of the unknown kind " + std::to_string(kind) +
               ": this server knows listener, encoder, runtime and sink";
    }
    const std::size_t dot = id.find('.');
    if (id.size() > kMaxIdSize || dot == id.npos || dot + 1 == id.size() || dot == 0 ||
        !isName(id.substr(0, dot)) || !isName(id.substr(dot + 1))) {
        return "its id " + inQuotes(id) +
               " is malformed: a kind, a dot and a name of a-z, 0-9 and _ are needed";
    }
    if (id.substr(0, dot) != wanted) {
        return "is of the wrong kind: its id is " + inQuotes(id) + ", but its table is that of a " +
               std::string(wanted);
    }
    return {};
}

std::string schemaFault(std::string_view schema)
{
    try {
        const json::Schema compiled(schema);
        return {};
    } catch (const Error &e) {
        return std::string("its options schema cannot be used: ") + e.what();
    }
}

bool isProgram(const pb_module &module) noexcept
{
    return module.kind == PB_KIND_RUNTIME &&
           becomesProgram(*static_cast<const pb_runtime_ops *>(module.ops));
}

Fault descriptorFault(const pb_module &module)
{
    if (std::string text = abiFault(module); !text.empty()) {
        return {"abi", std::move(text)};
    }
    const std::string_view id = module.id == nullptr ? "" : module.id;
    if (std::string text = idFault(id, module.kind); !text.empty()) {
        return {"id", std::move(text)};
    }
    if (std::string text = membersFault(module); !text.empty()) {
        return {"members", std::move(text)};
    }
    if (std::string text = opsFault(module); !text.empty()) {
        return {"table", std::move(text)};
    }
    return {"schema", schemaFault(module.options_schema)};
}

} // namespace patchbay::modules
