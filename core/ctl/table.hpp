// patchbayctl: aligned columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::ctl {

class Table {
public:
    // A name that begins with ">" aligns its column to the right.
    explicit Table(std::vector<std::string> header);
    // As many cells as the header has; they are made printable.
    void add(std::vector<std::string> row);
    bool empty() const noexcept { return rows_.size() == 1; }
    // With the header and a line break after each row.
    std::string text() const;

private:
    std::vector<bool> right_;
    std::vector<std::vector<std::string>> rows_; // the first one is the header
};

} // namespace patchbay::ctl
