// What the tests of the front end share: checking a text, and its problems as short lines.
#pragma once

#include "dsl/analysis.h"
#include "dsl/bind.h"
#include "dsl/frontend.h"
#include "dsl/interpreter.h"
#include "dsl/render.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

template <> struct doctest::StringMaker<std::vector<std::string>> {
  static doctest::String convert(const std::vector<std::string> &lines) {
    std::string text;
    for (const std::string &line : lines)
      text += "\n    " + line;
    return text.c_str();
  }
};

namespace cellwright::test {

/// A checked text. The cells refer to the front end, which stays with them.
struct Checked {
  std::unique_ptr<Frontend> frontend;
  std::vector<CheckedCell> cells;
  std::string problems; // as rendered

  const Cell &cell(size_t i = 0) const { return cells.at(i).cell; }
  bool isGood(size_t i = 0) const { return i < cells.size() && cells[i].isGood; }
};

/// Checks all cells of a text.
Checked check(const std::string &text, const Settings &settings = {});

/// The problems of a text, one line each: `3:9 shape-mismatch: message`, without notes.
std::vector<std::string> problemsOf(const std::string &text);

/// The Ids of a text's problems, in order.
std::vector<std::string> idsOf(const std::string &text);

/// A cell with an input x[I], a state h[H] and these statements.
std::string cellWith(const std::string &statements);

/// The numbers of a cell with these dimensions; fails the test if they do not fit.
Bound bind(const Cell &cell, const std::map<std::string, int64_t> &dimensions);

/// The output of one step from named inputs, states and parameters; what is not named is 0.
Elements runStep(const Cell &cell, const std::map<std::string, int64_t> &dimensions,
                 const std::map<std::string, Elements> &values);

/// The value of an expression of x and y, both vectors of 2, and the scalar parameter s.
Elements evaluate(const std::string &expression, const Elements &x, const Elements &y = {0, 0},
                  double s = 0);

/// The bytes of a file; fails the test if there is none.
std::string readFile(const std::string &path);

} // namespace cellwright::test
