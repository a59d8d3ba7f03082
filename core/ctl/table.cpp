// See table.hpp.
#include "ctl/table.hpp"

#include "ctl/printable.hpp"

namespace patchbay::ctl {

Table::Table(std::vector<std::string> header)
{
    for (std::string &name : header) {
        right_.push_back(name.starts_with('>'));
        name.erase(0, right_.back() ? 1 : 0);
    }
    rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> row)
{
    for (std::string &cell : row) {
        cell = printable(cell);
    }
    row.resize(right_.size());
    rows_.push_back(std::move(row));
}

std::string Table::text() const
{
    std::vector<std::size_t> widths(right_.size());
    for (const std::vector<std::string> &row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], characters(row[i]));
        }
    }
    std::string out;
    for (const std::vector<std::string> &row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string gap(widths[i] - characters(row[i]), ' ');
            line += i == 0 ? "" : "  ";
            line += right_[i] ? gap + row[i] : row[i] + gap;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

} // namespace patchbay::ctl
