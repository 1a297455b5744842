// See bench_server.h.
#include "bench/bench_server.h"

#include "bench/benched_layer.h"
#include "bench/peer.h"
#include "codegen/gradcheck.h"
#include "runtime/clock.h"
#include "runtime/error.h"

#include "nlohmann/json.hpp"

#include <chrono>
#include <istream>
#include <ostream>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

/// A cell of ours, ready to be run.
struct OwnCell {
  OwnCell(const Cell &cell, const Bound &bound, const SequenceInput &input,
          const CompileOptions &compile, int threads)
      : kernel(compileCell(cell, bound, compile)), layer(kernel, input, threads) {}

  CompiledKernel kernel;
  BenchedLayer layer;
};

ServedRun makePeerRun(const Cell &cell, const Bound &bound, const SequenceInput &input,
                      const ServedRequest &request, int threads) {
  bool isForward = request.pass == "forward";
  for (const PeerRow &row : peerRows()) {
    if (!row.name.starts_with(request.by))
      continue;
    std::shared_ptr<Peer> peer = row.make(cell, bound, input, threads);
    if (!peer || (!isForward && !peer->hasBackward()))
      return nullptr;
    return [peer, isForward] { isForward ? peer->runForward() : peer->runBoth(); };
  }
  throw Error(fmt::format("this program was built without {}", request.by));
}

ServedRequest readRequest(const Json &json) {
  ServedRequest request;
  request.task = json.value("task", request.task);
  request.cell = json.at("cell");
  request.by = json.value("by", "");
  request.pass = json.value("pass", "");
  request.I = json.value("I", int64_t{0});
  request.H = json.at("H");
  request.N = json.at("N");
  request.T = json.at("T");
  return request;
}

std::vector<double> measure(const ServedRun &run, double seconds) {
  std::vector<double> times;
  run(); // warms up: others ran in between
  for (auto start = Clock::now(); times.size() < 3 || secondsSince(start) < seconds;) {
    auto begin = Clock::now();
    run();
    times.push_back(secondsSince(begin));
  }
  return times;
}

} // namespace

ServedRun makeCellRun(std::shared_ptr<const void> owner, const Cell &cell, const Bound &bound,
                      const ServedRequest &request, const CompileOptions &compile, int threads) {
  GradcheckOptions numbers;
  numbers.steps = request.T;
  numbers.sequences = request.N;
  SequenceInput input = makeRandomInput(cell, bound, numbers, compile.isDouble);
  if (!request.by.empty())
    return makePeerRun(cell, bound, input, request, threads);
  Pass pass = request.pass == "forward" ? Pass::Forward : Pass::Both;
  auto own = std::make_shared<OwnCell>(cell, bound, input, compile, threads);
  return [owner = std::move(owner), own, pass] { own->layer.run(pass); };
}

void serveBench(std::istream &in, std::ostream &out, const MakeServedRun &make) {
  Json lastAsked;
  ServedRun run;
  double compileSeconds = 0;
  for (std::string line; std::getline(in, line);) {
    Json answer;
    try {
      Json asked = Json::parse(line);
      double seconds = asked.at("seconds");
      asked.erase("seconds");
      if (!run || asked != lastAsked) {
        run = nullptr; // one at a time: large models fill the memory
        auto start = Clock::now();
        run = make(readRequest(asked));
        compileSeconds = secondsSince(start);
        lastAsked = asked;
      }
      answer = Json::object();
      if (run)
        answer = {{"times", measure(run, seconds)}, {"compile_seconds", compileSeconds}};
    } catch (const std::exception &error) {
      answer = {{"error", error.what()}};
    }
    out << answer.dump() << std::endl;
  }
}

} // namespace cellwright
