// [prototype] Puts an application's processes into the isolation that its configuration asks for.
// Before: prototype.cpp knows its user. After: that user's rights are all there is.
#pragma once

#include "ipc/isolation.hpp"
#include "worker/credentials.hpp"
#include "worker/isolation_maps.hpp"

#include <string>
#include <vector>

namespace patchbay::worker {

class Isolator {
public:
    // name: of the application. user: who its processes will be, inside. module: file of its
    // runtime. isolation must outlive this. Throws Error for what this process may not do, or what
    // the user's ids make impossible.
    Isolator(const ipc::Isolation &isolation, std::string name, Credentials user,
             const std::string &module);

    // Who that user is outside.
    uid_t hostUid() const;
    gid_t hostGid() const;

    // The process that returns from here may be a child of the one that called: that one stays
    // outside as "keeper" and ends later, by itself. Throws Error: which part is refused, and why.
    void enter();
    // Takes on the user, for good. Throws Error.
    void becomeUser();

private:
    bool needsKeeper() const;
    void checkRights() const;
    void enterOwnUserNamespace();
    void splitKeeper();
    void enterUserNamespace();

    const ipc::Isolation &isolation_;
    std::string name_;
    Credentials user_;
    std::vector<std::string> languagePaths_;
    bool ownMap_;        // no privilege: the user namespace comes first and gives it
    bool kept_ = false;  // there is a keeper
    IdMaps maps_;        // of a user namespace
    UniqueFd mapsAsked_; // to the keeper, who writes them
};

} // namespace patchbay::worker
