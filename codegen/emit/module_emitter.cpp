// See module_emitter.h.
#include "codegen/emit/module_emitter.h"

#include "codegen/costs.h"
#include "codegen/emit/dense_emitter.h"
#include "codegen/emit/gradient_emitter.h"
#include "codegen/emit/phase_emitter.h"
#include "codegen/emit/place_emitter.h"
#include "codegen/rates.h"
#include "codegen/stages.h"

#include "fmt/format.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace cellwright {

ModuleEmitter::ModuleEmitter(cell::CellOp cell, ModuleOp module, const Target &target,
                             bool isDouble)
    : cell(cell), context{module, target, isDouble}, contractions(context) {}

void ModuleEmitter::emit() {
  describeCell();
  assignSources();
  assignPhaseResults();
  assignUpdateValues();
  emitPrepare(*this, cell);
  emitPhases(*this, cell);
  emitPackings(*this, packed, cell.getLoc());
  emitGradients(*this, cell);
  emitFinish(*this, cell);
}

//===-- Names and descriptions ----------------------------------------------------------------===//

std::string ModuleEmitter::uniqueName(const std::string &stem) {
  int number = names[stem]++;
  return number == 0 ? stem : fmt::format("{}_{}", stem, number);
}

static int32_t sizeOf(Value value) {
  return tensorType(value).isScalar() ? 0 : static_cast<int32_t>(tensorType(value).getNumber(0));
}

void ModuleEmitter::describeCell() {
  description.name = cell.getSymName().str();
  description.isDouble = context.isDouble;
  description.width = context.width();
  for (Operation &op : cell.getBody().front()) {
    if (auto input = dyn_cast<cell::InputOp>(op)) {
      description.inputs.push_back(
          {input.getName().str(), sizeOf(input), input.getPerSequence(), input.getIndex()});
    } else if (auto state = dyn_cast<cell::StateOp>(op)) {
      description.states.push_back({state.getName().str(), sizeOf(state)});
    } else if (auto param = dyn_cast<cell::ParamOp>(op)) {
      auto type = tensorType(param);
      auto rank = static_cast<int32_t>(type.getRank());
      description.params.push_back(
          {param.getName().str(), rank, rank > 0 ? static_cast<int32_t>(type.getNumber(0)) : 1,
           rank > 1 ? static_cast<int32_t>(type.getNumber(1)) : 1, param.getFrozen()});
    }
  }
}

/// Position of the input, state or parameter of this name.
template <typename List> static int indexOf(const List &list, llvm::StringRef name) {
  for (auto [i, entry] : llvm::enumerate(list))
    if (entry.name == name)
      return static_cast<int>(i);
  llvm_unreachable("sources are described before they are looked up");
}

//===-- Buffers -------------------------------------------------------------------------------===//

int ModuleEmitter::addBuffer(BufferDescription buffer) {
  description.buffers.push_back(std::move(buffer));
  return static_cast<int>(description.buffers.size()) - 1;
}

int ModuleEmitter::addPacked(Packing packing) {
  int buffer = addPackedBuffer(*this, packing);
  packed.push_back({std::move(packing), buffer});
  return buffer;
}

int ModuleEmitter::addRows(Value value, std::string name, cellwright_role role,
                           cellwright_lifetime lifetime, int index) {
  BufferDescription buffer;
  buffer.name = std::move(name);
  buffer.role = role;
  buffer.lifetime = lifetime;
  buffer.index = index;
  buffer.columns = sizeOf(value);
  return rowBuffers[value] = addBuffer(std::move(buffer));
}

/// The stage in which a value is read: that of the phase around the user, the gradient's for a sum.
static std::optional<cellwright_stage> stageOfUser(Operation *user) {
  if (auto phase = user->getParentOfType<cell::PhaseOp>())
    return stageRow(phase.getStage()).stage;
  if (isa<cell::AccumulateOp>(user))
    return CELLWRIGHT_GRADIENT;
  return std::nullopt;
}

static bool isBackwardStage(cellwright_stage stage) { return kStages[stage].isBackward; }

/// True if the backward pass reads a value of the forward pass.
static bool isReadBackward(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    auto stage = stageOfUser(user);
    return isa<cell::SavedOp>(user) || (stage && isBackwardStage(*stage));
  });
}

void ModuleEmitter::assignSources() {
  for (Operation &op : cell.getBody().front()) {
    llvm::TypeSwitch<Operation *>(&op)
        .Case([&](cell::InputOp input) {
          auto lifetime = input.getPerSequence()  ? CELLWRIGHT_SEQUENCE
                          : isReadBackward(input) ? CELLWRIGHT_TAPE
                                                  : CELLWRIGHT_BLOCK;
          addRows(input, "in." + input.getName().str(), CELLWRIGHT_INPUT, lifetime,
                  indexOf(description.inputs, input.getName()));
        })
        .Case([&](cell::StateOp state) {
          addRows(state, "state." + state.getName().str(), CELLWRIGHT_STATE, CELLWRIGHT_TAPE,
                  indexOf(description.states, state.getName()));
        })
        .Case([&](cell::AdjointNextOp next) {
          addRows(next, "dnext." + next.getName().str(), CELLWRIGHT_ADJOINT_NEXT, CELLWRIGHT_STEP,
                  indexOf(description.states, next.getName()));
        })
        .Case([&](cell::AdjointDirectOp direct) {
          addRows(direct, "dstate." + direct.getName().str(), CELLWRIGHT_ADJOINT_DIRECT,
                  CELLWRIGHT_BLOCK, indexOf(description.states, direct.getName()));
        })
        .Case([&](cell::AdjointOutputOp output) {
          addRows(output, "dout", CELLWRIGHT_ADJOINT_OUTPUT, CELLWRIGHT_BLOCK, 0);
        });
  }
}

/// The sink that takes a phase's result; an output that is the next value of a state shares its
/// buffer.
static Operation *sinkOf(Value value) {
  Operation *sink = nullptr;
  for (Operation *user : value.getUsers()) {
    if (isa<cell::NextOp>(user))
      return user;
    if (isa<cell::OutputOp, cell::AdjointStateOp, cell::AdjointInputOp>(user))
      sink = user;
  }
  return sink;
}

static cellwright_lifetime lifetimeOf(Value value, const Rates &rates, cellwright_stage stage) {
  if (rates.of(value) == Rate::Sequence)
    return CELLWRIGHT_SEQUENCE;
  bool isStepLocal = kStages[stage].isStepwise;
  for (Operation *user : value.getUsers()) {
    if (isa<cell::SavedOp>(user))
      return CELLWRIGHT_TAPE;
    isStepLocal &= stageOfUser(user) == stage;
  }
  return isStepLocal ? CELLWRIGHT_STEP : CELLWRIGHT_BLOCK;
}

void ModuleEmitter::assignPhaseResults() {
  Rates rates(cell);
  for (auto phase : cell.getBody().getOps<cell::PhaseOp>()) {
    cellwright_stage stage = stageRow(phase.getStage()).stage;
    for (auto [i, value] : llvm::enumerate(phase.getResults())) {
      auto lifetime = lifetimeOf(value, rates, stage);
      Operation *sink = sinkOf(value);
      auto yield = cast<cell::YieldOp>(phase.getBody().front().getTerminator());
      Operation *made = yield.getOperand(i).getDefiningOp();
      bool isSum = isa_and_nonnull<cell::OverStepsOp>(made);
      if (!sink) {
        auto label = made ? made->getAttrOfType<StringAttr>("label") : StringAttr();
        int id =
            addRows(value, label ? label.str() : fmt::format("v{}", description.buffers.size()),
                    CELLWRIGHT_VALUE, lifetime, 0);
        description.buffers[id].isZeroed = isSum;
        continue;
      }
      llvm::TypeSwitch<Operation *>(sink)
          .Case([&](cell::NextOp next) {
            int state = indexOf(description.states, next.getName());
            addRows(value, "next." + next.getName().str(), CELLWRIGHT_NEXT, CELLWRIGHT_TAPE, state);
          })
          .Case([&](cell::OutputOp) {
            addRows(value, "out", CELLWRIGHT_OUTPUT,
                    lifetime == CELLWRIGHT_TAPE ? lifetime : CELLWRIGHT_BLOCK, 0);
          })
          .Case([&](cell::AdjointStateOp adjoint) {
            int state = indexOf(description.states, adjoint.getName());
            addRows(value, "dprev." + adjoint.getName().str(), CELLWRIGHT_ADJOINT_STATE,
                    CELLWRIGHT_STEP, state);
          })
          .Case([&](cell::AdjointInputOp adjoint) {
            int input = indexOf(description.inputs, adjoint.getName());
            bool perSequence = description.inputs[input].isPerSequence;
            int id = addRows(value, "din." + adjoint.getName().str(), CELLWRIGHT_ADJOINT_INPUT,
                             perSequence ? CELLWRIGHT_SEQUENCE : CELLWRIGHT_BLOCK, input);
            description.buffers[id].isZeroed = isSum;
          });
    }
  }
  for (auto saved : cell.getBody().getOps<cell::SavedOp>())
    rowBuffers[saved] = rowBuffers.at(saved.getOperand());
  for (auto output : cell.getBody().getOps<cell::OutputOp>()) {
    description.outputSize = sizeOf(output.getValue());
    for (Operation *user : output.getValue().getUsers())
      if (auto next = dyn_cast<cell::NextOp>(user))
        description.outputState = indexOf(description.states, next.getName());
  }
}

static int64_t roundUp(int64_t number, int64_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

/// A sum is written by tiles, which may be larger than the matrix: its buffer is padded to them.
void ModuleEmitter::addDense(Value value, std::string name, bool isSum) {
  auto type = tensorType(value);
  DenseBuffer dense;
  int64_t elements = 1;
  if (type.isVector()) {
    dense.rows = type.getNumber(0);
    elements = roundUp(dense.rows, context.width());
  } else if (type.isMatrix()) {
    dense.rows = type.getNumber(0);
    dense.columns = type.getNumber(1);
    dense.rowStride = isSum ? roundUp(dense.columns, context.width()) : dense.columns;
    elements = dense.rowStride * (isSum ? roundUp(dense.rows, context.width()) : dense.rows);
    auto sum = value.getDefiningOp<cell::AccumulateOp>();
    if (sum && isIndex(sum.getRight())) { // rows are added to columns
      dense.rowStride = 1;
      dense.columnStride = roundUp(dense.rows, context.width());
      elements = dense.columnStride * dense.columns;
    }
  }
  BufferDescription buffer;
  buffer.name = std::move(name);
  buffer.lifetime = CELLWRIGHT_UPDATE;
  buffer.elements = elements;
  buffer.isZeroed = isSum;
  dense.buffer = addBuffer(std::move(buffer));
  denseBuffers[value] = dense;
}

void ModuleEmitter::assignUpdateValues() {
  Rates rates(cell);
  for (Operation &op : cell.getBody().front()) {
    if (auto param = dyn_cast<cell::ParamOp>(op)) {
      int index = indexOf(description.params, param.getName());
      addDense(param, "param." + param.getName().str(), false);
      BufferDescription &buffer = description.buffers[denseBuffers[param.getValue()].buffer];
      buffer.role = CELLWRIGHT_PARAM;
      buffer.index = index;
      const auto &entry = description.params[index];
      buffer.elements = int64_t{entry.rows} * entry.columns;
      bool isReadByPhases = llvm::any_of(param->getUsers(), [](Operation *user) {
        return user->getParentOfType<cell::PhaseOp>();
      });
      if (tensorType(param).isVector() && isReadByPhases)
        paddedParams[param] =
            addBuffer({"padded." + param.getName().str(), CELLWRIGHT_VALUE, CELLWRIGHT_UPDATE, 0, 0,
                       roundUp(entry.rows, context.width()), false});
    } else if (auto transpose = dyn_cast<cell::TransposeOp>(op)) {
      DenseBuffer dense = denseBuffer(transpose.getMatrix());
      std::swap(dense.rows, dense.columns);
      std::swap(dense.rowStride, dense.columnStride);
      denseBuffers[transpose] = dense;
    } else if (auto sum = dyn_cast<cell::AccumulateOp>(op)) {
      addDense(sum, uniqueName("sum"), true);
    } else if (op.getNumResults() == 1 && !isa<cell::ConstantOp>(op) && !hasRows(op.getResult(0)) &&
               !isa<cell::PhaseOp>(op) && rates.of(op.getResult(0)) == Rate::Update) {
      addDense(op.getResult(0), uniqueName("update"), false);
    }
  }
}

int ModuleEmitter::gradientBuffer(cell::AdjointParamOp adjoint) {
  int index = indexOf(description.params, adjoint.getName());
  const ParamDescription &param = description.params[index];
  return addBuffer({"dparam." + param.name, CELLWRIGHT_ADJOINT_PARAM, CELLWRIGHT_UPDATE, index, 0,
                    int64_t{param.rows} * param.columns, false});
}

DenseBuffer ModuleEmitter::denseBuffer(Value value) const { return denseBuffers.at(value); }

int ModuleEmitter::paddedBuffer(Value value) const {
  auto it = paddedParams.find(value);
  return it != paddedParams.end() ? it->second : denseBuffers.at(value).buffer;
}

} // namespace cellwright
