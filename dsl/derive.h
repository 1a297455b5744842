// The statements of a cell after `from`: the parent's, replaced and extended by the child's, in an
// order in which every value is made before it is read. Works on top-level statements; a `repeat`
// goes with its body.
#pragma once

#include "dsl/program.h"
#include "dsl/reads.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

/// A top-level statement of a cell, in the file where it is written.
struct FlatStatement {
  FileId file = kNoFile;
  int32_t statement = 0;
  bool isInherited = false;
};

class Deriver {
public:
  constexpr explicit Deriver(Program &program) : program(program) {}

  /// The statements of a cell; `isGood` tells whether they have an order. Precondition: the cell is
  /// not broken.
  constexpr std::vector<FlatStatement> flatten(CellId cell, bool &isGood) {
    std::vector<CellId> chain;
    for (CellId at = cell; at != kNoCell; at = program.cells[at].parent)
      chain.push_back(at);
    isGood = true;
    std::vector<FlatStatement> flat;
    for (size_t i = chain.size(); i-- > 0;) {
      bool isRoot = i + 1 == chain.size();
      for (FlatStatement &statement : flat)
        statement.isInherited = true;
      merge(flat, chain[i]);
      if (!isRoot)
        isGood = order(flat) && isGood;
    }
    return flat;
  }

private:
  Program &program;

  constexpr const Statement &at(const FlatStatement &flat) const {
    return program.files[flat.file].statements[flat.statement];
  }

  //===-- Replacing ---------------------------------------------------------------------------===//

  /// What a child's statement replaces: statements with one of the same keys.
  enum class KeyClass : uint8_t { None, Value, Next, Init, Fn, Repeat, Output };

  static constexpr KeyClass keyClass(StatementKind kind) {
    switch (kind) {
    case StatementKind::AssignNext:
      return KeyClass::Next;
    case StatementKind::Init:
      return KeyClass::Init;
    case StatementKind::Fn:
      return KeyClass::Fn;
    case StatementKind::Repeat:
      return KeyClass::Repeat;
    case StatementKind::Require:
      return KeyClass::None;
    default:
      return KeyClass::Value;
    }
  }

  constexpr bool replaces(const Statement &child, const Statement &parent) const {
    bool isOutput = child.kind == StatementKind::Output && parent.kind == StatementKind::Output;
    KeyClass key = keyClass(child.kind);
    return isOutput || (key != KeyClass::None && key == keyClass(parent.kind) &&
                        child.name.name == parent.name.name);
  }

  /// The hash of a statement's key; outputs share one, besides that of their name.
  static constexpr uint32_t keyHash(KeyClass key, NameId name) {
    return mixHash(static_cast<uint32_t>(key) * 0x85EBCA6Bu, static_cast<uint64_t>(name) + 1);
  }

  constexpr void merge(std::vector<FlatStatement> &flat, CellId cell) {
    const CellEntry &entry = program.cells[cell];
    const Syntax &syntax = program.files[entry.file];
    const CellSyntax &cellSyntax = syntax.cells[entry.index];
    size_t inherited = flat.size();
    HashIndex index;
    for (size_t i = 0; i < inherited; ++i)
      enter(index, flat, static_cast<int32_t>(i));
    Flags isGone(inherited, false);
    for (int32_t i = cellSyntax.firstStatement; i < cellSyntax.endStatement; i = syntax.next(i)) {
      if (syntax.statements[i].kind == StatementKind::Skipped && !syntax.statements[i].isBroken)
        continue;
      FlatStatement added = {entry.file, i, false};
      int32_t place = inherited == 0 ? -1 : findPlace(index, flat, isGone, syntax.statements[i]);
      if (place < 0)
        flat.push_back(added);
      else
        flat[place] = added;
    }
    size_t kept = 0;
    for (size_t i = 0; i < flat.size(); ++i)
      if (i >= inherited || !isGone[i])
        flat[kept++] = flat[i];
    flat.resize(kept);
  }

  constexpr void enter(HashIndex &index, const std::vector<FlatStatement> &flat, int32_t i) const {
    const Statement &statement = at(flat[i]);
    KeyClass key = keyClass(statement.kind);
    if (key != KeyClass::None && statement.name.name != kNoName)
      index.insert(keyHash(key, statement.name.name), i);
    if (statement.kind == StatementKind::Output)
      index.insert(keyHash(KeyClass::Output, kNoName), i);
  }

  /// The place of the inherited statement that `child` replaces, or -1; further ones are marked as
  /// gone. A state that replaces something else goes to the end: the parent's states come first.
  constexpr int32_t findPlace(const HashIndex &index, const std::vector<FlatStatement> &flat,
                              Flags &isGone, const Statement &child) const {
    int32_t place = -1;
    auto take = [&](uint32_t hash) {
      while (true) {
        int32_t found = index.find(hash, [&](int32_t i) {
          return i != place && !isGone[i] && flat[i].isInherited && replaces(child, at(flat[i]));
        });
        if (found < 0)
          return;
        bool isFirst = place < 0 || found < place;
        if (int32_t lost = isFirst ? place : found; lost >= 0)
          isGone[lost] = true;
        place = isFirst ? found : place;
      }
    };
    if (child.name.name != kNoName)
      take(keyHash(keyClass(child.kind), child.name.name));
    if (child.kind == StatementKind::Output)
      take(keyHash(KeyClass::Output, kNoName));
    bool isNewState = place >= 0 && child.kind == StatementKind::State &&
                      at(flat[place]).kind != StatementKind::State;
    if (!isNewState)
      return place;
    isGone[place] = true;
    return -1;
  }

  //===-- Ordering ----------------------------------------------------------------------------===//

  /// Who makes a value: the statement that assigns the name, then each `repeat` that carries it on.
  struct Makers {
    NameId name = kNoName;
    bool isNext = false;
    int32_t assignment = -1;
    std::vector<int32_t> repeats;
  };

  struct Graph {
    std::vector<Makers> makers;
    HashIndex index;
    std::vector<std::vector<int32_t>> after; // statements that stand behind this one
    std::vector<int32_t> open;               // how many statements this one waits for
  };

  constexpr Makers *findMakers(Graph &graph, NameId name, bool isNext) const {
    int32_t found = graph.index.find(makerHash(name, isNext), [&](int32_t i) {
      return graph.makers[i].name == name && graph.makers[i].isNext == isNext;
    });
    return found < 0 ? nullptr : &graph.makers[found];
  }
  static constexpr uint32_t makerHash(NameId name, bool isNext) {
    return mixHash(isNext ? 0x9E3779B9u : 0u, static_cast<uint64_t>(name) + 1);
  }

  /// Puts statements behind those whose values they read, otherwise keeping the order.
  constexpr bool order(std::vector<FlatStatement> &flat) {
    Graph graph;
    graph.after.resize(flat.size(), {});
    graph.open.resize(flat.size(), 0);
    for (size_t i = 0; i < flat.size(); ++i)
      enterMaker(graph, flat[i], static_cast<int32_t>(i));
    for (size_t i = 0; i < flat.size(); ++i)
      if (at(flat[i]).kind == StatementKind::Repeat)
        enterCarried(graph, flat[i], static_cast<int32_t>(i));
    for (size_t i = 0; i < flat.size(); ++i)
      addReads(graph, flat[i], static_cast<int32_t>(i));
    return sort(graph, flat);
  }

  constexpr void enterMaker(Graph &graph, const FlatStatement &flat, int32_t i) const {
    const Statement &statement = at(flat);
    bool isNext = statement.kind == StatementKind::AssignNext;
    bool isValue = isNext || statement.kind == StatementKind::Assign ||
                   statement.kind == StatementKind::Output;
    if (!isValue || statement.name.name == kNoName ||
        findMakers(graph, statement.name.name, isNext) != nullptr)
      return;
    graph.index.insert(makerHash(statement.name.name, isNext),
                       static_cast<int32_t>(graph.makers.size()));
    graph.makers.push_back({statement.name.name, isNext, i, {}});
  }

  constexpr void enterCarried(Graph &graph, const FlatStatement &flat, int32_t i) const {
    const Syntax &syntax = program.files[flat.file];
    for (int32_t inner = flat.statement + 1; inner < syntax.next(flat.statement); ++inner) {
      const Statement &statement = syntax.statements[inner];
      if (statement.kind != StatementKind::Assign)
        continue;
      Makers *makers = findMakers(graph, statement.name.name, false);
      if (makers != nullptr && (makers->repeats.empty() || makers->repeats.back() != i))
        makers->repeats.push_back(i);
    }
  }

  /// Reads of a statement and, for a `repeat`, of its body, where carried names count as read.
  constexpr void addReads(Graph &graph, const FlatStatement &flat, int32_t i) const {
    const Syntax &syntax = program.files[flat.file];
    StatementKind kind = at(flat).kind;
    bool isOrdered = kind == StatementKind::Assign || kind == StatementKind::AssignNext ||
                     kind == StatementKind::Output || kind == StatementKind::Repeat;
    if (!isOrdered)
      return;
    for (int32_t inner = flat.statement; inner < syntax.next(flat.statement); ++inner) {
      const Statement &statement = syntax.statements[inner];
      auto visit = [&](const Node &node, bool isSize) {
        if (!isSize)
          addRead(graph, i, node.name, node.kind == NodeKind::NextState);
      };
      forEachName(syntax, statement.rows, true, visit);
      forEachName(syntax, statement.columns, true, visit);
      forEachName(syntax, statement.value, statement.kind == StatementKind::Repeat, visit);
      forEachName(syntax, statement.second, true, visit);
      if (inner != flat.statement && statement.kind == StatementKind::Assign)
        addRead(graph, i, statement.name.name, false);
    }
  }

  constexpr void addRead(Graph &graph, int32_t reader, NameId name, bool isNext) const {
    const Makers *makers = findMakers(graph, name, isNext);
    if (makers == nullptr)
      return;
    addEdge(graph, makers->assignment, reader);
    auto following = std::upper_bound(makers->repeats.begin(), makers->repeats.end(), reader);
    if (following != makers->repeats.end())
      addEdge(graph, reader, *following);
    while (following != makers->repeats.begin() && *--following == reader)
      ;
    if (!makers->repeats.empty() && *following < reader)
      addEdge(graph, *following, reader);
  }

  static constexpr void addEdge(Graph &graph, int32_t first, int32_t second) {
    bool isKnown =
        first == second || (!graph.after[first].empty() && graph.after[first].back() == second);
    if (isKnown)
      return;
    graph.after[first].push_back(second);
    ++graph.open[second];
  }

  /// Takes the first statement that waits for nothing, again and again.
  constexpr bool sort(Graph &graph, std::vector<FlatStatement> &flat) {
    std::vector<int32_t> ready; // a heap, the first statement on top
    auto standsAfter = [](int32_t a, int32_t b) { return a > b; };
    for (size_t i = 0; i < flat.size(); ++i)
      if (graph.open[i] == 0)
        ready.push_back(static_cast<int32_t>(i));
    std::make_heap(ready.begin(), ready.end(), standsAfter);
    std::vector<FlatStatement> sorted;
    while (!ready.empty()) {
      std::pop_heap(ready.begin(), ready.end(), standsAfter);
      int32_t next = ready.back();
      ready.pop_back();
      sorted.push_back(flat[next]);
      graph.open[next] = -1;
      for (int32_t waiting : graph.after[next])
        if (--graph.open[waiting] == 0) {
          ready.push_back(waiting);
          std::push_heap(ready.begin(), ready.end(), standsAfter);
        }
    }
    bool isGood = sorted.size() == flat.size();
    if (!isGood)
      reportCycle(graph, flat);
    flat = std::move(sorted);
    return isGood;
  }

  /// Follows statements that wait for each other until one comes again.
  constexpr void reportCycle(const Graph &graph, const std::vector<FlatStatement> &flat) {
    std::vector<int32_t> waitsFor(flat.size(), -1);
    for (size_t i = 0; i < flat.size(); ++i)
      if (graph.open[i] > 0)
        for (int32_t waiting : graph.after[i])
          waitsFor[waiting] = static_cast<int32_t>(i);
    int32_t place = 0;
    while (graph.open[place] <= 0)
      ++place;
    for (size_t i = 0; i < flat.size(); ++i)
      place = waitsFor[place];
    int32_t other = waitsFor[place];
    auto nameOf = [&](int32_t i) {
      const Statement &statement = at(flat[i]);
      std::string_view prime = statement.kind == StatementKind::AssignNext ? "'" : "";
      std::string_view keyword = statement.kind == StatementKind::Repeat ? "repeat " : "";
      return makeText("`", keyword, program.names.text(statement.name.name), prime, "`");
    };
    auto locOf = [&](int32_t i) { return program.files[flat[i].file].loc(at(flat[i]).name); };
    Diagnostic &diagnostic = program.diagnostics.error(
        Id::StatementCycle, locOf(place), makeText(nameOf(place), " needs its own value"));
    if (other == place)
      return;
    diagnostic.message =
        makeText(nameOf(place), " and ", nameOf(other), " need each other's values");
    diagnostic.note(locOf(other), makeText(nameOf(other), " is here"));
  }
};

} // namespace cellwright
