// Recipes of NAS-Bench-NLP (Klyuchnikov et al. 2020): named nodes in any order, `h_prev_0`, ... in,
// `h_new_0`, ... out. Deviation: a `linear` there adds one bias for each of its inputs, here one;
// they compute the same cells.
#pragma once

#include "search/cell_graph.h"

#include <nlohmann/json_fwd.hpp>

namespace cellwright {

/// Throws Error with what makes this no recipe: nodes that need each other, unknown ones, a wrong
/// number of inputs.
EditGraph graphOfRecipe(const nlohmann::json &recipe);

/// Throws Error if the graph has nodes that no recipe has. Nodes without a name get one.
nlohmann::json recipeOfGraph(const EditGraph &graph);

} // namespace cellwright
