// The step of a cell as functions of C, forward and backward, and the structs that they work on.
#pragma once

#include "codegen/aot/c_functions.h"
#include "codegen/aot/c_plan.h"
#include "codegen/aot/header.h"

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace cellwright {

/// How the surroundings call things.
struct CStepNames {
  SpellHelper spell;           // functions and types of the file by their name without prefix
  std::set<std::string> taken; // what no variable may be called
  AotNames cell;
};

class CStep {
public:
  /// `before` stands before the names of this step's own functions and types: a file may have two
  /// steps. With `keepsTape` the states after a step are kept for the way back.
  CStep(cell::CellOp step, const Cell &cell, const AotFacts &facts, const CStepNames &names,
        std::string before, bool keepsTape);

  bool has(CPart part) const { return !function(part).text.empty(); }
  bool has(CStruct kind) const { return !structAt(kind).members.empty(); }
  /// Name of a struct's type.
  std::string typeOf(CStruct kind) const;

  /// The definition of a struct, or nothing for one without members.
  std::string defineStruct(CStruct kind) const;
  /// The definitions of the functions.
  std::string defineFunctions() const;
  /// A call, given what stands for each argument by its name; nothing if there is nothing to do.
  /// Inputs are called as `argumentOf` and `adjointOf` say.
  std::string call(CPart part, const std::map<std::string, std::string> &actual) const;

  const std::string &argumentOf(size_t input) const { return arguments[input]; }
  const std::string &adjointOf(size_t input) const { return adjoints[input]; }

private:
  struct Argument {
    std::string type, name; // `const float *` and `x`
  };
  struct Function {
    std::string name, text;
    std::vector<Argument> arguments;
  };
  struct Struct {
    std::vector<std::string> members; // declarations
  };
  /// A place along an axis: a variable with its range, and what is added to it.
  struct Place {
    std::string variable;
    int64_t low = 0, high = 0; // of the variable, inclusive
    int64_t offset = 0;
    std::string text() const;
  };
  struct Element {
    Place row, column;
  };

  const Function &function(CPart part) const { return functions[static_cast<int>(part)]; }
  const Struct &structAt(CStruct kind) const { return structs[static_cast<int>(kind)]; }
  Struct &structAt(CStruct kind) { return structs[static_cast<int>(kind)]; }

  void nameThings();
  void declareValues();
  std::string uniqueName(mlir::Operation *op);
  std::vector<Argument> allArguments(CPart part) const;
  void write(CPart part);
  void writeLoop(const CLoop &loop, CLines &body);
  void addLoops(CLines &body, const CLoop &loop) const;

  // One operation in the loop that is being written.
  void writeOp(mlir::Operation *op);
  void define(mlir::Operation *op, const CExpression &expression);
  bool needsVariable(mlir::Operation *op, const CExpression &expression) const;
  void writeOver(cell::OverOp over);
  void writeProduct(cell::MatMulOp product);
  void writeSumByRows(cell::MatMulOp product);
  void writeInnerSum(const std::string &to, const Place &along,
                     llvm::ArrayRef<CExpression> factors);
  void writeAccumulate(cell::AccumulateOp sum);
  void writeSink(mlir::Operation *op);
  CExpression uniformAt(cell::RandomOp random);

  // Reading.
  CExpression read(mlir::Value value) { return read(value, here); }
  CExpression read(mlir::Value value, const Element &at);
  CExpression readInput(cell::InputOp input, const Element &at) const;
  CExpression readThrough(mlir::Operation *op, Element at);
  CExpression readDirectly(mlir::Value value, const Element &at);
  /// Moves a place of a window to that of its vector and adds what must hold for it to be within;
  /// false if no place is.
  static bool moveInto(cell::WindowOp window, Place &place, std::string &condition);
  /// Where a value stands in memory, without indices; empty if it does not.
  std::string baseOf(mlir::Value value) const;
  std::string pointerTo(mlir::Value vector) const;
  static std::string indexed(const std::string &base, cell::TensorType type, const Element &at);
  CExpression number(double value) const { return cNumber(value, facts.isDouble); }
  static Place along(const std::string &variable, cell::TensorType type, int axis);
  static const char *variableOf(CStruct kind);
  const std::string &stateName(llvm::StringRef name) const;
  const std::string &paramName(llvm::StringRef name) const;
  size_t inputIndex(llvm::StringRef name) const;

  const Cell &cell;
  const AotFacts &facts;
  const CStepNames &names;
  std::string before;
  CPlan plan;
  std::string element; // type of elements
  std::vector<std::string> arguments, adjoints;
  llvm::DenseMap<mlir::Operation *, std::string> variables; // by operation
  std::map<std::string, int> uses;                          // of a name for a variable
  std::set<std::string> taken;
  std::array<Function, kCParts> functions;
  std::array<Struct, 9> structs;

  // The loop that is being written.
  CPart part = CPart::Prepare;
  CLines ahead, inside, behind; // before, in, after the loop
  CLines top;                   // at the function's begin
  Element here;
  std::set<std::string> words;               // variables that `top` has
  llvm::SmallVector<mlir::Value, 4> started; // sums of products that are zero or more already
  llvm::DenseMap<mlir::Value, CExpression> expressions;
};

} // namespace cellwright
