// The command line: a table of commands, and what becomes of exceptions.
#include "tools/command_line.h"
#include "tools/help.h"

#include <cellwright/version.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <new>
#include <stdexcept>
#include <system_error>

namespace cellwright {

namespace {

/// A command, or the group that the first word of its name says: `train lm`.
constexpr CommandRow kCommands[] = {
    {"list", "shipped cells", "cellwright list\n  cellwright list --json", addList},
    {"check", "report every problem of cell files",
     "cellwright check my.cell\n  cellwright check cells/*.cell", addCheck},
    {"fmt", "write cell files in canonical layout",
     "cellwright fmt my.cell\n  cellwright fmt --check cells/*.cell", addFmt},
    {"show", "a cell as equations, picture, intermediate code or plan",
     "cellwright show gru --as latex\n  cellwright show lstm --as plan --dim H=256 --dim I=256",
     addShow},
    {"gradcheck", "compare gradients with differences, and kernels with the interpreter",
     "cellwright gradcheck my.cell --dim H=7 --dim I=3", addGradcheck},
    {"run", "a cell on tensors from a file",
     "cellwright run lstm --in in.safetensors --out out.safetensors --dim H=16 --seed 1\n"
     "  cellwright run my.cell --in in.safetensors --out out.safetensors --backward",
     addRun},
    {"compile", "a cell as an object file and a C header, for programs without a compiler",
     "cellwright compile lstm --dim I=8 --dim H=16 -o lstm\n"
     "  cellwright compile my.cell --dim H=64 -o my --inference --target-cpu x86-64-v3,x86-64-v4",
     addCompile},
    {"convert", "weights from PyTorch and Keras, and back",
     "cellwright convert model.safetensors --from pytorch --cell lstm -o ours.safetensors\n  "
     "cellwright convert ours.safetensors --to keras --cell lstm -o keras.npz\n  "
     "cellwright convert --list",
     addConvert},
    {"train lm", "train a model that predicts the next character of a text",
     "cellwright train lm --text data/tinyshakespeare.txt --cell lstm --hidden 128 --layers 2 "
     "--out model.safetensors",
     addTrainLm},
    {"eval lm", "loss of a trained language model on a text",
     "cellwright eval lm --model model.safetensors --text data/tinyshakespeare.txt", addEvalLm},
    {"sample", "text from a trained language model",
     "cellwright sample --model model.safetensors --length 500 --temperature 0.8 --prime ROMEO:",
     addSample},
    {"bench", "speed of cells against the measured peak of this machine",
     "cellwright bench lstm gru\n  cellwright bench my.cell --dim H=512 --sequences 60\n  "
     "cellwright bench --quick --threads 1 2 --html bench.html",
     addBench},
    {"space", "size and samples of a space of cells",
     "cellwright space zoph_le --sample 3 --seed 1\n  cellwright space my_space.cell --sample 10 "
     "--json",
     addSpace},
    {"genotype import", "cells of published genotypes",
     "cellwright genotype import recipes.jsonl --format nas-bench-nlp -o recipes.cell",
     addGenotypeImport},
    {"genotype export", "the genotype of a cell",
     "cellwright genotype export gru --format nas-bench-nlp", addGenotypeExport},
    {"search", "search for cells: start, join or resume a study",
     "cellwright search jozefowicz --task adding --study s.db --trials 200\n  cellwright search "
     "my_space.cell --task xml --strategy asha:evolution --budget-params 50k --study s.db --time "
     "8h\n"
     "  cellwright search --study s.db --resume",
     addSearch},
    {"search report", "what a search has found, as a page",
     "cellwright search report s.db -o report.html", addSearchReport},
    {"search best", "the best cells of a search, as a file of cells",
     "cellwright search best s.db -o winner.cell\n  cellwright search best s.db --top 5",
     addSearchBest},
    {"search status", "how a search stands", "cellwright search status s.db", addSearchStatus},
    {"search export", "the trials of a search, for other programs",
     "cellwright search export s.db --format csv -o trials.csv", addSearchExport},
    {"search worker", "runs one trial that `search` gives it", "cellwright search worker",
     addSearchWorker},
    {"search replay", "strategies compared on recorded learning curves",
     "cellwright search replay data/nas_bench_nlp\n  cellwright search replay data/nas_bench_nlp "
     "--strategy random --strategy asha,factor=3,rungs=5",
     addSearchReplay},
    {"compare", "cells on a task: as many parameters, the same tuning, several seeds",
     "cellwright compare lstm gru my.cell --task adding --budget-params 20k\n  cellwright compare "
     "lstm gru --task music --seeds 10 -o table.html",
     addCompare},
};

/// What to say of the group that the first word of a command's name makes.
std::string describeGroup(const std::string &name) {
  if (name == "genotype")
    return "published genotypes as cells and back";
  return name == "train" ? "train a model for a task" : "evaluate a trained model";
}

/// The group `train` of `train lm`, made when its first command comes.
CLI::App &groupOf(CLI::App &app, const std::string &name) {
  size_t space = name.find(' ');
  if (space == std::string::npos)
    return app;
  std::string group = name.substr(0, space);
  for (CLI::App *known : app.get_subcommands([](CLI::App *) { return true; }))
    if (known->get_name() == group)
      return *known;
  return *app.add_subcommand(group, describeGroup(group))->require_subcommand(1)->footer("");
}

void addCommand(CLI::App &app, const CommandRow &row, Run &chosen) {
  std::string name = row.name;
  CLI::App *command = groupOf(app, name).add_subcommand(name.substr(name.find(' ') + 1), row.help);
  command->footer(""); // not that of `search`, for `search report`
  Run run = row.add(*command);
  command->get_help_ptr()->description("this text");
  std::string notes = command->get_footer(); // a command's own, if it has any
  command->footer((notes.empty() ? "" : notes + "\n") + "Example:\n  " + row.example);
  command->callback([&chosen, run, command] {
    // A command that is before others, `search` before `search report`, is called with them.
    if (command->get_subcommands().empty())
      chosen = run;
  });
}

/// Results that did not get out are no results.
int checkOutput(int status) {
  std::cout.flush();
  if (std::cout.good())
    return status;
  throw Error(fmt::format("cannot write to stdout: {}", std::strerror(errno)));
}

int runMain(const std::vector<std::string> &words) {
  CLI::App app("Equations of a recurrent cell in, vectorized forward and backward kernels out.",
               "cellwright");
  useHelp(app);
  app.require_subcommand(1);
  app.set_version_flag("--version", CELLWRIGHT_VERSION, "the version");
  app.get_help_ptr()->description("this text");
  app.footer("`cellwright COMMAND --help` shows a command's options, with an example.");
  Run chosen;
  for (const CommandRow &row : kCommands)
    addCommand(app, row, chosen);
  int status = parseCommandLine(app, words);
  return checkOutput(status >= 0 ? status : chosen());
}

/// A message without what a terminal would obey, which names in hostile files may hold, and not
/// longer than anyone reads.
std::string printable(std::string_view message) {
  constexpr size_t kMost = 8000;
  std::string text;
  for (char letter : message.substr(0, kMost)) {
    auto byte = static_cast<unsigned char>(letter);
    if ((byte < 0x20 && letter != '\n') || byte == 0x7f)
      text += fmt::format("\\x{:02x}", byte);
    else
      text += letter;
  }
  return message.size() > kMost ? text + " ..." : text;
}

int report(std::string_view message, ExitStatus status) {
  std::cout.flush();
  std::cerr << "error: " << printable(message) << "\n";
  return status;
}

} // namespace

} // namespace cellwright

int main(int argc, char **argv) {
  using namespace cellwright;
  // A file that grows beyond the limit of its size is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return runMain({argv + 1, argv + argc});
  } catch (const UsageError &error) {
    return report(error.what(), kBadCommandLine);
  } catch (const Error &error) {
    return report(error.what(), kBadInput);
  } catch (const std::bad_alloc &) {
    return report("not enough memory for these sizes; use fewer sequences or steps", kBadInput);
  } catch (const std::length_error &) {
    return report("these sizes are beyond all memory; use smaller ones", kBadInput);
  } catch (const std::system_error &error) {
    return report(fmt::format("cannot start threads: {}; use fewer", error.what()), kBadInput);
  }
}
