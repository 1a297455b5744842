// Strategies on recorded curves: for people and for programs.
#pragma once

#include "search/replay_report.h"

#include <string>

namespace cellwright {

std::string replayText(const ReplayReport &report);
std::string replayJson(const ReplayReport &report);

} // namespace cellwright
