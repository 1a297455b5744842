// Costs, fronts and orders; and lists of hyperparameters.
#include "search/objectives.h"

#include "search/hyper_space.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <set>

using namespace cellwright;

namespace {

TrialResult resultOf(double quality, int64_t parameters) {
  TrialResult result;
  result.quality = quality;
  result.parameters = parameters;
  return result;
}

const std::vector<Objective> kBoth = {{Measure::Quality, true}, {Measure::Params, false}};

} // namespace

TEST_CASE("costs are less where objectives are better, and infinite if a trial failed") {
  CHECK(costsOf(resultOf(0.5, 10), kBoth) == Costs{-0.5, 10});
  TrialResult failed = resultOf(0.5, 10);
  failed.status = TrialStatus::Crashed;
  CHECK(costsOf(failed, kBoth)[0] == std::numeric_limits<double>::infinity());
  CHECK(costsOf(resultOf(std::nan(""), 10), kBoth)[0] == std::numeric_limits<double>::infinity());
}

TEST_CASE("measures have names") {
  for (const char *name : {"quality", "params", "flops", "step_seconds"})
    CHECK(measureName(parseMeasure(name)) == name);
  CHECK(errorOf([] { parseMeasure("speed"); }) ==
        "unknown objective `speed`; there are quality, params, flops, step_seconds");
}

TEST_CASE("the front is what nothing dominates") {
  std::vector<Costs> costs = {{1, 5}, {2, 2}, {5, 1}, {3, 3}, {2, 2}, {1, 6}};
  CHECK(paretoFront(costs) == std::vector<size_t>{0, 1, 2, 4});
  CHECK(paretoFront({}).empty());
}

TEST_CASE("the front of random costs is that of comparing all pairs") {
  for (uint64_t seed = 1; seed <= 50; ++seed)
    for (size_t objectives : {1, 2, 3}) {
      CAPTURE(seed);
      Random random(seed, "costs");
      std::vector<Costs> costs(40, Costs(objectives));
      for (Costs &one : costs)
        for (double &cost : one)
          cost = static_cast<double>(random.below(8));
      std::vector<size_t> expected;
      for (size_t i = 0; i < costs.size(); ++i) {
        bool isDominated = false;
        for (const Costs &other : costs)
          isDominated |= dominates(other, costs[i]);
        if (!isDominated)
          expected.push_back(i);
      }
      CHECK(paretoFront(costs) == expected);
      // Whoever dominates another stands before it.
      std::vector<size_t> order = orderByCosts(costs);
      CHECK(std::set(order.begin(), order.end()).size() == costs.size());
      for (size_t i = 0; i < order.size(); ++i)
        for (size_t j = i + 1; j < order.size(); ++j)
          CHECK_FALSE(dominates(costs[order[j]], costs[order[i]]));
    }
}

TEST_CASE(
    "with one objective the order is that of its values, and of places where they are equal") {
  std::vector<Costs> costs = {{3}, {1}, {2}, {1}};
  CHECK(orderByCosts(costs) == std::vector<size_t>{1, 3, 2, 0});
}

TEST_CASE("in a front those with most room around them come first") {
  std::vector<Costs> costs = {{0, 10}, {1, 8.9}, {1.1, 8.8}, {6, 3}, {10, 0}};
  CHECK(orderByCosts(costs) == std::vector<size_t>{0, 4, 3, 2, 1});
}

TEST_CASE("every setting of hyperparameters has a number") {
  HyperSpace space = {{0.1, 0.2}, {1, 2, 3}, {5}, {1, 2}, {16, 32}};
  REQUIRE(space.size() == 24);
  std::set<std::vector<double>> seen;
  for (uint64_t i = 0; i < space.size(); ++i) {
    HyperParameters hyper = space.at(i);
    seen.insert({hyper.learningRate, hyper.initScale, hyper.clipNorm,
                 static_cast<double>(hyper.layers), static_cast<double>(hyper.hidden)});
  }
  CHECK(seen.size() == 24);
}

TEST_CASE("changing hyperparameters draws one of them anew") {
  HyperSpace space = {{0.1, 0.2}, {1, 2, 3}, {5}, {1, 2}, {16}};
  Random random(1, "change");
  HyperParameters hyper = space.at(0);
  std::set<int> changed;
  for (int i = 0; i < 200; ++i) {
    HyperParameters other = space.change(hyper, random);
    int differences = (other.learningRate != hyper.learningRate) +
                      2 * (other.initScale != hyper.initScale) +
                      4 * (other.clipNorm != hyper.clipNorm) + 8 * (other.layers != hyper.layers) +
                      16 * (other.hidden != hyper.hidden);
    changed.insert(differences);
  }
  CHECK(changed == std::set<int>{0, 1, 2, 8});
  HyperSpace fixed = {{0.1}, {1}, {5}, {1}, {16}};
  CHECK(fixed.change(fixed.at(0), random) == fixed.at(0));
}

TEST_CASE("lists of hyperparameters are read as they were written") {
  for (const HyperSpaceInfo &info : hyperSpaces()) {
    HyperSpace space = info.make();
    CHECK(space.size() > 1);
    CHECK(parseHyperSpace(formatHyperSpace(space)) == space);
  }
}

TEST_CASE("hyperparameters have ranges, and what is beyond them is refused") {
  const std::string good =
      R"({"learning_rate":[1e-9],"init_scale":[1e-9],"clip_norm":[0],"layers":[1,100],)"
      R"("hidden":[1,65536]})";
  CHECK(parseHyperSpace(good).size() == 4);
  auto isRefused = [&](const std::string &key, const std::string &value) {
    nlohmann::json object = nlohmann::json::parse(good);
    object[key] = {nlohmann::json::parse(value)};
    std::string problem = errorOf([&] { parseHyperSpace(object.dump()); });
    return problem.starts_with("hyperparameters: expected ") &&
           problem.ends_with(fmt::format(" for `{}`, found `{}`", key, object[key][0].dump()));
  };
  for (const char *value : {"0", "-1", "null", "true", "\"1\""})
    CHECK((isRefused("learning_rate", value) && isRefused("init_scale", value)));
  CHECK(isRefused("clip_norm", "-0.1"));
  for (const char *value : {"0", "-1", "101", "1000000", "1.5", "18446744073709551615"})
    CHECK(isRefused("layers", value));
  for (const char *value : {"0", "-1", "65537", "9000000000", "8.0"})
    CHECK(isRefused("hidden", value));
}

TEST_CASE("lists of hyperparameters that cannot be are refused") {
  auto messageOf = [](const std::string &text) { return errorOf([&] { parseHyperSpace(text); }); };
  CHECK(messageOf("7") == "hyperparameters: expected an object of lists, found `7`");
  CHECK(messageOf("{") == "hyperparameters: expected an object of lists, found `{`");
  CHECK(messageOf("{}") == "hyperparameters: expected a list `learning_rate`, found none");
  std::string rest = R"("init_scale":[1],"clip_norm":[1],"layers":[1],"hidden":[8]})";
  CHECK(messageOf(R"({"learning_rate":[],)" + rest) ==
        "hyperparameters: expected a list of numbers for `learning_rate`, found `[]`");
  CHECK(messageOf(R"({"learning_rate":[-1],)" + rest) ==
        "hyperparameters: expected numbers above 0 for `learning_rate`, found `-1`");
  CHECK(messageOf(R"({"learning_rate":["a"],)" + rest) ==
        "hyperparameters: expected numbers above 0 for `learning_rate`, found `\"a\"`");
  CHECK(messageOf(R"({"learning_rate":[1],"init_scale":[1],"clip_norm":[1],"layers":[0.5],)"
                  R"("hidden":[8]})") ==
        "hyperparameters: expected whole numbers from 1 to 100 for `layers`, found `0.5`");
  std::string lists = R"({"learning_rate":[1],)" + rest.substr(0, rest.size() - 1);
  CHECK(parseHyperSpace(lists + "}").optimizer == "adam");
  CHECK(parseHyperSpace(lists + R"(,"optimizer":"sgd"})").optimizer == "sgd");
  CHECK(messageOf(lists + R"(,"optimizer":7})") ==
        "hyperparameters: expected a name for `optimizer`, found `7`");
  CHECK(messageOf(lists + R"(,"optimzer":"sgd"})") ==
        "hyperparameters: there is no `optimzer`; expected learning_rate, init_scale, clip_norm, "
        "layers, hidden, optimizer");
  CHECK(messageOf(lists + R"(,"optimizer":"sdg"})").starts_with("unknown optimizer `sdg`"));
}
