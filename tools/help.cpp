// See help.h.
#include "tools/help.h"

#include "fmt/format.h"

#include <algorithm>
#include <vector>

namespace cellwright {

namespace {

constexpr size_t kWidth = 100; // of a line
constexpr size_t kColumn = 28; // where descriptions begin

/// Breaks a text into lines between words, and where it has line breaks.
std::vector<std::string> wrap(const std::string &text, size_t width) {
  std::vector<std::string> lines = {""};
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    std::string word = text.substr(begin, end - begin);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    if (end < text.size() && text[end] == '\n')
      lines.emplace_back();
    begin = end + 1;
  }
  return lines;
}

/// A name and what it means, in two columns.
std::string describe(const std::string &name, const std::string &meaning) {
  std::string text = "  " + name;
  bool isNarrow = text.size() + 2 <= kColumn;
  text += isNarrow ? std::string(kColumn - text.size(), ' ') : "\n" + std::string(kColumn, ' ');
  std::string separator;
  for (const std::string &line : wrap(meaning, kWidth - kColumn)) {
    text += separator + line;
    separator = "\n" + std::string(kColumn, ' ');
  }
  return text + "\n";
}

bool takesMany(const CLI::Option &option) {
  return option.get_expected_max() >= CLI::detail::expected_max_vector_size;
}

/// `--threads N`.
std::string callOf(const CLI::Option &option) {
  if (option.get_positional())
    return option.get_name(true) + (takesMany(option) ? "..." : "");
  std::string name = option.get_name(false, true);
  size_t comma = name.find(',');
  if (comma != std::string::npos) // `-h,--help`
    name.insert(comma + 1, " ");
  return option.get_type_size() == 0 ? name : name + " " + option.get_type_name();
}

std::string describeOption(const CLI::Option &option) {
  std::string meaning = option.get_description();
  if (!option.get_default_str().empty())
    meaning += fmt::format(" [{}]", option.get_default_str());
  else if (option.get_required() && option.nonpositional())
    meaning += " (required)";
  return describe(callOf(option), meaning);
}

std::string formatUsage(const CLI::App &app, const std::string &name) {
  std::string usage = "usage: " + name;
  if (!isCommand(app) && !app.get_subcommands([](const CLI::App *) { return true; }).empty())
    return usage + (app.get_parent() ? " TASK" : " COMMAND") + " [options]\n";
  for (const CLI::Option *option : app.get_options())
    if (option->get_required())
      usage += " " + callOf(*option);
  return usage + " [options]\n";
}

/// Options by group; the group of `--help` alone is the last.
std::string formatOptions(const CLI::App &app) {
  std::string text, last;
  for (const std::string &group : app.get_groups()) {
    std::string lines, help;
    for (const CLI::Option *option : app.get_options())
      if (option->get_group() == group && option->nonpositional())
        (option == app.get_help_ptr() ? help : lines) += describeOption(*option);
    (lines.empty() ? last : text) += fmt::format("\n{}:\n{}{}", group, lines, help);
  }
  return text + last;
}

std::string formatArguments(const CLI::App &app) {
  std::string text;
  for (const CLI::Option *option : app.get_options())
    if (option->get_positional())
      text += describeOption(*option);
  return text.empty() ? text : "\nArguments:\n" + text;
}

/// Commands of commands stand beside the others, with both words.
std::string formatCommands(const CLI::App &app, const std::string &prefix, std::string &examples) {
  std::string text;
  for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; })) {
    if (command->get_group().empty())
      continue; // for programs, not for people
    std::string name = prefix + command->get_name();
    if (isCommand(*command)) {
      text += describe(name, command->get_description());
      examples += command->get_footer() + "\n";
    }
    text += formatCommands(*command, name + " ", examples);
  }
  return text;
}

} // namespace

std::string formatHelp(const CLI::App &app, const std::string &name) {
  std::string examples;
  std::string commands = formatCommands(app, "", examples);
  std::string text = app.get_description() + "\n\n" + formatUsage(app, name);
  if (!commands.empty())
    text += "\nCommands:\n" + commands;
  text += formatArguments(app) + formatOptions(app);
  // A group of tasks has theirs.
  std::string footer = app.get_footer().empty() ? examples : app.get_footer() + "\n";
  return text + "\n" + footer;
}

bool isCommand(const CLI::App &app) { return app.get_require_subcommand_min() == 0; }

void useHelp(CLI::App &app) {
  app.formatter_fn([](const CLI::App *shown, const std::string &name, CLI::AppFormatMode) {
    return formatHelp(*shown, name);
  });
}

} // namespace cellwright
