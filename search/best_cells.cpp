// See best_cells.h.
#include "search/best_cells.h"

#include "search/cell_text.h"
#include "search/leaderboard.h"

#include <fmt/ranges.h>

namespace cellwright {

/// A comment of lines; what would end one of them is a blank.
static std::string commentOf(const std::vector<std::string> &lines) {
  std::string comment;
  for (const std::string &line : lines) {
    comment += "# ";
    for (char letter : line)
      comment += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
    comment += "\n";
  }
  return comment;
}

/// What the quality is the mean of.
static std::string describeSeeds(const RankedCell &cell) {
  if (cell.failedSeeds == 0 && cell.seeds() == 1)
    return "one seed: how much another one changes is not known";
  std::string text = fmt::format("mean of {} seeds", cell.seeds() + cell.failedSeeds);
  if (cell.failedSeeds > 0)
    text += fmt::format(", of which {} failed and count{} as the worst quality of the study",
                        cell.failedSeeds, cell.failedSeeds == 1 ? "s" : "");
  if (cell.seeds() > 1)
    text += fmt::format(", standard deviation{} {:.2g}",
                        cell.failedSeeds > 0 ? " of the others" : "", cell.deviation);
  return text;
}

static std::string describeBest(const RankedCell &cell, const StudyConfig &config,
                                const std::string &study, int64_t place) {
  const HyperParameters &hyper = cell.hyper;
  return commentOf({
      fmt::format("Place {} of the study {}, trial {}; space {}, strategy {}.", place, study,
                  cell.trial, config.space, config.strategy),
      fmt::format("Quality {:.6g} on {}, {} is better: {}.", cell.mean.quality, config.task,
                  config.objectives.at(0).isMaximized ? "higher" : "lower", describeSeeds(cell)),
      fmt::format(
          "Optimizer {}, learning rate {}, initialization scale {}, gradient norm at most {}, {} "
          "layer{}, H = {}, {} updates; {} parameters.",
          hyper.optimizer, hyper.learningRate, hyper.initScale, hyper.clipNorm, hyper.layers,
          hyper.layers == 1 ? "" : "s", hyper.hidden, cell.mean.updates, cell.mean.parameters),
  });
}

/// The cell's text with more behind its name.
static std::string renamed(const std::string &text, int64_t trial, const std::string &suffix) {
  try {
    return renameCell(text, [&](std::string_view name) { return std::string(name) + suffix; });
  } catch (const Error &problem) {
    throw Error(fmt::format("this version of cellwright does not take the cell of trial {}: {}",
                            trial, problem.what()));
  }
}

BestCells writeBestCells(const Store &store, const std::string &study, int64_t most) {
  StudyConfig config = parseStudyConfig(store.study().config);
  std::vector<RankedCell> cells = rankCells(store);
  CELLWRIGHT_CHECK(!cells.empty(),
                   "no trial of the study `{}` has ended with a quality on its task: there is no "
                   "best cell yet",
                   study);
  if (std::ssize(cells) > most)
    cells.resize(static_cast<size_t>(most));
  BestCells best;
  for (const RankedCell &cell : cells) {
    best.text += best.count == 0 ? "" : "\n";
    ++best.count;
    best.text += describeBest(cell, config, study, best.count);
    std::string suffix = most == 1 ? "" : fmt::format("_{}", cell.trial);
    std::string text = store.trial(cell.trial).record.candidate.cell;
    best.text += renamed(text, cell.trial, suffix);
    if (!best.text.ends_with('\n'))
      best.text += "\n";
  }
  return best;
}

} // namespace cellwright
