// patchbayctl: its exit codes, as --help and patchbayctl(8) list them.
#pragma once

namespace patchbay::ctl {

inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;  // by the server, or by what had to be read first
inline constexpr int kUsage = 2;    // the command line
inline constexpr int kNoAnswer = 3; // cannot connect, or no whole answer (in time)
inline constexpr int kDegraded = 4; // done, but something of it does not run or was not stored
inline constexpr int kDiffers = 5;  // of diff: something would change

} // namespace patchbay::ctl
