// Colour refinement (Weisfeiler & Leman 1968): a colour is made of those of the operands, then of
// those of the users, again and again until no more terms can be told apart. Where inputs of the
// graph (parameters, states, random draws) still look alike, one of them is marked and the rest
// follows: if they are truly alike, it does not matter which; if refinement only does not tell them
// apart, it does.
#include "dsl/term_colours.h"

#include "dsl/hash_index.h"

#include <algorithm>
#include <bit>
#include <string_view>

namespace cellwright {

namespace {

constexpr int64_t kMostWork = 50'000'000; // visits of terms

/// Mixes two numbers (splitmix64). For all time: recorded hashes depend on it.
constexpr uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9E3779B97F4A7C15u + b + 0xD1B54A32D192ED03u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

constexpr uint64_t hashName(std::string_view name) {
  uint64_t hash = 0;
  for (char letter : name)
    hash = mix(hash, static_cast<unsigned char>(letter));
  return hash;
}

/// A factor as it counts for colours: constants that were brought together in another order differ
/// in their last digits.
uint64_t hashNumber(double number) {
  auto rounded = static_cast<float>(number);
  return std::bit_cast<uint32_t>(rounded == 0 ? 0.0F : rounded);
}

class Colourer {
public:
  Colourer(const Cell &cell, const TermGraph &graph)
      : cell(cell), graph(graph), isUsed(graph.terms.size(), false), marks(graph.terms.size(), 0),
        colours(graph.terms.size(), 0), dimensions(cell.dimensions.size(), 0),
        stateTerms(cell.states.size(), -1) {
    findUsed();
  }

  std::vector<uint64_t> colour() {
    while (refine(), markOne())
      ;
    return std::move(colours);
  }

private:
  const Cell &cell;
  const TermGraph &graph;
  Flags isUsed;
  std::vector<uint64_t> marks; // by term: what sets it apart from others that look the same
  std::vector<uint64_t> colours;
  std::vector<uint64_t> dimensions; // colours too
  std::vector<TermId> stateTerms;
  int64_t work = 0;

  size_t count() const { return graph.terms.size(); }

  /// The terms that a canonical cell has: not the parts that simplification has left behind.
  void findUsed() {
    std::vector<TermId> open;
    auto use = [&](TermId term) {
      if (term >= 0 && !isUsed[term]) {
        isUsed[term] = true;
        open.push_back(term);
      }
    };
    use(graph.output);
    while (!open.empty()) {
      TermId id = open.back();
      const Term &term = graph.terms[id];
      open.pop_back();
      for (const TermPart &part : term.parts)
        use(part.term);
      if (term.kind != TermKind::Op)
        continue;
      if (term.op.kind == OpKind::State) {
        stateTerms[term.op.index] = id;
        use(graph.nexts[term.op.index]);
      } else if (term.op.kind == OpKind::Param) {
        use(graph.initializers[term.op.index].first);
        use(graph.initializers[term.op.index].second);
      }
    }
  }

  //===-- What a term is by itself ------------------------------------------------------------===//

  uint64_t hashSize(SizeId size) const {
    uint64_t hash = 1;
    for (const SizeTerm &term : cell.sizes.sum(size)) {
      uint64_t product = mix(static_cast<uint64_t>(term.factor.numerator),
                             static_cast<uint64_t>(term.factor.denominator));
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = cell.sizes.atom(power.atom);
        uint64_t base = atom.kind == AtomKind::Quotient
                            ? mix(hashSize(atom.numerator), hashSize(atom.denominator))
                            : dimensions[atom.index];
        product += mix(base, static_cast<uint64_t>(power.exponent));
      }
      hash += mix(product, 2);
    }
    return hash;
  }

  uint64_t hashShape(const Shape &shape) const {
    uint64_t hash = shape.rank;
    for (SizeId size : {shape.rows, shape.columns})
      hash = size == kNoSize ? hash : mix(hash, hashSize(size));
    return hash;
  }

  uint64_t hashSelf(const Term &term) const {
    uint64_t hash = mix(static_cast<uint64_t>(term.kind), hashShape(term.op.shape));
    if (term.kind != TermKind::Op)
      return hash;
    const Op &op = term.op;
    hash = mix(hash, static_cast<uint64_t>(op.kind));
    if (op.kind == OpKind::Input)
      hash = mix(hash, static_cast<uint64_t>(op.index));
    if (op.kind == OpKind::Number)
      hash = mix(hash, hashNumber(op.number));
    if (op.kind == OpKind::Call)
      hash = mix(mix(hash, hashName(kFunctions[op.function].name)), op.perSequence);
    for (SizeId size : {op.begin, op.end})
      hash = size == kNoSize ? hash : mix(hash, hashSize(size));
    if (op.kind == OpKind::Param) {
      const Param &param = cell.params[op.index];
      hash = mix(hash, static_cast<uint64_t>(param.initializer.kind));
      hash = mix(hash, (param.frozen ? 2u : 0u) + (param.initializer.linearOfState ? 1u : 0u));
    }
    return hash;
  }

  //===-- Refinement --------------------------------------------------------------------------===//

  /// Calls `visit(other, slot)` for all parts of a term; all have smaller numbers.
  template <class Visit> void forEachPart(const Term &term, Visit visit) const {
    bool isUnordered = term.isUnordered();
    uint64_t place = 0;
    for (const TermPart &part : term.parts)
      visit(part.term, isUnordered ? hashNumber(part.factor) : 1'000'000'007u * ++place);
  }

  /// What a state or a parameter depends on besides: of the round before, since that may be any
  /// term.
  uint64_t hashOrigin(const Term &term) const {
    if (term.kind != TermKind::Op)
      return 0;
    if (term.op.kind == OpKind::State)
      return colours[graph.nexts[term.op.index]];
    if (term.op.kind != OpKind::Param)
      return 0;
    const auto &[first, second] = graph.initializers[term.op.index];
    return mix(first < 0 ? 0 : colours[first], second < 0 ? 0 : colours[second]);
  }

  size_t countColours() const {
    std::vector<uint64_t> sorted;
    for (size_t i = 0; i < count(); ++i)
      if (isUsed[i])
        sorted.push_back(colours[i]);
    std::sort(sorted.begin(), sorted.end());
    return static_cast<size_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
  }

  void refine() {
    size_t known = 0;
    size_t now = 0;
    // One more round than changes anything: a cell's colours do not depend on how many it took.
    do {
      known = now;
      runRound();
      now = countColours();
    } while (now > known && work < kMostWork);
  }

  void runRound() {
    work += static_cast<int64_t>(count());
    std::vector<uint64_t> made(count(), 0);
    for (size_t i = 0; i < count(); ++i) {
      if (!isUsed[i])
        continue;
      const Term &term = graph.terms[i];
      uint64_t hash = mix(mix(hashSelf(term), marks[i]), colours[i]);
      uint64_t parts = hashOrigin(term);
      forEachPart(term, [&](TermId part, uint64_t slot) { parts += mix(made[part], slot); });
      made[i] = mix(hash, parts);
    }
    spreadToParts(made);
    colourDimensions(made);
    colours = std::move(made);
  }

  /// Mixes into each colour those of all users, last ones first.
  void spreadToParts(std::vector<uint64_t> &made) const {
    std::vector<uint64_t> users(count(), 0);
    users[graph.output] += 21;
    for (size_t state = 0; state < stateTerms.size(); ++state)
      if (stateTerms[state] >= 0)
        users[graph.nexts[state]] += mix(colours[stateTerms[state]], 22);
    for (size_t i = count(); i-- > 0;) {
      if (!isUsed[i])
        continue;
      made[i] = mix(made[i], users[i]);
      forEachPart(graph.terms[i],
                  [&](TermId part, uint64_t slot) { users[part] += mix(made[i], slot + 31); });
    }
  }

  void colourDimensions(const std::vector<uint64_t> &made) {
    std::vector<uint64_t> uses(dimensions.size(), 0);
    auto use = [&](SizeId size, uint64_t by) {
      if (size == kNoSize)
        return;
      for (const SizeTerm &term : cell.sizes.sum(size))
        for (SizeFactor power : term.powers)
          if (const SizeAtom &atom = cell.sizes.atom(power.atom); atom.kind == AtomKind::Dimension)
            uses[atom.index] += mix(by, static_cast<uint64_t>(power.exponent));
    };
    for (size_t i = 0; i < cell.inputs.size(); ++i)
      use(cell.inputs[i].shape.rows, 41 + i);
    for (size_t i = 0; i < count(); ++i) {
      const Op &op = graph.terms[i].op;
      if (!isUsed[i])
        continue;
      use(op.shape.rows, mix(made[i], 1));
      use(op.shape.columns, mix(made[i], 2));
      use(op.begin, mix(made[i], 3));
      use(op.end, mix(made[i], 4));
    }
    for (size_t i = 0; i < dimensions.size(); ++i)
      dimensions[i] = mix(dimensions[i], uses[i]);
  }

  //===-- Ties --------------------------------------------------------------------------------===//

  /// Whether a term is one of its own even if another one looks the same.
  static bool isOwn(const Term &term) {
    return term.kind == TermKind::Op &&
           (term.op.kind == OpKind::Param || term.op.kind == OpKind::State ||
            (term.op.kind == OpKind::Call &&
             kFunctions[term.op.function].kind == FunctionClass::Random));
  }

  /// Marks one of the terms that share the smallest shared colour; false if there is none.
  bool markOne() {
    std::vector<std::pair<uint64_t, size_t>> own;
    for (size_t i = 0; i < count(); ++i)
      if (isUsed[i] && isOwn(graph.terms[i]))
        own.push_back({colours[i], i});
    std::sort(own.begin(), own.end());
    for (size_t i = 0; i + 1 < own.size(); ++i)
      if (own[i].first == own[i + 1].first && work < kMostWork) {
        marks[own[i].second] = 1;
        return true;
      }
    return false;
  }
};

} // namespace

std::vector<uint64_t> colourTerms(const Cell &cell, const TermGraph &graph) {
  return Colourer(cell, graph).colour();
}

} // namespace cellwright
