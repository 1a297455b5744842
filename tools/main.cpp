// The command line: a table of commands, and what becomes of exceptions.
#include "tools/command.h"

#include <iostream>
#include <new>

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
     "cellwright bench lstm gru\n  cellwright bench my.cell --dim H=512 --sequences 60", addBench},
};

/// The group `train` of `train lm`, made when its first command comes.
CLI::App &groupOf(CLI::App &app, const std::string &name) {
  size_t space = name.find(' ');
  if (space == std::string::npos)
    return app;
  std::string group = name.substr(0, space);
  for (CLI::App *known : app.get_subcommands([](CLI::App *) { return true; }))
    if (known->get_name() == group)
      return *known;
  CLI::App *made = app.add_subcommand(group, group + " a task")->require_subcommand(1);
  return *made;
}

int runMain(int argc, char **argv) {
  CLI::App app("Equations of a recurrent cell in, vectorized forward and backward kernels out.",
               "cellwright");
  app.require_subcommand(1);
  app.set_version_flag("--version", CELLWRIGHT_VERSION);
  Run chosen;
  for (const CommandRow &row : kCommands) {
    std::string name = row.name;
    CLI::App *command =
        groupOf(app, name).add_subcommand(name.substr(name.find(' ') + 1), row.help);
    command->footer(std::string("Example:\n  ") + row.example);
    command->callback([&chosen, run = row.add(*command)] { chosen = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? kDone : kBadCommandLine;
  }
  return chosen();
}

} // namespace

} // namespace cellwright

int main(int argc, char **argv) {
  using namespace cellwright;
  try {
    return runMain(argc, argv);
  } catch (const UsageError &error) {
    std::cerr << "error: " << error.what() << "\n";
    return kBadCommandLine;
  } catch (const Error &error) {
    std::cerr << "error: " << error.what() << "\n";
    return kBadInput;
  } catch (const std::bad_alloc &) {
    std::cerr << "error: not enough memory for these sizes; use fewer sequences or steps\n";
    return kBadInput;
  }
}
