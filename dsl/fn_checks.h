// What holds for functions whether anybody calls them or not, at file level and in cells.
#pragma once

#include "dsl/program.h"

#include <cstdint>
#include <vector>

namespace cellwright {

/// Whether a function has a parameter of this name.
constexpr bool isFnParam(const Syntax &syntax, const Statement &fn, NameId name) {
  for (int32_t i = 0; i < fn.paramCount; ++i)
    if (syntax.fnParams[fn.firstParam + i].name == name)
      return true;
  return false;
}

/// Calls `visit(called)` for what a node calls, or may call.
template <class Visit>
constexpr void forEachCallee(const Syntax &syntax, const Node &node, Visit visit) {
  if (node.kind == NodeKind::Call)
    visit(NameRef{node.name, node.signBegin, node.signEnd});
  if (node.kind != NodeKind::ChosenCall)
    return;
  const ChoiceSyntax &choice = syntax.choices[node.skip];
  for (int32_t i = 0; i < choice.count; ++i)
    visit(syntax.alternatives[choice.firstAlternative + i].function);
}

/// Reports parameters of a function that share a name.
constexpr void checkFnParams(Program &program, FnRef fn) {
  const Syntax &syntax = program.files[fn.file];
  const Statement &statement = program.statementOf(fn);
  for (int32_t i = 0; i < statement.paramCount; ++i) {
    NameRef param = syntax.fnParams[statement.firstParam + i];
    for (int32_t j = 0; j < i; ++j)
      if (NameRef first = syntax.fnParams[statement.firstParam + j]; first.name == param.name)
        program.diagnostics
            .error(Id::DuplicateName, syntax.loc(param),
                   makeText("parameter `", program.names.text(param.name), "` is named twice"))
            .note(syntax.loc(first), "first named here");
  }
}

/// Looks for cycles among the calls of functions, without recursing itself: functions are taken
/// away when all they call are gone; what stays calls itself or calls such, and is marked in the
/// result. Each cycle is reported once, at the function of it that stands first. `findCallee(i,
/// name)` gives the number of the function that `name` means in function i, or -1.
template <class FindCallee>
constexpr Flags findRecursion(Program &program, const std::vector<FnRef> &fns,
                              FindCallee findCallee) {
  std::vector<std::vector<int32_t>> callees(fns.size());
  std::vector<std::vector<int32_t>> callers(fns.size());
  std::vector<int32_t> open(fns.size(), 0);
  for (size_t i = 0; i < fns.size(); ++i) {
    const Statement &statement = program.statementOf(fns[i]);
    if (statement.isBroken)
      continue;
    for (int32_t k = statement.value.first; k <= statement.value.root; ++k) {
      const Node &node = program.files[fns[i].file].nodes[k];
      forEachCallee(program.files[fns[i].file], node, [&](NameRef called) {
        int32_t callee = findCallee(i, called.name);
        if (callee < 0)
          return;
        callees[i].push_back(callee);
        callers[callee].push_back(static_cast<int32_t>(i));
        ++open[i];
      });
    }
  }
  std::vector<int32_t> ready;
  for (size_t i = 0; i < fns.size(); ++i)
    if (open[i] == 0)
      ready.push_back(static_cast<int32_t>(i));
  while (!ready.empty()) {
    int32_t done = ready.back();
    ready.pop_back();
    for (int32_t caller : callers[done])
      if (--open[caller] == 0)
        ready.push_back(caller);
  }
  Flags isRecursive(fns.size(), false);
  std::vector<int32_t> visit(fns.size(), -1);
  for (size_t start = 0; start < fns.size(); ++start) {
    isRecursive[start] = open[start] > 0;
    auto at = static_cast<int32_t>(start);
    while (at >= 0 && open[at] > 0 && visit[at] < 0) {
      visit[at] = static_cast<int32_t>(start);
      int32_t next = -1;
      for (int32_t callee : callees[at])
        if (next < 0 && open[callee] > 0)
          next = callee;
      at = next;
    }
    if (at < 0 || open[at] == 0 || visit[at] != static_cast<int32_t>(start))
      continue;
    NameRef name = program.statementOf(fns[at]).name;
    program.diagnostics.error(Id::Recursion, program.files[fns[at].file].loc(name),
                              makeText("function `", program.names.text(name.name),
                                       "` calls itself, directly or by others"));
  }
  return isRecursive;
}

} // namespace cellwright
