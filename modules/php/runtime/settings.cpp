// Prototype process, main thread, in the module's create().
#include "settings.hpp"

#include "php_api.hpp"

#include <algorithm>

namespace patchbay::php {

namespace {

bool isPlainName(const std::string &name)
{
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-' || c == ':';
    });
}

// Inside of '' the ini language knows no escapes.
bool canBeQuoted(const Setting &setting)
{
    return isPlainName(setting.name) && setting.value.find('\'') == std::string::npos;
}

// Read by PHP while it starts; not kept as values.
bool isLoading(const std::string &name)
{
    return name == "extension" || name == "zend_extension";
}

zend_ini_entry *findEntry(const std::string &name)
{
    return static_cast<zend_ini_entry *>(
        zend_hash_str_find_ptr(EG(ini_directives), name.data(), name.size()));
}

bool has(const zend_ini_entry &entry, const std::string &value)
{
    return entry.value != nullptr &&
           value == std::string_view(ZSTR_VAL(entry.value), ZSTR_LEN(entry.value));
}

// For good: PHP takes it for the value it has read at its start.
bool replaceValue(zend_ini_entry &entry, const std::string &value)
{
    zend_string *text = zend_string_init(value.data(), value.size(), true);
    GC_MAKE_PERSISTENT_LOCAL(text);
    if (entry.on_modify != nullptr &&
        entry.on_modify(&entry, text, entry.mh_arg1, entry.mh_arg2, entry.mh_arg3,
                        ZEND_INI_STAGE_STARTUP) != SUCCESS) {
        zend_string_release(text);
        return false;
    }
    entry.value = text; // the old one may be in use elsewhere: it stays until the process ends
    return true;
}

} // namespace

std::string iniText(const std::vector<Setting> &settings)
{
    std::string text;
    for (const Setting &setting : settings) {
        if (canBeQuoted(setting)) {
            text += setting.name + "='" + setting.value + "'\n";
        }
    }
    return text;
}

void settle(const std::vector<Setting> &settings, const sdk::Host &host)
{
    for (const Setting &setting : settings) {
        if (isLoading(setting.name)) {
            continue;
        }
        zend_ini_entry *entry = findEntry(setting.name);
        if (entry == nullptr ||
            (!has(*entry, setting.value) && !replaceValue(*entry, setting.value))) {
            host.log(PB_LOG_ERROR,
                     "setting PHP option \"" + setting.name + ": " + setting.value + "\" failed");
            continue;
        }
        if (setting.admin) {
            entry->modifiable = ZEND_INI_SYSTEM;
        }
    }
}

} // namespace patchbay::php
