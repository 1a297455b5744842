// `search`: starts or joins a search over cells, and `search worker`, which runs one trial of it.
#include "search/search.h"
#include "search/candidate_checks.h"
#include "search/lstm_controller.h"
#include "search/sqlite_store.h"
#include "search/status.h"
#include "search/training_evaluator.h"
#include "search/worker.h"
#include "tools/engine_arguments.h"
#include "tools/live_text.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/replay_arguments.h"
#include "tools/search_arguments.h"
#include "tools/search_tables.h"
#include "training/task.h"

#include "cellwright/version.h"

#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>

namespace cellwright {

namespace {

struct RunArguments {
  SearchArguments what;
  std::string study;
  bool mustExist = false;
  SearchLimits limits;
  double seconds = 0; // 0: no limit
  int64_t trials = 0; // 0: no limit
  EngineArguments engine;
  ReplayArguments replay; // a path: no search over cells
  const CLI::App *app = nullptr;
};

//===-- What is shown -------------------------------------------------------------------------===//

/// Shows how the search stands while it runs: a table on a terminal, lines elsewhere.
class SearchDisplay {
public:
  SearchDisplay(const std::string &study, const StopRequests &requests)
      : store(openSqliteStoreToRead(study)), stop(requests) {
    showing = std::jthread([this](const std::stop_token &token) {
      std::unique_lock lock(mutex);
      while (!changed.wait_for(lock, token, std::chrono::seconds(1),
                               [&] { return token.stop_requested(); })) {
        if (stop.isRequested() && !hasSaidStop)
          write("ending when the running trials end; Ctrl-C again gives them back at once");
        hasSaidStop = stop.isRequested();
        show();
      }
    });
  }
  ~SearchDisplay() {
    showing.request_stop();
    showing.join();
    live.clear();
    line.finish();
  }
  SearchDisplay(const SearchDisplay &) = delete;
  SearchDisplay &operator=(const SearchDisplay &) = delete;

  void note(const std::string &message) {
    std::lock_guard lock(mutex);
    write(message);
  }

private:
  void write(const std::string &message) {
    live.clear();
    std::cerr << "note: " << message << "\n";
  }

  void show() {
    try {
      if (live.isOnTerminal())
        live.show(statusText(readStatus(*store, kTop)));
      else
        line.show(lineOf(readStatus(*store, 1)));
    } catch (const std::exception &) { // which would end the process
      // The search says what is wrong with its store, if it stays so.
    }
  }

  static std::string lineOf(const SearchStatus &status) {
    std::string text = countsText(status.counts);
    text.pop_back();
    if (!status.best.empty())
      text += fmt::format("  best {:.5g}", status.best.front().record.result.quality);
    return text;
  }

  static constexpr int64_t kTop = 10;
  std::unique_ptr<Store> store;
  const StopRequests &stop;
  bool hasSaidStop = false;
  LiveText live;
  ProgressLine line;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::jthread showing; // last: it uses all the others
};

std::string describeEnd(SearchEnd end, const SearchLimits &limits, const StudyCounts &counts) {
  switch (end) {
  case SearchEnd::Complete:
    return "all trials have ended";
  case SearchEnd::OutOfTime:
    return "the time is over";
  case SearchEnd::Stopped:
    return "stopped; everything is saved";
  case SearchEnd::Exhausted:
    break;
  }
  bool areAllKnown = counts.refused.size() == 1 && counts.refused[0].name == "duplicate";
  return fmt::format("{} candidates in a row were {}", limits.refused,
                     areAllKnown ? "known already: the space has no others, or hardly any"
                                 : "refused: the space has nothing new, or the filters let nothing "
                                   "pass");
}

/// What was wrong with the first trial that has failed.
std::string describeFailure(const Store &store) {
  std::string text;
  store.visitTrials([&](const StoredTrial &trial) {
    const TrialResult &result = trial.record.result;
    if (text.empty() && trial.record.state == TrialState::Failed)
      text = fmt::format("trial {}: {}: {}", trial.record.number, nameOf(result.status),
                         result.reason);
  });
  return text;
}

//===-- The search ----------------------------------------------------------------------------===//

/// The program itself as a worker, also if its file is moved or replaced meanwhile: a child is a
/// copy of this process until it starts the program, so that the link is its own.
std::vector<std::string> workerCommand(const RunArguments &arguments, bool looksAtGradient) {
  std::vector<std::string> words = {"/proc/self/exe", "search", "worker", "--target",
                                    arguments.engine.target};
  if (!arguments.engine.usesCache)
    words.emplace_back("--no-cache");
  if (looksAtGradient)
    words.emplace_back("--filter-gradient");
  return words;
}

/// How the process that asks makes controllers.
MakeController controllersOf(const RunArguments &arguments) {
  return lstmControllers(arguments.engine.compileOptions());
}

/// The configuration of the study that is there, or of the arguments.
StudyConfig prepareStudy(const RunArguments &arguments, std::unique_ptr<Space> &space) {
  const std::string &study = arguments.study;
  if (study.empty())
    throw UsageError("--study is missing: the file that keeps the search");
  if (!arguments.what.space.empty()) {
    space = makeSpace(arguments.what.space);
    StudyConfig config = arguments.what.config(*space, controllersOf(arguments));
    // As many as the search would refuse in a row before it gives up.
    if (!arguments.mustExist && !std::filesystem::exists(study))
      checkSpace(*space, config.hyper, makeTask(config.task)->form(), settingsOf(config).mostParams,
                 arguments.limits.refused);
    beginStudy(study, config, CELLWRIGHT_VERSION, arguments.mustExist);
    return config;
  }
  if (!std::filesystem::exists(study) && !arguments.mustExist)
    throw UsageError(
        fmt::format("SPACE is missing: there is no study `{}` yet that has one", study));
  SearchArguments::refuseGiven(*arguments.app, {},
                               "needs SPACE: without it the study goes on as it is");
  StudyConfig config = parseStudyConfig(openSqliteStoreToRead(study)->study().config);
  space = makeSpace(config.space);
  checkSameFiles(config, *space);
  return config;
}

SearchParts makeParts(const RunArguments &arguments, const StudyConfig &config,
                      const Space &space) {
  CellSearchSettings settings = settingsOf(config);
  WorkerLimits limits{settings.trialSeconds, settings.trialBytes};
  SearchParts parts;
  parts.config = config;
  parts.space = &space;
  parts.checks = makeCandidateChecks(makeTask(config.task)->form(), settings.mostParams);
  parts.makeController = controllersOf(arguments);
  parts.openStore = [study = arguments.study] { return openSqliteStore(study); };
  parts.makeEvaluator = [command = workerCommand(arguments, settings.looksAtGradients), limits] {
    return std::make_unique<ProcessEvaluator>(command, limits);
  };
  return parts;
}

/// The strategy on recorded curves, beside `random`.
int replay(const RunArguments &arguments) {
  if (!arguments.what.space.empty() || !arguments.study.empty() || arguments.mustExist)
    throw UsageError("--replay takes neither SPACE nor --study: the recorded cells are the space, "
                     "and nothing is kept");
  SearchArguments::refuseGiven(*arguments.app, {"--strategy", "--option", "--seed"},
                               "has no meaning beside --replay");
  ReplayArguments replay = arguments.replay;
  ReplayedStrategy strategy{arguments.what.strategy, {}};
  for (const std::string &option : arguments.what.options)
    addStrategyOption("--option", option, strategy.options);
  replay.options.strategies = {{"random", {}}, strategy};
  replay.options.seed = arguments.what.seed;
  return replay.run();
}

int run(RunArguments arguments) {
  if (!arguments.replay.path.empty())
    return replay(arguments);
  if (arguments.trials > 0)
    arguments.limits.trials = arguments.trials;
  if (arguments.seconds > 0)
    arguments.limits.seconds = arguments.seconds;
  std::unique_ptr<Space> space;
  StudyConfig config = prepareStudy(arguments, space);
  SearchParts parts = makeParts(arguments, config, *space);
  StopRequests stop;
  SignalRequests signals(stop);
  SearchEnd end = SearchEnd::Complete;
  // Closed last: who may write takes the log into the file and removes it.
  std::unique_ptr<Store> keeper = parts.openStore();
  {
    SearchDisplay display(arguments.study, stop);
    parts.note = [&](const std::string &message) { display.note(message); };
    end = runSearch(parts, arguments.limits, stop);
  }
  SearchStatus status = readStatus(*keeper, 10);
  std::cout << statusText(status);
  std::cerr << describeEnd(end, arguments.limits, status.counts) << "\n";
  if (status.counts.done == 0 && status.counts.failed > 0)
    std::cerr << "note: no trial has a quality; " << describeFailure(*keeper) << "\n";
  return kDone;
}

} // namespace

Run addSearch(CLI::App &app) {
  auto arguments = std::make_shared<RunArguments>();
  arguments->app = &app;
  arguments->what.add(app);
  addPath(app, "--study", arguments->study,
          "the file that keeps the search: made, or joined if it is there");
  app.add_flag("--resume", arguments->mustExist, "the study must be there");
  arguments->limits.workers = availableThreads();
  addNumber(app, "--workers", arguments->limits.workers, Range<int64_t>{1, 1024},
            "trials at a time, a process each");
  CLI::Option *replayed = addPath(
      app, "--replay", arguments->replay.path,
      "recorded curves, data/nas_bench_nlp: the strategy on them, beside random, in seconds");
  addNumber(app, "--seeds", arguments->replay.options.seeds, Range<int64_t>{1, 10'000},
            "searches of a replay")
      ->needs(replayed);
  addCount(app, "--trials", arguments->trials, "ends when the study has so many")->default_str("");
  addDuration(app, "--time", arguments->seconds,
              "starts no trial after that long: 90s, 30m, 8h, 2d");
  arguments->engine.addTarget(app);
  arguments->engine.addCache(app);
  return [arguments] { return run(*arguments); };
}

Run addSearchWorker(CLI::App &app) {
  struct Arguments {
    EngineArguments engine;
    bool looksAtGradient = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.group(""); // `search` calls it
  arguments->engine.addTarget(app);
  arguments->engine.addCache(app);
  app.add_flag("--filter-gradient", arguments->looksAtGradient,
               "trains nothing whose gradient vanishes or explodes");
  return [arguments] {
    TrainingEvaluator evaluator(arguments->engine.compileOptions(), arguments->looksAtGradient);
    return runWorker(evaluator);
  };
}

} // namespace cellwright
