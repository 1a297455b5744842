// Published genotypes as cells, and cells as genotypes: one row of the table a format.
#pragma once

#include "dsl/cell.h"
#include "search/chain_cell.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct GenotypeFormat {
  const char *name;
  const char *help;
  std::string (*import)(const nlohmann::json &genotype, const std::string &cellName);
  nlohmann::json (*exportCell)(const Cell &cell);
};

/// nas-bench-nlp, darts (and GDAS, whose genotypes are the same), enas, enas-pytorch.
const std::vector<GenotypeFormat> &genotypeFormats();

/// The text of the cell of a genotype, laid out as `fmt` does. Throws Error if it is no genotype of
/// the format, or if there is no such format.
std::string importGenotype(const nlohmann::json &genotype, std::string_view format,
                           const std::string &cellName);

/// The genotype of a cell: after `importGenotype` the same one. Throws Error if it has none.
nlohmann::json exportGenotype(const Cell &cell, std::string_view format);

/// Between chains and the genotypes of `darts`, `enas` and `enas-pytorch`. Throws Error.
ChainCell chainOfGenotype(const nlohmann::json &genotype, std::string_view format);
nlohmann::json genotypeOfChain(const ChainCell &chain, std::string_view format);

} // namespace cellwright
