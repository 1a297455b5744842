// See command_line.h. The parser's own messages are replaced: they say what it counted, not what
// was expected.
#include "tools/command_line.h"

#include "dsl/suggest.h"
#include "fmt/ranges.h"
#include "tools/help.h"

#include <algorithm>
#include <iostream>

namespace cellwright {

static std::vector<CLI::App *> commandsOf(const CLI::App &app) {
  return const_cast<CLI::App &>(app).get_subcommands([](CLI::App *) { return true; });
}

static CLI::App *findCommand(const CLI::App &app, const std::string &name) {
  for (CLI::App *command : commandsOf(app))
    if (command->get_name() == name)
      return command;
  return nullptr;
}

/// All commands as they are called, `train lm`.
static void listCommands(const CLI::App &app, const std::string &prefix,
                         std::vector<std::string> &names) {
  for (const CLI::App *command : commandsOf(app)) {
    if (command->get_group().empty())
      continue; // for programs, not for people
    names.push_back(prefix + command->get_name());
    listCommands(*command, prefix + command->get_name() + " ", names);
  }
}

/// "; did you mean `x`?", or nothing.
static std::string suggest(const std::string &word, const std::vector<std::string> &candidates) {
  SuggestionBudget budget;
  Suggestion suggestion(word, budget);
  for (const std::string &candidate : candidates)
    suggestion.consider(candidate);
  return std::string(std::string_view(suggestion.text()));
}

[[noreturn]] static void refuse(const std::string &called, const std::string &problem) {
  throw UsageError(fmt::format("{}; see `{} --help`", problem, called));
}

static std::vector<std::string> optionNames(const CLI::App &command) {
  std::vector<std::string> names;
  for (const CLI::Option *option : command.get_options())
    for (const std::string &name : option->get_lnames())
      names.push_back("--" + name);
  return names;
}

/// Throws for an option in front of the command that is none of the program's own.
static void checkFirstOption(const CLI::App &app, const std::string &called,
                             const std::string &word) {
  std::vector<std::string> names = optionNames(app);
  bool isOwn = word == "-h" || std::find(names.begin(), names.end(), word) != names.end();
  if (!isOwn)
    refuse(called,
           fmt::format("expected a command, got the option `{}`{}", word, suggest(word, names)));
}

/// Throws for a first word, or a task behind it, that is no command.
static void checkCommand(const CLI::App &app, const std::vector<std::string> &words) {
  const CLI::App *group = &app;
  std::string called = app.get_name();
  for (const std::string &word : words) {
    const CLI::App *command = findCommand(*group, word);
    if (isCommand(*group) && !command)
      return; // its own arguments
    if (word.starts_with('-'))
      return checkFirstOption(*group, called, word);
    if (!command) {
      std::vector<std::string> names;
      listCommands(*group, "", names);
      std::string suggestion = suggest(word, names);
      if (group == &app)
        refuse(called, fmt::format("unknown command `{}`{}", word, suggestion));
      refuse(called, fmt::format("unknown task `{}` of `{}`: expected {}", word, group->get_name(),
                                 fmt::join(names, ", ")));
    }
    called += " " + word;
    group = command;
  }
  if (isCommand(*group))
    return;
  // No words at all: what there is to do says more than a complaint.
  std::cerr << formatHelp(*group, called) << "\n";
  throw UsageError(group == &app ? "expected a command"
                                 : fmt::format("expected a task behind `{}`", called));
}

/// The command that the words name, as far as they do, and how it is called.
static const CLI::App &chosenCommand(const CLI::App &app, std::string &called) {
  const CLI::App *chosen = &app;
  called = app.get_name();
  while (!chosen->get_subcommands().empty()) {
    chosen = chosen->get_subcommands().back();
    called += " " + chosen->get_name();
  }
  return *chosen;
}

/// The option that a message of the parser begins with, `--dim: 1 required ...`.
static const CLI::Option *optionOf(const CLI::App &command, const std::string &message) {
  std::string name = message.substr(0, message.find_first_of(": "));
  for (const CLI::Option *option : command.get_options())
    if (option->get_name() == name)
      return option;
  return nullptr;
}

/// Words that no option and no argument takes: the first option among them, else the first word.
static std::string describeExtras(const CLI::App &command) {
  std::vector<std::string> words = command.remaining();
  auto option = std::find_if(words.begin(), words.end(),
                             [](const std::string &word) { return word.starts_with('-'); });
  if (option == words.end())
    return fmt::format("unexpected argument `{}`", words.front());
  std::string name = option->substr(0, option->find('='));
  return fmt::format("unknown option `{}`{}", name, suggest(name, optionNames(command)));
}

template <typename Kind> static bool isA(const CLI::ParseError &error) {
  return dynamic_cast<const Kind *>(&error) != nullptr;
}

static std::string describeProblem(const CLI::ParseError &error, const CLI::App &command) {
  std::string message = error.what();
  if (isA<CLI::ExtrasError>(error) && !command.remaining().empty())
    return describeExtras(command);
  if (isA<CLI::ExcludesError>(error)) {
    // `--resume excludes --cell`
    std::string other = message.substr(message.rfind(' ') + 1);
    return fmt::format("{} and {} exclude each other", other, message.substr(0, message.find(' ')));
  }
  if (isA<CLI::ConversionError>(error)) {
    // `Could not convert: --json = 3`; all other values are read as text.
    size_t begin = message.find("--");
    return message.substr(begin, message.find(' ', begin) - begin) + " takes no value";
  }
  const CLI::Option *option = optionOf(command, message);
  if (!option)
    return message;
  std::string name = option->get_name();
  if (isA<CLI::RequiredError>(error))
    return fmt::format("{} {}: {}", name, option->get_positional() ? "is expected" : "is missing",
                       option->get_description());
  if (!isA<CLI::ArgumentMismatch>(error))
    return message;
  if (option->get_positional() && option->get_items_expected_min() > 1)
    return fmt::format("expected {} of {} at least, got {}: {}", option->get_items_expected_min(),
                       name, option->count(), option->get_description());
  bool isTwice = message.find("At Most") != std::string::npos;
  return isTwice ? name + " was given twice"
                 : fmt::format("expected {} behind {}", option->get_type_name(), name);
}

/// `help train lm` is `train lm --help`.
static std::vector<std::string> withoutHelpWord(std::vector<std::string> words) {
  if (words.empty() || words.front() != "help")
    return words;
  words.erase(words.begin());
  words.push_back("--help");
  return words;
}

int parseCommandLine(CLI::App &app, const std::vector<std::string> &given) {
  std::vector<std::string> words = withoutHelpWord(given);
  checkCommand(app, words);
  std::reverse(words.begin(), words.end()); // as the parser takes them
  try {
    app.parse(words);
  } catch (const CLI::Success &asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError &error) {
    std::string called;
    const CLI::App &command = chosenCommand(app, called);
    refuse(called, describeProblem(error, command));
  }
  return -1;
}

} // namespace cellwright
