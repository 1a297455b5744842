// See candidate.h.
#include "search/candidate.h"

#include "search/read_json.h"

#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;

std::string wordsOfEdit(const Candidate &candidate) {
  return candidate.edit.substr(0, candidate.edit.find('\n'));
}

std::string formatCandidate(const Candidate &candidate) {
  return json{{"cell", candidate.cell},
              {"genotype", candidate.genotype},
              {"parents", candidate.parents},
              {"edit", candidate.edit}}
      .dump();
}

static Candidate readCandidate(const json &fields) {
  Candidate candidate;
  fields.at("cell").get_to(candidate.cell);
  fields.at("genotype").get_to(candidate.genotype);
  fields.at("parents").get_to(candidate.parents);
  fields.at("edit").get_to(candidate.edit);
  return candidate;
}

Candidate parseCandidate(const std::string &text) {
  return readJson(text, "candidate of a search", readCandidate);
}

} // namespace cellwright
