// What tests of code generation share: cells from text, with numbers.
#pragma once

#include "codegen/compile.h"
#include "codegen/execute.h"
#include "codegen/gradcheck.h"
#include "dsl/frontend.h"

#include <map>
#include <memory>
#include <string>

namespace cellwright {

/// A checked cell with numbers; the front end owns what it refers to.
struct TestCell {
  std::unique_ptr<Frontend> frontend;
  CheckedCell checked;
  Bound bound;

  const Cell &cell() const { return checked.cell; }
};

using Sizes = std::map<std::string, int64_t>;

/// Checks the last cell of a text, or a cell by name as the command line has it. Fails the test if
/// it is wrong.
TestCell cellOfText(const std::string &text, const Sizes &sizes);
TestCell cellByName(const std::string &name, const Sizes &sizes);
/// The same without numbers, which `bindTo` gives later.
TestCell cellOfText(const std::string &text);
TestCell cellByName(const std::string &name);

/// The numbers for all dimensions of a cell: I, H and, for any other name, `others`.
Sizes sizesFor(const Cell &cell, int64_t I, int64_t H, int64_t others);

/// Binds; false if the cell's requirements do not hold for these sizes.
bool bindTo(TestCell &cell, const Sizes &sizes);

/// Runs `checkGradients` and reports every bad row.
void expectGood(const TestCell &cell, const CompileOptions &options, const GradcheckOptions &check,
                const std::string &what);

} // namespace cellwright
