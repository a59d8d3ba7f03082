// In the workers. A script defines
//   function handle(request) return status, headers, body end
// request: method, path, query, remote, headers (names in lower case), read([size]): the next bytes
// of the body, nil at its end. headers: name to value or list of values. body: a text, nil, or a
// function that is called with write(text), which is false when the client has gone.
//
// Each request thread has a Lua state of its own. Lua's errors are longjmps: nothing with a
// destructor lives where one passes, and no C++ exception passes through Lua.
#include <patchbay/module.hpp>
#include <patchbay/options.hpp>
#include <patchbay/texts.hpp>

#include <lua.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace sdk = patchbay::sdk;

constexpr char kSchema[] = R"({"type": "object", "properties": {
  "script": { "description": "The file with the function handle().", "type": "string" },
  "threads": { "description": "Request threads.", "type": "integer", "minimum": 1, "default": 1 }
}, "required": ["script"], "additionalProperties": false})";

constexpr std::size_t kMaxFields = 200;
constexpr std::size_t kFirstField = 4; // of the texts of a message

struct Thread {
    std::unique_ptr<lua_State, void (*)(lua_State *)> state{luaL_newstate(), &lua_close};
    const sdk::Exchange *exchange = nullptr; // while serve() runs
    std::vector<std::string_view> texts;     // of the message
    std::array<pb_field, kMaxFields> fields; // of the response
    std::size_t fieldCount = 0;
    lua_Integer number = 0; // of the request: what a script keeps is void later
};

void push(lua_State *lua, std::string_view text)
{
    lua_pushlstring(lua, text.data(), text.size());
}

// The exchange of a closure, unless its request is over.
const sdk::Exchange &exchangeOf(lua_State *lua)
{
    const auto *thread = static_cast<const Thread *>(lua_touserdata(lua, lua_upvalueindex(1)));
    if (thread->exchange == nullptr || thread->number != lua_tointeger(lua, lua_upvalueindex(2))) {
        luaL_error(lua, "the request is over");
    }
    return *thread->exchange;
}

void pushClosure(lua_State *lua, Thread *thread, lua_CFunction function)
{
    lua_pushlightuserdata(lua, thread);
    lua_pushinteger(lua, thread->number);
    lua_pushcclosure(lua, function, 2);
}

int readBody(lua_State *lua)
{
    const lua_Integer size = std::clamp<lua_Integer>(luaL_optinteger(lua, 1, 65536), 1, 1 << 20);
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(lua, &buffer, static_cast<std::size_t>(size));
    const auto n = exchangeOf(lua).readBody(room, static_cast<std::size_t>(size));
    if (n < 0) {
        return luaL_error(lua, "the client has gone");
    }
    luaL_pushresultsize(&buffer, static_cast<std::size_t>(n));
    if (n == 0) {
        lua_pushnil(lua);
    }
    return 1;
}

int writeBody(lua_State *lua)
{
    std::size_t size = 0;
    const char *text = luaL_checklstring(lua, 1, &size);
    lua_pushboolean(lua, exchangeOf(lua).write({text, size}) ? 1 : 0);
    return 1;
}

// Of repeated fields the values are joined, as in RFC 9110.
void pushHeaders(lua_State *lua, const Thread &thread)
{
    lua_newtable(lua);
    for (std::size_t i = kFirstField; i + 1 < thread.texts.size(); i += 2) {
        const std::string_view name = thread.texts[i];
        luaL_Buffer lower;
        char *room = luaL_buffinitsize(lua, &lower, name.size());
        std::transform(name.begin(), name.end(), room,
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        luaL_pushresultsize(&lower, name.size());
        lua_pushvalue(lua, -1);
        const bool repeated = lua_rawget(lua, -3) == LUA_TSTRING;
        if (!repeated) { // nil
            lua_pop(lua, 1);
            push(lua, "");
        }
        push(lua, repeated ? ", " : "");
        push(lua, thread.texts[i + 1]);
        lua_concat(lua, 3);
        lua_rawset(lua, -3);
    }
}

void pushRequest(lua_State *lua, Thread *thread)
{
    constexpr const char *kNames[kFirstField] = {"method", "path", "query", "remote"};
    lua_newtable(lua);
    for (std::size_t i = 0; i < kFirstField; i++) {
        push(lua, thread->texts[i]);
        lua_setfield(lua, -2, kNames[i]);
    }
    pushHeaders(lua, *thread);
    lua_setfield(lua, -2, "headers");
    pushClosure(lua, thread, &readBody);
    lua_setfield(lua, -2, "read");
}

// The value on top and the name below it; their texts live as long as the table of headers.
void addField(lua_State *lua, Thread &thread)
{
    if (lua_type(lua, -2) != LUA_TSTRING || !lua_isstring(lua, -1) ||
        thread.fieldCount == kMaxFields) {
        luaL_error(lua, "headers are strings by name, and at most %d",
                   static_cast<int>(kMaxFields));
    }
    pb_field &field = thread.fields[thread.fieldCount++];
    field.name.data = lua_tolstring(lua, -2, &field.name.size);
    field.value.data = lua_tolstring(lua, -1, &field.value.size);
}

void collectFields(lua_State *lua, int table, Thread &thread)
{
    for (lua_pushnil(lua); lua_next(lua, table) != 0; lua_pop(lua, 1)) {
        if (!lua_istable(lua, -1)) {
            addField(lua, thread);
            continue;
        }
        const lua_Integer count = luaL_len(lua, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_pushvalue(lua, -2);
            lua_geti(lua, -2, i);
            addField(lua, thread);
            lua_pop(lua, 2);
        }
    }
}

// Called by lua_pcall(), with the Thread.
int respond(lua_State *lua)
{
    auto *thread = static_cast<Thread *>(lua_touserdata(lua, 1));
    lua_getglobal(lua, "handle");
    pushRequest(lua, thread);
    lua_call(lua, 1, 3);
    const auto status = static_cast<std::uint32_t>(luaL_checkinteger(lua, 2));
    thread->fieldCount = 0;
    if (!lua_isnoneornil(lua, 3)) {
        luaL_checktype(lua, 3, LUA_TTABLE);
        collectFields(lua, 3, *thread);
    }
    pb_error error = sdk::makeError();
    if (!thread->exchange->head(status, {thread->fields.data(), thread->fieldCount}, error)) {
        return luaL_error(lua, "the response is refused: %s", error.text);
    }
    if (lua_isfunction(lua, 4)) {
        pushClosure(lua, thread, &writeBody);
        lua_call(lua, 1, 0);
    } else if (!lua_isnil(lua, 4)) {
        std::size_t size = 0;
        const char *text = luaL_checklstring(lua, 4, &size);
        thread->exchange->write({text, size});
    }
    return 0;
}

int explain(lua_State *lua)
{
    luaL_traceback(lua, lua, luaL_tolstring(lua, 1, nullptr), 1);
    return 1;
}

class Runtime {
public:
    Runtime(sdk::Host host, std::string_view options)
        : host_(host), script_(sdk::Options(options).text("script").value_or(""))
    {
    }

    void start(std::uint32_t) { load(); } // can the script be run at all?
    void *threadEnter() { return load().release(); }
    void threadLeave(void *thread) { delete static_cast<Thread *>(thread); }

    bool serve(void *pointer, const sdk::Exchange &exchange)
    {
        auto *thread = static_cast<Thread *>(pointer);
        if (thread == nullptr) { // its threadEnter() failed and was logged
            return false;
        }
        thread->texts.clear();
        std::span<const std::uint8_t> message = exchange.message();
        while (thread->texts.size() < kFirstField || !message.empty()) {
            thread->texts.push_back(sdk::takeText(message));
        }
        thread->exchange = &exchange;
        thread->number++;
        lua_State *lua = thread->state.get();
        lua_settop(lua, 0);
        lua_pushcfunction(lua, &explain);
        lua_pushcfunction(lua, &respond);
        lua_pushlightuserdata(lua, thread);
        const bool answered = lua_pcall(lua, 1, 0, 1) == LUA_OK;
        thread->exchange = nullptr;
        if (!answered) {
            host_.log(PB_LOG_ERROR, "#" + std::to_string(exchange.id()) + " " + errorOf(lua));
        }
        return answered;
    }

private:
    static std::string errorOf(lua_State *lua)
    {
        const char *text = lua_tostring(lua, -1);
        return text != nullptr ? text : "an error that is no text";
    }

    std::unique_ptr<Thread> load() const
    {
        auto thread = std::make_unique<Thread>();
        lua_State *lua = thread->state.get();
        if (lua == nullptr) {
            throw std::bad_alloc();
        }
        luaL_openlibs(lua);
        if (luaL_dofile(lua, script_.c_str()) != LUA_OK) {
            throw std::runtime_error("The script cannot be run: " + errorOf(lua));
        }
        if (lua_getglobal(lua, "handle") != LUA_TFUNCTION) {
            throw std::runtime_error("The script \"" + script_ +
                                     "\" defines no function handle().");
        }
        return thread;
    }

    sdk::Host host_;
    std::string script_;
};

} // namespace

PB_DEFINE_MODULE(sdk::runtime<Runtime>("runtime.lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR,
                                       kSchema));
