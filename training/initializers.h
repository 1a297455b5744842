// First values of parameters, as LANGUAGE.md defines them.
#pragma once

#include "runtime/kernel_abi.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace cellwright {

/// Draws the first values of a parameter from its own stream, made from the seed and `name`, which
/// may say more than the parameter's own name: `layer0.W_i_x`. Float gets the double values
/// rounded. Those that are drawn, all but constants and identities, are multiplied by `scale`.
///   values: rows x columns, row-major, as many as `param` says; fully overwritten.
/// Q of an orthogonal parameter deviates from orthogonality by less than 1e-12; with fewer rows
/// than columns its rows are orthonormal instead of its columns. Cost: a product of that size.
void initialize(const cellwright_param_info &param, uint64_t seed, std::string_view name,
                std::span<double> values, double scale = 1);
void initialize(const cellwright_param_info &param, uint64_t seed, std::string_view name,
                std::span<float> values, double scale = 1);

} // namespace cellwright
