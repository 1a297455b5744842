// See initializers.h.
#include "codegen/initializers.h"

#include <string_view>

namespace cellwright {

static cellwright_initializer initializerOf(const Param &param, bool isSquare) {
  switch (param.initializer.kind) {
  case InitializerKind::Glorot:
    return param.initializer.linearOfState && isSquare ? CELLWRIGHT_ORTHOGONAL : CELLWRIGHT_GLOROT;
  case InitializerKind::He:
    return CELLWRIGHT_HE;
  case InitializerKind::Orthogonal:
    return CELLWRIGHT_ORTHOGONAL;
  case InitializerKind::Identity:
    return CELLWRIGHT_IDENTITY;
  case InitializerKind::Uniform:
    return CELLWRIGHT_UNIFORM;
  case InitializerKind::Normal:
    return CELLWRIGHT_NORMAL;
  case InitializerKind::Zeros:
  case InitializerKind::Constant:
    break;
  }
  return CELLWRIGHT_CONSTANT;
}

ParamDescription describeParam(const Param &param, const Bound &bound) {
  auto argument = [&](ValueId value) { return value == kNoValue ? 0.0 : bound.constants[value]; };
  ParamDescription description;
  description.name = std::string_view(param.name);
  description.rank = param.shape.rank;
  description.rows = static_cast<int32_t>(bound.rows(param.shape));
  description.columns = static_cast<int32_t>(bound.columns(param.shape));
  description.isFrozen = param.frozen;
  bool isSquare = param.shape.rank == 2 && description.rows == description.columns;
  description.initializer = initializerOf(param, isSquare);
  description.first = argument(param.initializer.first);
  description.second = argument(param.initializer.second);
  return description;
}

} // namespace cellwright
