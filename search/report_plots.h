// The plots of a study's report.
#pragma once

#include "search/report.h"

#include <string>
#include <string_view>

namespace cellwright {

/// All qualities and the best so far, by how many trials have ended and by time.
std::string plotProgress(const SearchReport &report);
/// Quality against each of the other objectives, the front marked.
std::string plotFronts(const SearchReport &report);
/// The winner's values on its way.
std::string plotCurve(const SearchReport &report);
/// The winner's family: when each was first tried, what it reached, and who was made of whom.
std::string plotFamily(const SearchReport &report);

/// What these plots add to a page's style.
inline constexpr std::string_view kReportPlotStyle = R"(
.plot path.trials { stroke: #2f6fdb } .plot path.best, .plot path.front { stroke: #d9622b }
.plot path.edge { stroke: #8c97ab; stroke-width: 1.1 }
.plot circle.front { fill: #d9622b } .plot circle.member { fill: #2f6fdb } .plot circle.winner { fill: #d9622b }
)";

} // namespace cellwright
