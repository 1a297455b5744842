// Solving by substitution: as long as some equation has one open dimension, solve for it; then
// check all equations.
#include "dsl/bind.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace cellwright {

namespace {

class Binder {
public:
  Binder(const Cell &cell, std::span<const SizeFact> facts, Diagnostics &problems,
         std::string_view dimensionOption)
      : cell(cell), sizes(cell.sizes), facts(facts.begin(), facts.end()), problems(problems),
        dimensionOption(dimensionOption), numbers(cell.dimensions.size(), 0),
        sources(cell.dimensions.size()) {}

  std::optional<Bound> bind() {
    int before = problems.errorCount();
    addRequirements();
    solve();
    checkFacts();
    findUsedSizes();
    reportOpenDimensions();
    if (problems.errorCount() != before)
      return std::nullopt;
    Bound bound;
    deriveDimensions();
    checkDivisions();
    if (problems.errorCount() == before)
      evaluateSizes(bound);
    if (problems.errorCount() != before)
      return std::nullopt;
    checkSlices(bound);
    evaluateConstants(bound);
    checkConstants(bound);
    if (problems.errorCount() != before)
      return std::nullopt;
    bound.dimensions = numbers;
    return bound;
  }

private:
  const Cell &cell;
  SizeTable sizes; // a copy: equations of `require` make new ones
  std::vector<SizeFact> facts;
  std::vector<const Require *> origins; // by fact: the require that it is, or null
  Diagnostics &problems;
  std::string_view dimensionOption;
  std::vector<int64_t> numbers; // by dimension; 0 is open
  std::vector<Text> sources;    // by dimension: who said so
  std::vector<bool> isUsed;     // by size
  std::vector<Loc> places;      // by size: something that has it
  std::vector<bool> isReported; // by dimension: its diagnostic is out

  //===-- Equations ---------------------------------------------------------------------------===//

  SizeId sizeOf(ValueId value) {
    const Op &op = cell.ops[value];
    if (op.kind == OpKind::SizeOf)
      return op.begin;
    bool isInteger = op.kind == OpKind::Number && op.number == std::floor(op.number) &&
                     std::abs(op.number) < 1e15;
    return isInteger ? sizes.number(static_cast<int64_t>(op.number)) : kNoSize;
  }

  void addRequirements() {
    for (const Require &require : cell.requirements) {
      if (require.comparison != Comparison::Equal)
        continue;
      SizeId difference = sizes.subtract(sizeOf(require.left), sizeOf(require.right));
      if (difference == kNoSize || sizes.isNumber(difference))
        continue;
      origins.resize(facts.size(), nullptr);
      origins.push_back(&require);
      facts.push_back({difference, 0, require.text});
    }
    origins.resize(facts.size(), nullptr);
  }

  /// Calls `visit(dimension)` for every name in a size.
  template <class Visit> void forEachDimension(SizeId size, Visit visit) const {
    for (const SizeTerm &term : sizes.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = sizes.atom(power.atom);
        if (atom.kind == AtomKind::Dimension)
          visit(atom.index);
        if (atom.kind == AtomKind::Quotient) {
          forEachDimension(atom.numerator, visit);
          forEachDimension(atom.denominator, visit);
        }
      }
  }

  /// The only open dimension of a size, or -1 if there is none or several.
  int32_t onlyOpenDimension(SizeId size) const {
    int32_t open = -1;
    bool areSeveral = false;
    forEachDimension(size, [&](int32_t dimension) {
      if (numbers[dimension] != 0 || dimension == open)
        return;
      areSeveral |= open >= 0;
      open = dimension;
    });
    return areSeveral ? -1 : open;
  }

  bool isOpen(SizeId size) const {
    bool hasOpen = false;
    forEachDimension(size, [&](int32_t dimension) { hasOpen |= numbers[dimension] == 0; });
    return hasOpen;
  }

  /// Solves facts with one open dimension, linear ones first: others may have several solutions, of
  /// which a later fact would choose.
  void solve() {
    std::vector<std::vector<size_t>> factsOf(numbers.size()); // by dimension
    std::set<size_t> linear;
    std::set<size_t> others;
    auto consider = [&](size_t i) {
      int32_t open = onlyOpenDimension(facts[i].size);
      if (open >= 0)
        (isLinear(facts[i].size, open) ? linear : others).insert(i);
    };
    for (size_t i = 0; i < facts.size(); ++i) {
      forEachDimension(facts[i].size, [&](int32_t dimension) { factsOf[dimension].push_back(i); });
      consider(i);
    }
    while (!linear.empty() || !others.empty()) {
      std::set<size_t> &next = linear.empty() ? others : linear;
      size_t i = *next.begin();
      next.erase(next.begin());
      int32_t open = onlyOpenDimension(facts[i].size);
      int64_t solution = open < 0 ? 0 : solveFor(open, facts[i]);
      if (solution <= 0)
        continue;
      numbers[open] = solution;
      sources[open] = facts[i].source;
      for (size_t other : factsOf[open])
        consider(other);
    }
  }

  bool isLinear(SizeId size, int32_t dimension) {
    Rational slope = evaluateWith(size, dimension, 2) - evaluateWith(size, dimension, 1);
    return slope.isValid && !slope.isZero() &&
           evaluateWith(size, dimension, 4) - evaluateWith(size, dimension, 3) == slope &&
           evaluateWith(size, dimension, 8) - evaluateWith(size, dimension, 7) == slope;
  }

  Rational evaluateWith(SizeId size, int32_t dimension, int64_t number) {
    int64_t before = numbers[dimension];
    numbers[dimension] = number;
    Rational value = sizes.evaluate(size, numbers);
    numbers[dimension] = before;
    return value;
  }

  static constexpr int64_t kAnySize = -1;

  /// The number of `dimension` that makes the size of a fact what it says; 0 if there is none, or
  /// none that can be found; kAnySize if the others make it so already.
  int64_t solveFor(int32_t dimension, const SizeFact &fact) {
    Rational target = {fact.number, 1, true};
    Rational one = evaluateWith(fact.size, dimension, 1);
    Rational slope = evaluateWith(fact.size, dimension, 2) - one;
    if (one == target && slope.isZero() && evaluateWith(fact.size, dimension, 3) == target)
      return kAnySize;
    if (slope.isValid && !slope.isZero()) {
      Rational linear = Rational{1, 1, true} + (target - one) / slope;
      if (linear.isInteger() && linear.numerator > 0 && linear.numerator <= kMaxSize &&
          evaluateWith(fact.size, dimension, linear.numerator) == target)
        return linear.numerator;
    }
    // Sizes grow with their names, or shrink: look for the place between 1 and the limit.
    int direction = slope.isValid && slope.sign() < 0 ? -1 : 1;
    int64_t low = 1;
    int64_t high = kMaxSize;
    while (low < high) {
      int64_t middle = (low + high) / 2;
      Rational value = evaluateWith(fact.size, dimension, middle);
      bool isEnough = !value.isValid || (value - target).sign() * direction >= 0;
      (isEnough ? high : low) = isEnough ? middle : middle + 1;
    }
    if (evaluateWith(fact.size, dimension, low) == target)
      return low;
    return 0;
  }

  void checkFacts() {
    isReported.assign(numbers.size(), false);
    for (size_t i = 0; i < facts.size(); ++i) {
      const SizeFact &fact = facts[i];
      int32_t open = onlyOpenDimension(fact.size);
      if (open >= 0 && solveFor(open, fact) == kAnySize)
        continue;
      if (open >= 0) {
        isReported[open] = true;
        rejectFact(fact, origins[i], open);
        continue;
      }
      if (isOpen(fact.size))
        continue;
      Rational value = sizes.evaluate(fact.size, numbers);
      if (value == Rational{fact.number, 1, true})
        continue;
      if (origins[i] != nullptr)
        report(Id::RequireFailed, origins[i]->loc,
               makeText("`", origins[i]->text, "` does not hold", withSources(fact.size),
                        whyText(*origins[i])));
      else
        reportContradiction(fact, value);
    }
  }

  /// Reports a fact that no number of its only open dimension makes true.
  void rejectFact(const SizeFact &fact, const Require *origin, int32_t open) {
    std::string_view name = cell.dimensions[open].name;
    if (origin != nullptr) {
      report(Id::SizeContradiction, origin->loc,
             makeText("`", origin->text, "` holds for no size ", name, withSources(fact.size),
                      whyText(*origin)));
      return;
    }
    Diagnostic &diagnostic =
        report(Id::SizeContradiction, {},
               makeText("`", sizes.text(fact.size), "` is ", fact.number, " by `", fact.source,
                        "`, which no size ", name, " gives", withSources(fact.size)));
    noteRequirements(diagnostic, fact.size);
  }

  void reportContradiction(const SizeFact &fact, Rational value) {
    if (sizes.isNumber(fact.size)) {
      Diagnostic &diagnostic = report(Id::SizeContradiction, {},
                                      makeText("`", fact.source, "` says ", fact.number,
                                               " where the cell has the size ", numberText(value)));
      noteRequirements(diagnostic, fact.size);
      return;
    }
    Text others;
    forEachDimension(fact.size, [&](int32_t dimension) {
      Text source = makeText("`", sources[dimension], "`");
      if (others.view().find(source.view()) == std::string_view::npos)
        others += makeText(others.empty() ? "" : " and ", source);
    });
    Diagnostic &diagnostic =
        report(Id::SizeContradiction, {},
               makeText("`", sizes.text(fact.size), "` is ", fact.number, " by `", fact.source,
                        "`, but ", numberText(value), " by ", others));
    noteRequirements(diagnostic, fact.size);
  }

  /// Notes the equalities that may be why sizes of the cell are the same.
  void noteRequirements(Diagnostic &diagnostic, SizeId size) {
    std::vector<bool> isNamed(numbers.size());
    forEachDimension(size, [&](int32_t dimension) { isNamed[dimension] = true; });
    for (const Require &require : cell.requirements) {
      SizeId side = sizeOf(require.left);
      bool isRelated = require.comparison == Comparison::Equal && side != kNoSize && side == size;
      if (require.comparison == Comparison::Equal && side != kNoSize)
        forEachDimension(side, [&](int32_t dimension) { isRelated |= isNamed[dimension]; });
      if (isRelated && !require.text.empty())
        diagnostic.note(require.loc, makeText("`", require.text, "`", whyText(require)));
    }
  }

  static Text whyText(const Require &require) {
    return require.why.empty() ? Text() : makeText(": ", require.why);
  }

  /// ` with I = 3 by `in.x`, H = 4 by `state0.h``, or nothing.
  Text withSources(SizeId size) const {
    Text text;
    std::vector<int32_t> seen;
    forEachDimension(size, [&](int32_t dimension) {
      if (numbers[dimension] == 0 || std::find(seen.begin(), seen.end(), dimension) != seen.end())
        return;
      seen.push_back(dimension);
      text += makeText(text.empty() ? " with " : ", ", cell.dimensions[dimension].name, " = ",
                       numbers[dimension], " by `", sources[dimension], "`");
    });
    return text;
  }

  static Text numberText(Rational number) {
    if (!number.isValid)
      return "too large";
    if (number.isInteger())
      return makeText(number.numerator);
    return makeText(number.numerator, " / ", number.denominator);
  }

  Diagnostic &report(Id id, Loc loc, Text message) {
    return problems.error(id, loc, std::move(message));
  }

  //===-- Sizes -------------------------------------------------------------------------------===//

  void use(SizeId size, Loc loc) {
    if (size == kNoSize)
      return;
    if (!isUsed[size])
      places[size] = loc;
    isUsed[size] = true;
  }

  void findUsedSizes() {
    isUsed.assign(cell.sizes.count(), false);
    places.assign(cell.sizes.count(), Loc{});
    auto useShape = [&](const Shape &shape, Loc loc) {
      use(shape.rows, loc);
      use(shape.columns, loc);
    };
    for (const Op &op : cell.ops) {
      useShape(op.shape, op.loc);
      use(op.begin, op.loc);
      use(op.end, op.loc);
    }
    for (const Input &input : cell.inputs)
      useShape(input.shape, input.loc);
    for (const State &state : cell.states)
      useShape(state.shape, state.loc);
    for (const Param &param : cell.params)
      useShape(param.shape, param.loc);
  }

  void reportOpenDimensions() {
    auto check = [&](SizeId size) {
      forEachDimension(size, [&](int32_t dimension) {
        if (numbers[dimension] != 0 || isReported[dimension])
          return;
        isReported[dimension] = true;
        const Dimension &open = cell.dimensions[dimension];
        report(Id::OpenDimension, {},
               makeText("nothing fixes dimension `", open.name, "`; give its size with `",
                        dimensionOption, open.name, "=...`"))
            .note(open.loc, makeText("`", open.name, "` is named here"));
      });
    };
    for (size_t size = 0; size < isUsed.size(); ++size)
      if (isUsed[size])
        check(static_cast<SizeId>(size));
    for (const ExactDivision &division : cell.divisions)
      check(division.quotient);
  }

  /// Gives numbers to the names that equations between sizes made of others.
  void deriveDimensions() {
    for (size_t i = 0; i < cell.dimensions.size(); ++i) {
      SizeId value = cell.dimensions[i].value;
      AtomId plain = cell.sizes.plainAtom(value);
      bool isItself = plain != kNoAtom && cell.sizes.atom(plain).index == static_cast<int32_t>(i) &&
                      cell.sizes.atom(plain).kind == AtomKind::Dimension;
      if (isItself || isOpen(value))
        continue;
      Rational number = sizes.evaluate(value, numbers);
      if (!number.isInteger() || number.numerator < 1 || number.numerator > kMaxSize)
        reportBadSize(value, cell.dimensions[i].loc, number);
      else
        derived.push_back({i, number.numerator});
    }
    for (auto [dimension, number] : derived)
      numbers[dimension] = number;
  }
  std::vector<std::pair<size_t, int64_t>> derived;

  /// ` with H = 5, I = 3`, or nothing.
  Text withNumbers(SizeId size) const {
    Text text;
    std::vector<int32_t> seen;
    forEachDimension(size, [&](int32_t dimension) {
      for (int32_t other : seen)
        if (other == dimension)
          return;
      seen.push_back(dimension);
      text += makeText(text.empty() ? " with " : ", ", cell.dimensions[dimension].name, " = ",
                       numbers[dimension]);
    });
    return text;
  }

  void reportBadSize(SizeId size, Loc loc, Rational value) {
    bool isLarge = !value.isValid || value.numerator > kMaxSize;
    report(isLarge ? Id::SizeLimit : Id::BadSize, loc,
           makeText("size `", sizes.text(size), "` is ", numberText(value), withNumbers(size),
                    isLarge ? "; sizes are below 2^31" : "; a size is a positive integer"));
  }

  void evaluateSizes(Bound &bound) {
    bound.sizes.assign(cell.sizes.count(), -1);
    std::vector<bool> isShape(cell.sizes.count());
    auto markShape = [&](const Shape &shape) {
      for (SizeId size : {shape.rows, shape.columns})
        if (size != kNoSize)
          isShape[size] = true; // bounds of slices may be 0
    };
    for (const Op &op : cell.ops)
      markShape(op.shape);
    for (const Input &input : cell.inputs)
      markShape(input.shape);
    for (size_t i = 0; i < isUsed.size(); ++i) {
      if (!isUsed[i])
        continue;
      Rational value = sizes.evaluate(static_cast<SizeId>(i), numbers);
      bound.sizes[i] = value.isInteger() && value.numerator >= 0 ? value.numerator : -1;
      bool isTooSmall = isShape[i] && value.sign() <= 0;
      if (!value.isInteger() || value.numerator > kMaxSize || isTooSmall)
        reportBadSize(static_cast<SizeId>(i), places[i], value);
    }
  }

  void checkDivisions() {
    for (const ExactDivision &division : cell.divisions) {
      Rational value = sizes.evaluate(division.quotient, numbers);
      if (!value.isValid)
        report(Id::InexactDivision, division.loc,
               makeText("`", sizes.text(division.quotient), "` divides by zero or is too large",
                        withNumbers(division.quotient)));
      else if (!value.isInteger())
        report(Id::InexactDivision, division.loc,
               makeText("`", sizes.text(division.quotient), "` is ", numberText(value),
                        withNumbers(division.quotient), "; a division of sizes is exact"));
    }
  }

  void checkSlices(const Bound &bound) {
    for (const Op &op : cell.ops) {
      if (op.kind != OpKind::Slice)
        continue;
      int64_t whole = bound.rows(cell.ops[cell.operand(op, 0)].shape);
      int64_t begin = sizes.evaluate(op.begin, numbers).numerator;
      int64_t end = sizes.evaluate(op.end, numbers).numerator;
      if (begin < 0 || begin >= end || end > whole)
        report(Id::SliceBounds, op.loc,
               makeText("slice `[", sizes.text(op.begin), ":", sizes.text(op.end), "]`, here [",
                        begin, ":", end,
                        begin < end ? "], leaves its vector of " : "], is empty, in a vector of ",
                        whole, whole == 1 ? " element" : " elements"));
    }
  }

  //===-- Compile-time numbers ----------------------------------------------------------------===//

  void evaluateConstants(Bound &bound) const {
    bound.constants.assign(cell.ops.size(), std::nan(""));
    for (size_t i = 0; i < cell.ops.size(); ++i) {
      const Op &op = cell.ops[i];
      if (op.kind == OpKind::Number)
        bound.constants[i] = op.number;
      else if (op.kind == OpKind::SizeOf)
        bound.constants[i] = static_cast<double>(bound.size(op.begin));
      else if (op.rate == Rate::Constant)
        bound.constants[i] = kFunctions[op.function].value(
            bound.constants[cell.operand(op, 0)],
            op.operandCount > 1 ? bound.constants[cell.operand(op, 1)] : 0, 0);
    }
  }

  void checkConstants(const Bound &bound) {
    for (const Require &require : cell.requirements) {
      double left = bound.constants[require.left];
      double right = bound.constants[require.right];
      if (compare(left, require.comparison, right))
        continue;
      report(Id::RequireFailed, require.loc,
             makeText("`", require.text, "` does not hold, its sides are ", left, " and ", right,
                      require.why.empty() ? "" : ": ", require.why));
    }
    for (const Op &op : cell.ops) {
      if (op.kind != OpKind::Call || kFunctions[op.function].kind != FunctionClass::Random)
        continue;
      double probability = bound.constants[cell.operand(op, op.operandCount - 1)];
      if (!(probability >= 0 && probability <= 1))
        report(Id::BadProbability, op.loc,
               makeText("this probability is ", probability, "; it is between 0 and 1"));
    }
  }
};

} // namespace

bool addTensorFacts(const Shape &shape, std::span<const int64_t> numbers, std::string_view source,
                    std::vector<SizeFact> &facts, Diagnostics &problems) {
  bool isScalar = shape.rank == 0 && numbers.size() == 1 && numbers[0] == 1;
  if (isScalar)
    return true;
  if (numbers.size() != shape.rank) {
    problems.error(
        Id::SizeContradiction, {},
        makeText("`", source, "` has ", numbers.size(), " sizes, the cell needs ", shape.rank));
    return false;
  }
  if (shape.rank > 0)
    facts.push_back({shape.rows, numbers[0], source});
  if (shape.rank > 1)
    facts.push_back({shape.columns, numbers[1], source});
  return true;
}

void addDimensionFact(const Cell &cell, std::string_view name, int64_t number,
                      std::vector<SizeFact> &facts, std::string_view dimensionOption) {
  for (const Dimension &dimension : cell.dimensions)
    if (dimension.name == name)
      facts.push_back({dimension.value, number, makeText(dimensionOption, name, "=", number)});
}

void completeFacts(const Cell &cell, std::vector<SizeFact> &facts, int64_t number) {
  for (const Dimension &dimension : cell.dimensions) {
    Diagnostics problems;
    if (bindCell(cell, facts, problems))
      return;
    Text quoted = makeText("`", dimension.name, "`");
    auto isOpen = [&](const Diagnostic &problem) {
      return problem.id == Id::OpenDimension &&
             problem.message.view().find(quoted.view()) != std::string_view::npos;
    };
    if (std::any_of(problems.all().begin(), problems.all().end(), isOpen))
      addDimensionFact(cell, dimension.name, number, facts);
  }
}

std::optional<Bound> bindCell(const Cell &cell, std::span<const SizeFact> facts,
                              Diagnostics &problems, std::string_view dimensionOption) {
  return Binder(cell, facts, problems, dimensionOption).bind();
}

} // namespace cellwright
