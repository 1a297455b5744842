// Inference of sizes: unknown sizes stand for themselves until an equation fixes them. Every
// equation is solved at once for one unknown that occurs in it once and linearly, and is kept for
// later if there is none. What one gets wrong: a size must be resolved before it is compared or
// looked into.
#pragma once

#include "dsl/size.h"
#include "dsl/source.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

enum class Unification : uint8_t { Same, Deferred, Mismatch };

/// An equation that could not be solved when it was met.
struct OpenEquation {
  SizeId left = kNoSize;
  SizeId right = kNoSize;
  Loc loc;
  bool anyName = false; // comes from a `require`
};

class SizeSolver {
public:
  constexpr explicit SizeSolver(SizeTable &table) : table(table) {}

  /// Makes a size that nothing is known about; `loc` is what needs it.
  constexpr SizeId makeUnknown(Loc loc) {
    AtomId atom = table.addAtom({.kind = AtomKind::Unknown, .name = {}});
    noteAtom(atom, true, loc);
    return table.ofAtom(atom);
  }

  /// Tells the solver of a dimension; a flexible one takes any size.
  constexpr void addDimension(AtomId atom, bool isFlexible, Loc loc) {
    noteAtom(atom, isFlexible, loc);
  }

  /// Demands that two sizes are equal. `loc` is remembered as what fixed an unknown.
  constexpr Unification unify(SizeId a, SizeId b, Loc loc) { return equate(a, b, loc, false); }

  /// As `unify`, and may solve for any name: what `require a == b` does.
  constexpr Unification require(SizeId a, SizeId b, Loc loc) { return equate(a, b, loc, true); }

  /// The size with everything put in that is known by now.
  constexpr SizeId resolve(SizeId size) {
    if (size == kNoSize)
      return size;
    AtomId plain = table.plainAtom(size);
    if (plain != kNoAtom && isUnsolved(plain))
      return size;
    settleAtoms(size);
    return substitute(size);
  }

  /// Solves what became solvable; equations that turn out wrong are given to `onMismatch`, the
  /// others are returned.
  template <class OnMismatch> constexpr std::vector<OpenEquation> solveOpen(OnMismatch onMismatch) {
    constexpr int kMaxRounds = 100;
    for (int round = 0; round < kMaxRounds && !open.empty(); ++round) {
      std::vector<OpenEquation> rest = std::exchange(open, {});
      for (const OpenEquation &equation : rest)
        if (equate(equation.left, equation.right, equation.loc, equation.anyName) ==
            Unification::Mismatch)
          onMismatch(equation);
      if (open.size() == rest.size())
        break;
    }
    return std::exchange(open, {});
  }

  /// The first unknown left in a size after `resolve`, or kNoAtom.
  constexpr AtomId findUnknown(SizeId size) const {
    for (const SizeTerm &term : table.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = table.atom(power.atom);
        if (atom.kind == AtomKind::Unknown)
          return power.atom;
        if (atom.kind != AtomKind::Quotient)
          continue;
        AtomId above = findUnknown(atom.numerator);
        AtomId found = above == kNoAtom ? findUnknown(atom.denominator) : above;
        if (found != kNoAtom)
          return found;
      }
    return kNoAtom;
  }

  /// What asked for an unknown.
  constexpr Loc origin(AtomId atom) const { return states[atom].origin; }
  /// What fixed an atom; an unknown place if nothing did.
  constexpr Loc solvedAt(AtomId atom) const { return states[atom].solvedAt; }

private:
  struct AtomState {
    bool isOpen = false; // an unknown or a flexible dimension: `unify` may solve for it
    SizeId solution = kNoSize;
    int32_t settledEpoch = -1;
    Loc origin;
    Loc solvedAt;
  };
  SizeTable &table;
  std::vector<AtomState> states; // by atom; quotients need none and may be missing at the end
  std::vector<OpenEquation> open;
  std::vector<AtomId> stack;
  int32_t epoch = 0;
  int efforts = 1000; // how many differences are looked at closely

  constexpr void noteAtom(AtomId atom, bool isOpen, Loc origin) {
    if (states.size() <= static_cast<size_t>(atom))
      states.resize(atom + 1, {});
    states[atom].isOpen = isOpen;
    states[atom].origin = origin;
  }
  constexpr SizeId solutionOf(AtomId atom) const {
    return static_cast<size_t>(atom) < states.size() ? states[atom].solution : kNoSize;
  }
  constexpr bool isUnsolved(AtomId atom) const {
    return table.atom(atom).kind != AtomKind::Quotient && solutionOf(atom) == kNoSize;
  }
  constexpr bool isOpen(AtomId atom) const {
    return static_cast<size_t>(atom) < states.size() && states[atom].isOpen &&
           states[atom].solution == kNoSize;
  }

  //===-- Resolving ---------------------------------------------------------------------------===//

  constexpr bool needsSettling(AtomId atom) const {
    return solutionOf(atom) != kNoSize && states[atom].settledEpoch != epoch;
  }

  /// Pushes the atoms of a size whose solutions are out of date.
  constexpr void pushUnsettled(SizeId size) {
    for (const SizeTerm &term : table.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = table.atom(power.atom);
        if (atom.kind == AtomKind::Quotient) {
          pushUnsettled(atom.numerator);
          pushUnsettled(atom.denominator);
        } else if (needsSettling(power.atom)) {
          stack.push_back(power.atom);
        }
      }
  }

  /// Brings the solutions of all atoms of a size up to date. Chains of solutions may be long, so
  /// this is a loop over a stack.
  constexpr void settleAtoms(SizeId size) {
    stack.clear();
    pushUnsettled(size);
    while (!stack.empty()) {
      AtomId atom = stack.back();
      size_t depth = stack.size();
      if (needsSettling(atom))
        pushUnsettled(states[atom].solution);
      if (stack.size() != depth)
        continue;
      stack.pop_back();
      if (!needsSettling(atom))
        continue;
      if (SizeId settled = substitute(states[atom].solution); settled != kNoSize)
        states[atom].solution = settled;
      states[atom].settledEpoch = epoch;
    }
  }

  /// Whether a size has an atom with a solution.
  constexpr bool isSolvedInPart(SizeId size) const {
    for (const SizeTerm &term : table.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = table.atom(power.atom);
        bool isQuotient = atom.kind == AtomKind::Quotient;
        if (isQuotient ? isSolvedInPart(atom.numerator) || isSolvedInPart(atom.denominator)
                       : solutionOf(power.atom) != kNoSize)
          return true;
      }
    return false;
  }

  constexpr SizeId valueOf(AtomId atom) {
    if (table.atom(atom).kind == AtomKind::Quotient) {
      SizeId numerator = substitute(table.atom(atom).numerator);
      return table.divide(numerator, substitute(table.atom(atom).denominator));
    }
    return solutionOf(atom) == kNoSize ? table.ofAtom(atom) : solutionOf(atom);
  }

  /// Puts solutions in; kNoSize where the result is too complex. Precondition: they are settled.
  constexpr SizeId substitute(SizeId size) {
    if (!isSolvedInPart(size))
      return size;
    if (AtomId atom = table.plainAtom(size); atom != kNoAtom)
      return valueOf(atom);
    SizeId total = table.number(0);
    SizeSum terms = table.sum(size);
    for (const SizeTerm &term : terms) {
      SizeId product = table.constant(term.factor);
      for (SizeFactor power : term.powers) {
        SizeId value = valueOf(power.atom);
        SizeId step = table.power(value, power.exponent < 0 ? -power.exponent : power.exponent);
        product = power.exponent < 0 ? table.divide(product, step) : table.multiply(product, step);
      }
      total = table.add(total, product);
    }
    return total;
  }

  //===-- Solving -----------------------------------------------------------------------------===//

  constexpr bool contains(SizeId size, AtomId sought) const {
    for (const SizeTerm &term : table.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = table.atom(power.atom);
        if (power.atom == sought ||
            (atom.kind == AtomKind::Quotient &&
             (contains(atom.numerator, sought) || contains(atom.denominator, sought))))
          return true;
      }
    return false;
  }

  constexpr bool isSolvable(AtomId atom, bool anyName) const {
    if (isOpen(atom))
      return true;
    return anyName && table.atom(atom).kind == AtomKind::Dimension && solutionOf(atom) == kNoSize;
  }

  constexpr bool hasOpenAtom(SizeId size) const {
    for (const SizeTerm &term : table.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = table.atom(power.atom);
        bool isQuotient = atom.kind == AtomKind::Quotient;
        if (isQuotient ? hasOpenAtom(atom.numerator) || hasOpenAtom(atom.denominator)
                       : isOpen(power.atom))
          return true;
      }
    return false;
  }

  constexpr Unification equate(SizeId left, SizeId right, Loc loc, bool anyName) {
    SizeId a = resolve(left);
    SizeId b = resolve(right);
    if (a == b || a == kNoSize || b == kNoSize)
      return Unification::Same;
    if (solvePlain(a, b, loc, anyName) || solvePlain(b, a, loc, anyName))
      return Unification::Same;
    SizeId difference = table.subtract(a, b);
    if (difference == kNoSize)
      return Unification::Mismatch;
    switch (solveLinear(difference, loc, anyName)) {
    case Unification::Same:
      return Unification::Same;
    case Unification::Mismatch:
      return Unification::Mismatch;
    case Unification::Deferred:
      break;
    }
    if (isZero(difference))
      return Unification::Same;
    bool isOpen = hasOpenAtom(difference) || (anyName && table.sign(difference) == 0);
    if (!isOpen || table.isNumber(difference))
      return Unification::Mismatch;
    open.push_back({left, right, loc, anyName}); // as written, to be recognized when met again
    return Unification::Deferred;
  }

  /// Solves `a == b` where `a` is a single open atom that is not in `b`; of two, the newer one
  /// goes.
  constexpr bool solvePlain(SizeId a, SizeId b, Loc loc, bool anyName) {
    AtomId atom = table.plainAtom(a);
    if (atom == kNoAtom || !isSolvable(atom, anyName) || contains(b, atom) || !isPossible(b))
      return false;
    AtomId other = table.plainAtom(b);
    bool isOtherNewer = other != kNoAtom && isOpen(other) && (other > atom || !isOpen(atom));
    if (isOtherNewer)
      return false;
    setSolution(atom, b, loc);
    return true;
  }

  /// Whether a size can be a positive integer.
  constexpr bool isPossible(SizeId size) const {
    Rational number = table.numberOf(size);
    if (number.isValid)
      return number.isInteger() && number.numerator > 0;
    return table.sign(size) >= 0;
  }

  constexpr Unification solveLinear(SizeId difference, Loc loc, bool anyName) {
    SizeSum terms = table.sum(difference);
    AtomId best = kNoAtom;
    size_t bestTerm = 0;
    for (size_t i = 0; i < terms.size(); ++i)
      for (SizeFactor power : terms[i].powers)
        if (isLinearIn(terms, i, power, anyName) &&
            isBetter(terms[i], power.atom, terms, bestTerm, best)) {
          best = power.atom;
          bestTerm = i;
        }
    if (best == kNoAtom)
      return Unification::Deferred;
    SizeId atom = table.ofAtom(best);
    SizeId term = sizeOfTerm(terms[bestTerm]);
    SizeId rest = table.subtract(term, difference);
    SizeId value = table.divide(rest, table.divide(term, atom));
    if (value == kNoSize || !isPossible(value))
      return Unification::Mismatch;
    setSolution(best, value, loc);
    return Unification::Same;
  }

  constexpr SizeId sizeOfTerm(const SizeTerm &term) {
    SizeId size = table.constant(term.factor);
    for (SizeFactor power : term.powers)
      for (int i = 0; i < (power.exponent < 0 ? -power.exponent : power.exponent); ++i)
        size = power.exponent < 0 ? table.divide(size, table.ofAtom(power.atom))
                                  : table.multiply(size, table.ofAtom(power.atom));
    return size;
  }

  /// Whether a difference is 0 after all: because its quotients cancel, or because it is a multiple
  /// of the difference that a `require` demands to be 0 and that could not be solved, as in
  /// `require H * H == 4 * K * K`.
  constexpr bool isZero(SizeId difference) {
    constexpr int kMaxTried = 50; // requires, for one difference
    if (--efforts < 0)
      return false;
    difference = clearQuotients(difference);
    if (difference == kNoSize || table.sum(difference).empty())
      return difference != kNoSize;
    int tried = 0;
    for (size_t i = 0; i < open.size() && tried < kMaxTried; ++i) {
      if (!open[i].anyName)
        continue;
      ++tried;
      SizeId required = table.subtract(resolve(open[i].left), resolve(open[i].right));
      required = required == kNoSize ? kNoSize : clearQuotients(required);
      if (required != kNoSize && isMultiple(difference, required))
        return true;
    }
    return false;
  }

  constexpr AtomId findQuotient(SizeId size) const {
    for (const SizeTerm &term : table.sum(size))
      for (SizeFactor power : term.powers)
        if (table.atom(power.atom).kind == AtomKind::Quotient)
          return power.atom;
    return kNoAtom;
  }

  /// The size times what makes its quotients go; kNoSize if that is too complex.
  constexpr SizeId clearQuotients(SizeId size) {
    constexpr int kMaxRounds = 8;
    for (int round = 0; round < kMaxRounds; ++round) {
      AtomId quotient = findQuotient(size);
      if (quotient == kNoAtom)
        return size;
      SizeSum terms = table.sum(size);
      int most = 0;
      int least = 0;
      for (const SizeTerm &term : terms)
        for (SizeFactor power : term.powers)
          if (power.atom == quotient) {
            most = power.exponent > most ? power.exponent : most;
            least = power.exponent < least ? power.exponent : least;
          }
      SizeId above = table.atom(quotient).numerator;
      SizeId below = table.atom(quotient).denominator;
      size = table.number(0);
      for (SizeTerm &term : terms) {
        int exponent = 0;
        std::vector<SizeFactor> others;
        for (SizeFactor power : term.powers)
          if (power.atom == quotient)
            exponent = power.exponent;
          else
            others.push_back(power);
        term.powers = std::move(others);
        SizeId cleared =
            table.multiply(sizeOfTerm(term), table.multiply(table.power(above, exponent - least),
                                                            table.power(below, most - exponent)));
        size = table.add(size, cleared);
      }
      if (size == kNoSize)
        return kNoSize;
    }
    return kNoSize;
  }

  /// Whether one size is the other one times a term.
  constexpr bool isMultiple(SizeId size, SizeId other) {
    SizeSum terms = table.sum(size);
    SizeSum otherTerms = table.sum(other);
    if (terms.size() != otherTerms.size() || terms.empty())
      return false;
    SizeId first = sizeOfTerm(terms[0]);
    for (const SizeTerm &term : otherTerms)
      if (SizeId ratio = table.divide(first, sizeOfTerm(term));
          table.multiply(other, ratio) == size)
        return true;
    return false;
  }

  /// Whether the sum is linear in `power.atom`, which stands in term `index` alone, next to nothing
  /// that is open itself.
  constexpr bool isLinearIn(const SizeSum &terms, size_t index, SizeFactor power, bool anyName) {
    if (power.exponent != 1 || !isSolvable(power.atom, anyName))
      return false;
    for (SizeFactor other : terms[index].powers) {
      bool isBeside = other.atom != power.atom;
      if (isBeside && (table.atom(other.atom).kind == AtomKind::Quotient || isOpen(other.atom)))
        return false;
    }
    for (size_t i = 0; i < terms.size(); ++i)
      if (i != index)
        for (SizeFactor other : terms[i].powers)
          if (contains(table.ofAtom(other.atom), power.atom))
            return false;
    return true;
  }

  /// Unknowns are solved for first, then flexible names; a factor of 1 or -1 is best; the newest
  /// goes.
  constexpr bool isBetter(const SizeTerm &term, AtomId atom, const SizeSum &terms, size_t bestTerm,
                          AtomId best) const {
    if (best == kNoAtom)
      return true;
    auto rank = [&](const SizeTerm &candidate, AtomId id) {
      int kind = table.atom(id).kind == AtomKind::Unknown ? 4 : isOpen(id) ? 2 : 0;
      Rational factor = candidate.factor;
      bool isUnit = candidate.powers.size() == 1 && factor.isInteger() &&
                    factor * factor == Rational{1, 1, true};
      return kind + isUnit;
    };
    int rankOfBest = rank(terms[bestTerm], best);
    int rankOfThis = rank(term, atom);
    return rankOfThis != rankOfBest ? rankOfThis > rankOfBest : isOpen(atom) && atom > best;
  }

  constexpr void setSolution(AtomId atom, SizeId value, Loc loc) {
    states[atom].solution = value;
    states[atom].solvedAt = loc;
    ++epoch;
    states[atom].settledEpoch = epoch;
  }
};

} // namespace cellwright
