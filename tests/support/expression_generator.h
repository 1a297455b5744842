// Random expressions over the values that a cell has so far. What one gets wrong: an expression may
// declare parameters; they are added to the declarations of the cell.
#pragma once

#include "dsl/functions.h"
#include "tests/support/generated_values.h"

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cellwright::test {

/// A function that the cell defines: `fn gate(a, b) = sigmoid(linear(a, b))`.
struct GeneratedFunction {
  std::string name;
  int parameters = 1;
  bool hasLinear = false; // its size comes from where it stands
  Range range;
};

/// What may stand in an expression.
struct GeneratedScope {
  std::map<std::string, int64_t> sizes;
  std::deque<GeneratedValue> values; // named vectors, scalars and matrices; they keep their place
  std::vector<GeneratedFunction> functions;
  std::vector<std::string> declarations; // parameters that expressions have declared
  std::set<std::string> names;           // taken
};

class ExpressionGenerator {
public:
  ExpressionGenerator(Draws &draws, GeneratedScope &scope) : draws(draws), scope(scope) {}

  /// Starts a statement: parameters of `linear` are named after it. Without a name no `linear`
  /// is written.
  void beginStatement(const std::string &name);
  /// True once the statement has its one `linear`.
  bool hasLinear() const { return !statement.empty() && !mayUseLinear; }
  /// Parameters that the statement's `linear` makes: `W_i_x`, `b_i`.
  const std::vector<std::string> &madeParams() const { return made; }

  GeneratedValue vector(const GeneratedSize &size, int depth);
  GeneratedValue scalar(int depth);
  GeneratedValue matrix(const GeneratedSize &rows, const GeneratedSize &columns, int depth);

  /// The value, made smaller by a function if it may be larger than `most`.
  GeneratedValue tamed(GeneratedValue value, double most);
  /// `left + right` and `left * right` of vectors of one size, or of scalars.
  GeneratedValue sum(const GeneratedValue &left, const GeneratedValue &right, bool isDifference);
  GeneratedValue product(const GeneratedValue &left, const GeneratedValue &right);
  /// A call of an element-wise function, or nothing if its result might be large or steep.
  std::optional<GeneratedValue> call(const Function &function,
                                     std::vector<GeneratedValue> operands);
  GeneratedValue number(double value);
  std::string freshName(const std::string &stem);

private:
  GeneratedValue leaf(const GeneratedSize &size);
  GeneratedValue scalarLeaf();
  std::vector<const GeneratedValue *> valuesOf(int rank) const;
  GeneratedValue linear(const GeneratedSize &size, int depth);
  GeneratedValue elementwise(const GeneratedSize &size, int depth);
  GeneratedValue arithmetic(const GeneratedSize &size, int depth);
  GeneratedValue power(GeneratedValue base);
  GeneratedValue quotient(const GeneratedValue &left, GeneratedValue right);
  GeneratedValue overVector(const GeneratedSize &size, int depth);
  GeneratedValue reduction(int depth);
  GeneratedValue matrixProduct(const GeneratedSize &size, int depth);
  GeneratedValue slice(const GeneratedSize &size, int depth);
  GeneratedValue concatenation(const GeneratedSize &size, int depth);
  GeneratedValue random(const GeneratedSize &size, int depth);
  GeneratedValue ownFunction(const GeneratedSize &size, int depth);
  GeneratedValue declareParam(int rank, const GeneratedSize &rows, const GeneratedSize &columns);
  GeneratedValue multiplied(const GeneratedValue &left, const GeneratedValue &right) const;
  GeneratedValue positive(GeneratedValue value);
  GeneratedSize someSize();
  /// What `make` gives where `linear` may not stand.
  template <typename Make> GeneratedValue withoutLinear(const Make &make) {
    bool couldBeLinear = std::exchange(mayUseLinear, false);
    GeneratedValue value = make();
    mayUseLinear = couldBeLinear;
    return value;
  }
  int64_t numberOf(const GeneratedSize &size) const { return size.number(scope.sizes); }

  Draws &draws;
  GeneratedScope &scope;
  std::string statement;
  bool mayUseLinear = false;
  std::vector<std::string> made;
};

} // namespace cellwright::test
