// See filters.h.
#include "search/filters.h"

#include <fmt/format.h>

#include <vector>

namespace cellwright {

namespace {

/// What a value depends on within one step.
struct Dependences {
  std::vector<bool> states;
  bool hasInput = false;
};

Dependences findSources(const Cell &cell, ValueId root) {
  Dependences sources{std::vector<bool>(cell.states.size(), false)};
  std::vector<bool> isSeen(cell.ops.size(), false);
  std::vector<ValueId> open = {root};
  while (!open.empty()) {
    ValueId value = open.back();
    open.pop_back();
    if (isSeen[value])
      continue;
    isSeen[value] = true;
    const Op &op = cell.ops[value];
    if (op.kind == OpKind::State)
      sources.states[op.index] = true;
    sources.hasInput = sources.hasInput || op.kind == OpKind::Input;
    for (int i = 0; i < op.operandCount; ++i)
      open.push_back(cell.operand(op, i));
  }
  return sources;
}

/// The states that some reach by next values, themselves counted only if they come again.
std::vector<bool> followStates(const std::vector<Dependences> &nexts, std::vector<bool> from) {
  std::vector<bool> reached(nexts.size(), false);
  std::vector<size_t> open;
  auto reach = [&](const std::vector<bool> &states) {
    for (size_t i = 0; i < states.size(); ++i)
      if (states[i] && !reached[i]) {
        reached[i] = true;
        open.push_back(i);
      }
  };
  reach(from);
  while (!open.empty()) {
    size_t state = open.back();
    open.pop_back();
    reach(nexts[state].states);
  }
  return reached;
}

} // namespace

std::string findMissingPath(const Cell &cell) {
  std::vector<Dependences> nexts;
  for (const State &state : cell.states)
    nexts.push_back(findSources(cell, state.next));
  Dependences output = findSources(cell, cell.output);
  bool hasInput = output.hasInput;
  std::vector<bool> needed = followStates(nexts, output.states);
  for (size_t i = 0; i < nexts.size(); ++i)
    hasInput = hasInput || (needed[i] && nexts[i].hasInput);
  if (!hasInput)
    return "no path from an input to the output";
  for (size_t i = 0; i < nexts.size(); ++i)
    if (!followStates(nexts, nexts[i].states)[i])
      return fmt::format("no path from state `{}` to itself", cell.states[i].name.view());
  return "";
}

} // namespace cellwright
