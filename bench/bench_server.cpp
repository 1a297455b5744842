// See bench_server.h.
#include "bench/bench_server.h"

#include "bench/benched_layer.h"
#include "codegen/gradcheck.h"
#include "runtime/error.h"

#include "nlohmann/json.hpp"

#include <chrono>
#include <istream>
#include <ostream>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What was asked last, ready to be run.
struct Prepared {
  Prepared(const ServedCell &served, const Json &request, const CompileOptions &compile,
           int threads) {
    auto start = Clock::now();
    kernel = std::make_unique<CompiledKernel>(compileCell(served.cell, served.bound, compile));
    compileSeconds = secondsSince(start);
    GradcheckOptions numbers;
    numbers.steps = request.at("T");
    numbers.sequences = request.at("N");
    SequenceInput input = makeRandomInput(served.cell, served.bound, numbers, compile.isDouble);
    layer = std::make_unique<BenchedLayer>(*kernel, input, threads);
  }

  std::unique_ptr<CompiledKernel> kernel;
  std::unique_ptr<BenchedLayer> layer;
  double compileSeconds = 0;
};

Json measure(Prepared &prepared, double seconds) {
  std::vector<double> times;
  prepared.layer->run(Pass::Both); // warms up: others ran in between
  for (auto start = Clock::now(); times.size() < 3 || secondsSince(start) < seconds;) {
    auto begin = Clock::now();
    prepared.layer->run(Pass::Both);
    times.push_back(secondsSince(begin));
  }
  return {{"times", times}, {"compile_seconds", prepared.compileSeconds}};
}

} // namespace

void serveBench(std::istream &in, std::ostream &out, const FindServedCell &find,
                const CompileOptions &compile, int threads) {
  std::string lastAsked;
  std::unique_ptr<Prepared> prepared;
  for (std::string line; std::getline(in, line);) {
    Json answer;
    try {
      Json request = Json::parse(line);
      std::string asked =
          fmt::format("{} {} {} {} {}", request.at("cell").get<std::string>(),
                      request.at("I").get<int64_t>(), request.at("H").get<int64_t>(),
                      request.at("N").get<int64_t>(), request.at("T").get<int64_t>());
      if (asked != lastAsked) {
        prepared.reset();
        auto served = find(request.at("cell"), request.at("I"), request.at("H"));
        CELLWRIGHT_CHECK(served, "no cell `{}` of these sizes",
                         request.at("cell").get<std::string>());
        prepared = std::make_unique<Prepared>(*served, request, compile, threads);
        lastAsked = asked;
      }
      answer = measure(*prepared, request.at("seconds"));
    } catch (const std::exception &error) {
      answer = {{"error", error.what()}};
    }
    out << answer.dump() << std::endl;
  }
}

} // namespace cellwright
