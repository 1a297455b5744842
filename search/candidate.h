// A cell that a search has made: its text, where it comes from, and the form in which its space can
// change it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cellwright {

struct Candidate {
  std::string cell;             // text of one cell that stands alone, as `print` writes it
  std::string genotype;         // JSON in the space's own form, from which it makes `cell` again
  std::vector<int64_t> parents; // numbers of the trials that it was made from
  std::string edit;             // how, in words; empty if it was drawn

  bool operator==(const Candidate &) const = default;
};

/// How a candidate was made, in one line: its edit in words, without the lines that changed.
std::string wordsOfEdit(const Candidate &candidate);

/// As JSON, and back. `parseCandidate` throws Error with what is wrong with the text.
std::string formatCandidate(const Candidate &candidate);
Candidate parseCandidate(const std::string &text);

} // namespace cellwright
