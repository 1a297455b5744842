// Symbolic sizes: sums of products of dimension names with rational factors, normalized and
// interned, so that two sizes are equal exactly when their numbers (SizeId) are. A quotient by a
// sum that does not cancel stays a unit of its own. That a size is a positive integer is checked
// when its names have numbers.
#pragma once

#include "dsl/hash_index.h"
#include "dsl/rational.h"
#include "dsl/text.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cellwright {

using SizeId = int32_t; // index into SizeTable
inline constexpr SizeId kNoSize = -1;
using AtomId = int32_t; // index into the table's atoms
inline constexpr AtomId kNoAtom = -1;

inline constexpr int64_t kMaxSize = (int64_t{1} << 31) - 1;
inline constexpr size_t kMaxSizeTerms = 64;
inline constexpr int kMaxSizePower = 64;
inline constexpr int64_t kMaxQuotientWeight = 1000;

enum class AtomKind : uint8_t {
  Dimension, // a name of the cell
  Unknown,   // a size that inference looks for; none is left in a checked cell
  Quotient,  // numerator / denominator, the latter a sum
};

struct SizeAtom {
  AtomKind kind = AtomKind::Dimension;
  int32_t index = 0; // of a dimension: in Cell::dimensions
  SizeId numerator = kNoSize;
  SizeId denominator = kNoSize;
  int64_t weight = 1;    // names in it, written out
  SizeId size = kNoSize; // the size that is this atom alone, if it is known
  Text name;
};

/// A power of an atom; the exponent is not 0.
struct SizeFactor {
  AtomId atom = kNoAtom;
  int32_t exponent = 1;
  constexpr bool operator==(const SizeFactor &) const = default;
};

/// A factor times a product of powers, ordered by atom.
struct SizeTerm {
  Rational factor;
  std::vector<SizeFactor> powers;
  constexpr bool operator==(const SizeTerm &) const = default;
};

/// A sum of terms with different products; empty for 0.
using SizeSum = std::vector<SizeTerm>;

class SizeTable {
public:
  //===-- Making ------------------------------------------------------------------------------===//
  // All give kNoSize if an operand is kNoSize, and after an overflow, a division by zero or more
  // than kMaxSizeTerms terms.

  /// A size that is a number.
  constexpr SizeId number(int64_t number) { return constant({number, 1, true}); }

  constexpr SizeId constant(Rational number) {
    if (!number.isValid)
      return kNoSize;
    return number.isZero() ? intern({}) : intern({{number, {}}});
  }
  /// Adds what sizes are made of: a name, an unknown or a quotient.
  constexpr AtomId addAtom(SizeAtom atom) {
    atoms.push_back(std::move(atom));
    return static_cast<AtomId>(atoms.size()) - 1;
  }
  /// The size that is just this atom.
  constexpr SizeId ofAtom(AtomId atom) {
    if (atoms[atom].size == kNoSize)
      atoms[atom].size = intern({{{1, 1, true}, {{atom, 1}}}});
    return atoms[atom].size;
  }

  constexpr SizeId add(SizeId a, SizeId b) { return addScaled(a, b, {1, 1, true}); }
  constexpr SizeId subtract(SizeId a, SizeId b) { return addScaled(a, b, {-1, 1, true}); }

  constexpr SizeId multiply(SizeId a, SizeId b) {
    if (a == kNoSize || b == kNoSize || sums[a].size() * sums[b].size() > kMaxSizeTerms)
      return kNoSize;
    SizeSum product;
    for (const SizeTerm &left : sums[a])
      for (const SizeTerm &right : sums[b])
        if (!addTerm(product, multiplyTerms(left, right, 1)))
          return kNoSize;
    return intern(std::move(product));
  }

  /// a / b, as a quotient of its own where it does not cancel; whether it is exact is not checked.
  constexpr SizeId divide(SizeId a, SizeId b) {
    if (a == kNoSize || b == kNoSize || sums[b].empty())
      return kNoSize;
    if (sums[b].size() == 1)
      return divideByTerm(a, b);
    if (Rational ratio = ratioOf(a, b); ratio.isValid)
      return constant(ratio);
    AtomId quotient = quotientAtom(a, b);
    return quotient == kNoAtom ? kNoSize : ofAtom(quotient);
  }

  /// a ^ exponent for a small natural exponent.
  constexpr SizeId power(SizeId a, int exponent) {
    if (exponent < 0 || exponent > kMaxSizePower)
      return kNoSize;
    SizeId result = number(1);
    for (int i = 0; i < exponent; ++i)
      result = multiply(result, a);
    return result;
  }

  //===-- Looking -----------------------------------------------------------------------------===//

  constexpr const SizeSum &sum(SizeId size) const { return sums[size]; }
  constexpr const SizeAtom &atom(AtomId atom) const { return atoms[atom]; }
  constexpr size_t atomCount() const { return atoms.size(); }
  constexpr size_t count() const { return sums.size(); }

  constexpr bool isNumber(SizeId size) const {
    return size != kNoSize &&
           (sums[size].empty() || (sums[size].size() == 1 && sums[size][0].powers.empty()));
  }
  /// The value of a size that is a number, else an invalid one.
  constexpr Rational numberOf(SizeId size) const {
    if (!isNumber(size))
      return Rational::invalid();
    return sums[size].empty() ? Rational{} : sums[size][0].factor;
  }
  /// The atom that the size consists of alone, or kNoAtom.
  constexpr AtomId plainAtom(SizeId size) const {
    return size == kNoSize ? kNoAtom : plainAtoms[size];
  }
  /// 1 or -1 if the size has this sign for all positive numbers of its names, 0 if that is open or
  /// the size is 0.
  constexpr int sign(SizeId size) const {
    int common = 0;
    for (const SizeTerm &term : sums[size]) {
      for (const SizeFactor &power : term.powers)
        if (atoms[power.atom].kind == AtomKind::Quotient)
          return 0;
      if (common != 0 && common != term.factor.sign())
        return 0;
      common = term.factor.sign();
    }
    return common;
  }

  /// The value with these numbers of the dimensions; invalid where it overflows or divides by zero.
  /// Precondition: no Unknown is left in the size.
  constexpr Rational evaluate(SizeId size, std::span<const int64_t> dimensions) const {
    Rational total;
    for (const SizeTerm &term : sums[size])
      total = total + evaluateTerm(term, dimensions);
    return total;
  }

  /// The size as the language writes it: `2 * H + 1`, `(H + 1) / 2`.
  constexpr Text text(SizeId size) const {
    if (size == kNoSize)
      return "?";
    const SizeSum &terms = sums[size];
    int64_t common = terms.size() == 1 ? 1 : commonDenominator(terms);
    if (common == 1)
      return sumText(terms, 1);
    return makeText("(", sumText(terms, common), ") / ", common);
  }

private:
  std::vector<SizeAtom> atoms;
  std::vector<SizeSum> sums;
  std::vector<AtomId> plainAtoms; // by size
  HashIndex index;
  HashIndex quotients;

  //===-- Normal form -------------------------------------------------------------------------===//

  static constexpr uint32_t hashSum(const SizeSum &sum) {
    uint32_t hash = static_cast<uint32_t>(sum.size());
    for (const SizeTerm &term : sum) {
      hash = mixHash(hash, static_cast<uint64_t>(term.factor.numerator));
      hash = mixHash(hash, static_cast<uint64_t>(term.factor.denominator));
      for (SizeFactor power : term.powers)
        hash = mixHash(hash, (uint64_t(uint32_t(power.atom)) << 32) | uint32_t(power.exponent));
    }
    return hash;
  }

  static constexpr AtomId findPlainAtom(const SizeSum &sum) {
    if (sum.size() != 1 || sum[0].powers.size() != 1 || sum[0].powers[0].exponent != 1)
      return kNoAtom;
    return sum[0].factor == Rational{1, 1, true} ? sum[0].powers[0].atom : kNoAtom;
  }

  constexpr SizeId intern(SizeSum sum) {
    if (sum.size() > kMaxSizeTerms)
      return kNoSize;
    uint32_t hash = hashSum(sum);
    SizeId known = index.find(hash, [&](int32_t i) { return sums[i] == sum; });
    if (known >= 0)
      return known;
    plainAtoms.push_back(findPlainAtom(sum));
    sums.push_back(std::move(sum));
    index.insert(hash, static_cast<int32_t>(sums.size()) - 1);
    return static_cast<SizeId>(sums.size()) - 1;
  }

  /// Terms with more atoms come first, the constant last.
  static constexpr bool standsBefore(const SizeTerm &a, const SizeTerm &b) {
    for (size_t i = 0; i < a.powers.size() && i < b.powers.size(); ++i) {
      if (a.powers[i].atom != b.powers[i].atom)
        return a.powers[i].atom < b.powers[i].atom;
      if (a.powers[i].exponent != b.powers[i].exponent)
        return a.powers[i].exponent > b.powers[i].exponent;
    }
    return a.powers.size() > b.powers.size();
  }

  /// Adds a term in its place; false on overflow.
  static constexpr bool addTerm(SizeSum &sum, SizeTerm term) {
    if (!term.factor.isValid)
      return false;
    auto place = std::lower_bound(sum.begin(), sum.end(), term, standsBefore);
    if (place == sum.end() || place->powers != term.powers) {
      sum.insert(place, std::move(term));
      return true;
    }
    place->factor = place->factor + term.factor;
    bool isValid = place->factor.isValid;
    if (place->factor.isZero())
      sum.erase(place);
    return isValid;
  }

  constexpr SizeId addScaled(SizeId a, SizeId b, Rational factor) {
    if (a == kNoSize || b == kNoSize)
      return kNoSize;
    SizeSum sum = sums[a];
    for (SizeTerm term : sums[b]) {
      term.factor = term.factor * factor;
      if (!addTerm(sum, std::move(term)))
        return kNoSize;
    }
    return intern(std::move(sum));
  }

  /// left * right ^ exponent, the exponent 1 or -1; an invalid factor where powers grow too large.
  static constexpr SizeTerm multiplyTerms(const SizeTerm &left, const SizeTerm &right,
                                          int exponent) {
    SizeTerm product;
    product.factor = exponent > 0 ? left.factor * right.factor : left.factor / right.factor;
    size_t i = 0;
    for (SizeFactor power : right.powers) {
      power.exponent *= exponent;
      while (i < left.powers.size() && left.powers[i].atom < power.atom)
        product.powers.push_back(left.powers[i++]);
      if (i < left.powers.size() && left.powers[i].atom == power.atom)
        power.exponent += left.powers[i++].exponent;
      if (power.exponent > kMaxSizePower || power.exponent < -kMaxSizePower)
        product.factor = Rational::invalid();
      if (power.exponent != 0)
        product.powers.push_back(power);
    }
    product.powers.insert(product.powers.end(),
                          left.powers.begin() + static_cast<std::ptrdiff_t>(i), left.powers.end());
    if (product.powers.size() > kMaxSizeTerms)
      product.factor = Rational::invalid();
    return product;
  }

  constexpr SizeId divideByTerm(SizeId a, SizeId b) {
    SizeSum quotient;
    for (const SizeTerm &term : sums[a])
      if (!addTerm(quotient, multiplyTerms(term, sums[b][0], -1)))
        return kNoSize;
    return intern(std::move(quotient));
  }

  /// a / b if that is a number, else an invalid one. Precondition: b is a sum.
  constexpr Rational ratioOf(SizeId a, SizeId b) const {
    if (sums[a].empty())
      return {};
    if (sums[a].size() != sums[b].size())
      return Rational::invalid();
    Rational ratio = sums[a][0].factor / sums[b][0].factor;
    for (size_t i = 0; i < sums[a].size(); ++i)
      if (sums[a][i].powers != sums[b][i].powers ||
          !(sums[a][i].factor / sums[b][i].factor == ratio))
        return Rational::invalid();
    return ratio;
  }

  constexpr int64_t weightOf(SizeId size) const {
    int64_t weight = 1;
    for (const SizeTerm &term : sums[size])
      for (SizeFactor power : term.powers)
        weight +=
            atoms[power.atom].weight * (power.exponent < 0 ? -power.exponent : power.exponent);
    return weight;
  }

  constexpr AtomId quotientAtom(SizeId a, SizeId b) {
    uint32_t hash = mixHash(static_cast<uint32_t>(a), static_cast<uint64_t>(b));
    AtomId known = quotients.find(
        hash, [&](int32_t i) { return atoms[i].numerator == a && atoms[i].denominator == b; });
    if (known >= 0)
      return known;
    int64_t weight = weightOf(a) + weightOf(b);
    if (weight > kMaxQuotientWeight)
      return kNoAtom;
    AtomId added = addAtom({AtomKind::Quotient, 0, a, b, weight, kNoSize, {}});
    quotients.insert(hash, added);
    return added;
  }

  //===-- Values and texts --------------------------------------------------------------------===//

  constexpr Rational evaluateTerm(const SizeTerm &term, std::span<const int64_t> dimensions) const {
    Rational product = term.factor;
    for (SizeFactor power : term.powers) {
      const SizeAtom &atom = atoms[power.atom];
      Rational value = Rational::invalid();
      if (atom.kind == AtomKind::Quotient)
        value = evaluate(atom.numerator, dimensions) / evaluate(atom.denominator, dimensions);
      else if (atom.kind == AtomKind::Dimension)
        value = {dimensions[atom.index], 1, true};
      for (int i = 0; i < power.exponent; ++i)
        product = product * value;
      for (int i = 0; i > power.exponent; --i)
        product = product / value;
    }
    return product;
  }

  constexpr Text atomText(AtomId id) const {
    const SizeAtom &atom = atoms[id];
    if (atom.kind == AtomKind::Unknown)
      return "?";
    if (atom.kind == AtomKind::Dimension)
      return atom.name;
    auto side = [&](SizeId size) {
      Text inner = text(size);
      if (sums[size].size() > 1)
        return makeText("(", inner, ")");
      return inner;
    };
    return makeText(side(atom.numerator), " / ", side(atom.denominator));
  }

  /// What makes all factors integers; 1 if that is too large.
  static constexpr int64_t commonDenominator(const SizeSum &terms) {
    int64_t common = 1;
    for (const SizeTerm &term : terms) {
      int64_t step = term.factor.denominator / std::gcd(common, term.factor.denominator);
      if (__builtin_mul_overflow(common, step, &common))
        return 1;
    }
    for (const SizeTerm &term : terms)
      if (!(term.factor * Rational{common, 1, true}).isValid)
        return 1;
    return common;
  }

  /// The absolute value of a term times `scale`.
  constexpr Text termText(const SizeTerm &term, int64_t scale) const {
    Rational scaled = term.factor * Rational{scale, 1, true};
    int64_t numerator = scaled.numerator < 0 ? -scaled.numerator : scaled.numerator;
    Text text;
    bool isAlone = term.powers.size() == 1 && term.powers[0].exponent == 1;
    auto append = [&](std::string_view sign, AtomId id) {
      if (!text.empty())
        text += sign;
      bool needsParentheses = atoms[id].kind == AtomKind::Quotient && !(isAlone && text.empty());
      if (needsParentheses)
        text += makeText("(", atomText(id), ")");
      else
        text += atomText(id);
    };
    bool hasAbove = std::any_of(term.powers.begin(), term.powers.end(),
                                [](SizeFactor power) { return power.exponent > 0; });
    if (numerator != 1 || !hasAbove)
      text += makeText(numerator);
    for (SizeFactor power : term.powers)
      for (int i = 0; i < power.exponent; ++i)
        append(" * ", power.atom);
    for (SizeFactor power : term.powers)
      for (int i = 0; i > power.exponent; --i)
        append(" / ", power.atom);
    if (scaled.denominator != 1)
      text += makeText(" / ", scaled.denominator);
    return text;
  }

  constexpr Text sumText(const SizeSum &terms, int64_t scale) const {
    if (terms.empty())
      return "0";
    // A positive term leads, if there is one.
    size_t lead = 0;
    while (lead < terms.size() && terms[lead].factor.sign() < 0)
      ++lead;
    Text text;
    if (lead == terms.size())
      lead = 0;
    if (terms[lead].factor.sign() < 0)
      text += "-";
    text += termText(terms[lead], scale);
    for (size_t i = 0; i < terms.size(); ++i) {
      if (i == lead)
        continue;
      text += terms[i].factor.sign() < 0 ? " - " : " + ";
      text += termText(terms[i], scale);
    }
    return text;
  }
};

} // namespace cellwright
