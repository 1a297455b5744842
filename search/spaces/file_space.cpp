// A cell with choices as a space. A genotype says the alternative of each choice that the cell has:
// {"gate": 2}. Which those are depends on the others, so they are made one round after the other.
#include "search/cell_text.h"
#include "search/read_json.h"
#include "search/space.h"
#include "search/spaces/spaces.h"

#include "dsl/canonical.h"
#include "dsl/print.h"
#include "runtime/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace cellwright {

using nlohmann::json;

namespace {

using Chosen = std::map<std::string, int>; // alternatives, counted from 1

/// A choice as it stands in the file.
struct FileChoice {
  std::string name;
  std::vector<double> weights;
  std::vector<std::string> alternatives;
};

/// A cell with some choices made: what it is then, and which choices it has.
struct Settled {
  std::string cell; // empty if these alternatives do not check together
  std::string problems;
  std::vector<FileChoice> choices;
};

class FileSpace final : public Space {
public:
  explicit FileSpace(std::string file) : file(std::move(file)) { requireCell(settle({})); }

  std::string identity() const override { return hash; }

  std::string_view name() const override { return file; }

  std::string describe() const override { return fmt::format("{} choices", all().choices.size()); }

  /// What `check` says of the file, but that there are more alternatives than it looks at.
  std::string problems() const override {
    Frontend frontend;
    (void)frontend.findSpace(file);
    frontend.checkAll();
    const std::vector<Diagnostic> &all = frontend.program().diagnostics.all();
    bool isWrong = std::any_of(all.begin(), all.end(), [](const Diagnostic &one) {
      return one.severity == Severity::Error && one.id != Id::TooManyOperations;
    });
    return isWrong ? frontend.renderProblems() : "";
  }

  double size() const override {
    const Collected &all = this->all();
    std::function<double(const std::string &)> countOf = [&](const std::string &name) {
      const FileChoice &choice = all.choices.at(name);
      double count = 0;
      for (size_t k = 1; k <= choice.alternatives.size(); ++k) {
        double product = 1;
        if (auto inside = all.inside.find({name, static_cast<int>(k)}); inside != all.inside.end())
          for (const std::string &inner : inside->second)
            product *= countOf(inner);
        count += product;
      }
      return count;
    };
    double product = 1;
    for (const std::string &outer : all.outer)
      product *= countOf(outer);
    return product;
  }

  Candidate sample(Random &random) const override { return complete({}, drawing(random)); }

  std::optional<Candidate> mutate(const Candidate &candidate, Random &random) const override {
    Chosen chosen = chosenBy(candidate.genotype);
    Settled settled = settle(chosen);
    if (settled.choices.empty())
      return std::nullopt;
    const FileChoice &choice = settled.choices[random.below(settled.choices.size())];
    int old = chosen.at(choice.name);
    auto other = static_cast<int>(random.below(choice.alternatives.size() - 1)) + 1;
    other += other >= old;
    chosen[choice.name] = other;
    Candidate mutant = complete(chosen, drawing(random));
    mutant.edit =
        describeEdit(fmt::format("`{}`: {} becomes {}", choice.name, choice.alternatives[old - 1],
                                 choice.alternatives[other - 1]),
                     candidate.cell, mutant.cell);
    return mutant;
  }

  std::optional<Candidate> crossover(const Candidate &a, const Candidate &b,
                                     Random &random) const override {
    Chosen chosen = chosenBy(a.genotype);
    for (const auto &[name, alternative] : chosenBy(b.genotype))
      if (!chosen.contains(name) || random.below(2) == 1)
        chosen[name] = alternative;
    Candidate child = complete(chosen, drawing(random));
    child.edit = describeEdit("choices of the other parent", a.cell, child.cell);
    return child;
  }

  /// All choices that any alternatives bring in, by their names. Those that a candidate does not
  /// have are decided too, without effect.
  std::vector<int64_t> decisionSizes() const override {
    std::vector<int64_t> sizes;
    for (const auto &[name, choice] : all().choices)
      sizes.push_back(std::ssize(choice.alternatives));
    return sizes;
  }

  Candidate decide(const std::vector<int> &chosen) const override {
    std::map<std::string, int> decided;
    for (const auto &[name, choice] : all().choices) {
      int alternative = chosen[decided.size()] + 1;
      decided[name] = alternative;
    }
    return complete({}, [&](const FileChoice &choice) { return decided.at(choice.name); });
  }

  Candidate make(const std::string &genotype) const override {
    Chosen chosen = chosenBy(genotype);
    Settled settled = settle(chosen);
    requireCell(settled);
    for (const FileChoice &choice : settled.choices)
      CELLWRIGHT_CHECK(chosen.contains(choice.name), "choice `{}` is open in this genotype",
                       choice.name);
    return {settled.cell, json(chosen).dump(), {}, ""};
  }

  /// Tries all choices, since equations do not tell which were made.
  std::string genotypeOf(const std::string &cell) const override {
    constexpr int64_t kMostTried = 20'000; // a minute at worst
    int64_t left = kMostTried;
    auto chosen = findChosen({}, hashOfCell(cell), left);
    CELLWRIGHT_CHECK(chosen || left > 0,
                     "`{}` has too many cells to try all: no genotype among the first {}; a study "
                     "keeps those of its trials",
                     file, kMostTried);
    CELLWRIGHT_CHECK(chosen, "this is no cell of `{}`", file);
    return json(*chosen).dump();
  }

private:
  using Choose = std::function<int(const FileChoice &choice)>; // gives an alternative

  /// All choices that some alternatives bring in.
  struct Collected {
    std::map<std::string, FileChoice> choices;
    std::vector<std::string> outer;
    std::map<std::pair<std::string, int>, std::vector<std::string>> inside; // first found there
  };

  std::string file;
  mutable std::string hash; // of the file and those that it imports, as they were first read
  mutable std::once_flag isCollected;
  mutable Collected collected;

  /// All choices; found when they are first wanted, because that takes many looks at the cell.
  const Collected &all() const {
    std::call_once(isCollected, [this] { collected = collect(); });
    return collected;
  }

  /// What is open counts as its first alternative. Throws Error if the file has changed.
  Settled settle(const Chosen &chosen) const {
    Settings settings;
    for (const auto &[name, alternative] : chosen)
      settings.options.push_back({std::string_view(name), static_cast<double>(alternative)});
    Frontend frontend;
    CheckedCell checked = frontend.findSpace(file, settings);
    const Program &program = frontend.program();
    Settled settled;
    if (checked.isGood)
      settled.cell = printCell(program, checked, settings);
    else
      settled.problems = frontend.renderProblems();
    if (checked.isGood || !hash.empty())
      checkUnchanged(program);
    for (const CellChoice &choice : checked.choices) {
      const ChoiceSyntax &syntax = syntaxOf(program, choice);
      FileChoice found{std::string(syntax.name.view()), {}, {}};
      for (int32_t i = 0; i < syntax.count; ++i) {
        found.weights.push_back(alternativeOf(program, choice, i).weight);
        found.alternatives.emplace_back(alternativeText(program, choice, i).view());
      }
      settled.choices.push_back(std::move(found));
    }
    return settled;
  }

  void requireCell(const Settled &settled) const {
    CELLWRIGHT_CHECK(!settled.cell.empty(), "`{}` is no space of cells:\n{}", file,
                     settled.problems);
  }

  /// A file that somebody edits meanwhile is another space.
  void checkUnchanged(const Program &program) const {
    std::string texts;
    for (const Source &source : program.sources.files)
      if (!source.shipped)
        texts += fmt::format("{}\n{}", source.text.size(), source.text);
    std::string now = hexText(hashBytes(texts));
    if (hash.empty())
      hash = now;
    CELLWRIGHT_CHECK(hash == now, "`{}` has changed while it was in use; begin again", file);
  }

  /// The first choices, these among them, that make a cell with this hash.
  std::optional<Chosen> findChosen(const Chosen &chosen, Hash128 wanted, int64_t &left) const {
    if (left-- <= 0)
      return std::nullopt;
    Settled settled = settle(chosen);
    for (const FileChoice &choice : settled.choices) {
      if (chosen.contains(choice.name))
        continue;
      for (size_t k = 1; k <= choice.alternatives.size(); ++k) {
        Chosen more = chosen;
        more[choice.name] = static_cast<int>(k);
        if (auto found = findChosen(more, wanted, left))
          return found;
      }
      return std::nullopt;
    }
    bool isFound = !settled.cell.empty() && hashOfCell(settled.cell) == wanted;
    return isFound ? std::optional(chosen) : std::nullopt;
  }

  static Chosen chosenBy(const std::string &genotype) {
    return readJson(genotype, "genotype of choices",
                    [](const json &chosen) { return chosen.get<Chosen>(); });
  }

  static int draw(const FileChoice &choice, Random &random) {
    double total = 0;
    for (double weight : choice.weights)
      total += weight;
    double left = random.uniform() * total;
    size_t i = 0;
    while (i + 1 < choice.weights.size() && left >= choice.weights[i])
      left -= choice.weights[i++];
    return static_cast<int>(i) + 1;
  }

  static Choose drawing(Random &random) {
    return [&random](const FileChoice &choice) { return draw(choice, random); };
  }

  /// Makes the choices that are open, and leaves out what is not needed.
  Candidate complete(Chosen chosen, const Choose &choose) const {
    while (true) {
      Settled settled = settle(chosen);
      bool wasOpen = false;
      Chosen needed;
      for (const FileChoice &choice : settled.choices) {
        wasOpen = wasOpen || !chosen.contains(choice.name);
        if (!chosen.contains(choice.name))
          chosen[choice.name] = choose(choice);
        needed[choice.name] = chosen[choice.name];
      }
      if (wasOpen)
        continue;
      if (settled.cell.empty())
        throw NoCandidate(
            fmt::format("{} do not check together:\n{}", json(needed).dump(), settled.problems));
      return {settled.cell, json(needed).dump(), {}, ""};
    }
  }

  Collected collect() const {
    Collected all;
    std::vector<std::pair<std::string, Chosen>> open;
    for (const FileChoice &choice : settle({}).choices) {
      all.outer.push_back(choice.name);
      all.choices[choice.name] = choice;
      open.push_back({choice.name, {}});
    }
    // What the first alternatives bring in stands among the outer ones until it is found inside.
    for (size_t i = 0; i < open.size(); ++i) {
      auto [name, path] = open[i];
      std::vector<std::set<std::string>> found;
      size_t count = all.choices.at(name).alternatives.size();
      for (size_t k = 1; k <= count; ++k) {
        path[name] = static_cast<int>(k);
        found.emplace_back();
        for (const FileChoice &choice : settle(path).choices) {
          found.back().insert(choice.name);
          if (!all.choices.contains(choice.name)) {
            all.choices[choice.name] = choice;
            open.push_back({choice.name, path});
          }
        }
      }
      noteInside(all, name, found);
    }
    return all;
  }

  /// Notes which choices only some alternatives of a choice have.
  static void noteInside(Collected &all, const std::string &name,
                         const std::vector<std::set<std::string>> &found) {
    for (size_t k = 0; k < found.size(); ++k)
      for (const std::string &inner : found[k]) {
        bool isEverywhere = true;
        for (const std::set<std::string> &other : found)
          isEverywhere = isEverywhere && other.contains(inner);
        if (isEverywhere || inner == name)
          continue;
        std::erase(all.outer, inner);
        all.inside[{name, static_cast<int>(k) + 1}].push_back(inner);
      }
  }
};

} // namespace

std::unique_ptr<Space> makeFileSpace(const std::string &file) {
  return std::make_unique<FileSpace>(file);
}

} // namespace cellwright
