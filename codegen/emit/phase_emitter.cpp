// See phase_emitter.h. A phase is one of three loops: over tiles of rows and columns with
// contractions, over rows with reductions along each, or over panels of columns where nothing but
// the element counts.
#include "codegen/emit/phase_emitter.h"

#include "codegen/costs.h"
#include "codegen/emit/dense_emitter.h"
#include "codegen/emit/phase_function.h"
#include "codegen/emit/tile_plan.h"
#include "codegen/rates.h"
#include "codegen/stages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace cellwright {

namespace {

cell::TensorType tensorType(Value value) { return cast<cell::TensorType>(value.getType()); }
bool isScalar(Value value) { return tensorType(value).isScalar(); }

/// Row of the buffers and panel of columns at which code is being emitted.
struct Place {
  Value row;
  Value panel;
};

/// What has been emitted for the values of a cell at one place.
using Scope = llvm::DenseMap<Value, Value>;

class PhaseEmitter {
public:
  PhaseEmitter(ModuleEmitter &module, cell::PhaseOp phase, const std::string &name)
      : module(module), phase(phase), f(module.getContext(), name, phase.getLoc()),
        columns(phase.getColumns()), width(f.context.width()), panels(f.context.panels(columns)) {
    yield = cast<cell::YieldOp>(phase.getBody().front().getTerminator());
    for (Operation &op : phase.getBody().front().without_terminator())
      operations.push_back(&op);
  }

  /// Emits the function; gives the number of tiles that its work can be divided into.
  int64_t emit();

private:
  // The loops.
  int64_t emitTiles();
  struct Tile; // which tile, and with what packed weights
  void emitTile(const Tile &tile);
  Value accumulator(const Tile &tile, int64_t number, Value sums, Value panelInTile, Value row);
  void emitRows();
  void emitPanels();

  // One operation at one place.
  Value read(Value value, const Place &place, Scope &scope);
  Value readVector(Value value, const Place &place, Scope &scope);
  Value loadIndex(Value input, Value row);
  Value oneHot(Value input, const Place &place);
  void emitOperation(Operation *op, const Place &place, Scope &scope);
  Value emitMap(cell::MapOp map, const Place &place, Scope &scope);
  Value emitWindow(cell::WindowOp window, const Place &place);
  Value emitUniform(cell::RandomOp random, const Place &place);
  Value emitOverSteps(cell::OverStepsOp sum, const Place &place, Scope &scope);
  void emitYields(const Place &place, Scope &scope, bool scalars);

  // Whole rows.
  struct Running; // a reduction or scan on its way along a row
  Value reduce(Value vector, llvm::StringRef function);
  Value prefixSum(Value vector, bool isReverse);
  Value maskTail(Value vector, const Place &place, double neutral);
  Value lanes(Value first);

  Value address(int buffer, const Place &place, bool isScalarValue);

  ModuleEmitter &module;
  cell::PhaseOp phase;
  PhaseFunction f;
  int64_t columns;
  int width;
  int64_t panels;
  cell::YieldOp yield;
  SmallVector<Operation *> operations;
};

bool isReduction(Operation *op) {
  auto over = dyn_cast<cell::OverOp>(op);
  return over && (over.getFunction() == "sum" || over.getFunction() == "largest");
}

bool isScan(Operation *op) {
  auto over = dyn_cast<cell::OverOp>(op);
  return over && (over.getFunction() == "cumsum" || over.getFunction() == "cumsum_reverse");
}

//===-- One operation at one place ------------------------------------------------------------===//

Value PhaseEmitter::address(int buffer, const Place &place, bool isScalarValue) {
  if (isScalarValue)
    return f.at(f.pointer(buffer), place.row);
  Value panel = f.at(f.pointer(buffer), f.mul(place.panel, f.panelStride(buffer)));
  return f.at(panel, f.mul(place.row, width));
}

/// The value at a place: computed in this phase, a constant, or loaded. A scalar stays a scalar.
Value PhaseEmitter::read(Value value, const Place &place, Scope &scope) {
  if (auto it = scope.find(value); it != scope.end())
    return it->second;
  Value emitted;
  if (auto constant = value.getDefiningOp<cell::ConstantOp>()) {
    emitted = f.scalars().constant(constant.getNumber().convertToDouble());
  } else if (isIndex(value)) {
    emitted = oneHot(value, place);
  } else if (module.hasRows(value)) {
    Value pointer = address(module.rowBuffer(value), place, isScalar(value));
    emitted = isScalar(value) ? f.loadScalar(pointer) : f.loadVector(pointer);
  } else {
    Value pointer = f.pointer(module.paddedBuffer(value));
    emitted = isScalar(value) ? f.loadScalar(pointer)
                              : f.loadVector(f.at(pointer, f.mul(place.panel, width)));
  }
  return scope[value] = emitted;
}

/// Number of the 1 in a row of an index input.
Value PhaseEmitter::loadIndex(Value input, Value row) {
  Value pointer =
      LLVM::GEPOp::create(f.b, f.loc, f.pointerType(), f.b.getI32Type(),
                          f.pointer(module.rowBuffer(input)), ArrayRef<LLVM::GEPArg>{row});
  Value number = LLVM::LoadOp::create(f.b, f.loc, f.b.getI32Type(), pointer);
  return arith::ExtSIOp::create(f.b, f.loc, f.b.getI64Type(), number);
}

Value PhaseEmitter::oneHot(Value input, const Place &place) {
  Value numbers = lanes(f.mul(place.panel, width));
  Value index =
      vector::BroadcastOp::create(f.b, f.loc, numbers.getType(), loadIndex(input, place.row));
  Value isOne = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::eq, numbers, index);
  return arith::SelectOp::create(f.b, f.loc, isOne, f.vectors().constant(1),
                                 f.vectors().constant(0));
}

Value PhaseEmitter::readVector(Value value, const Place &place, Scope &scope) {
  if (auto constant = value.getDefiningOp<cell::ConstantOp>())
    return f.vectors().constant(constant.getNumber().convertToDouble());
  Value emitted = read(value, place, scope);
  return isScalar(value) ? f.splat(emitted) : emitted;
}

Value PhaseEmitter::emitMap(cell::MapOp map, const Place &place, Scope &scope) {
  bool scalar = isScalar(map);
  ElementBuilder elements = scalar ? f.scalars() : f.vectors();
  auto readOperand = [&](Value operand) {
    return scalar ? read(operand, place, scope) : readVector(operand, place, scope);
  };
  if (map.getFunction() == "pow") {
    auto exponent = map.getOperand(1).getDefiningOp<cell::ConstantOp>();
    return elements.emitPower(readOperand(map.getOperand(0)),
                              exponent.getNumber().convertToDouble());
  }
  SmallVector<Value> operands;
  for (Value operand : map.getOperands())
    operands.push_back(readOperand(operand));
  return elements.emit(map.getFunction(), operands);
}

/// first, first + 1, ... as 64-bit integers.
Value PhaseEmitter::lanes(Value first) {
  SmallVector<int64_t> numbers(width);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto type = VectorType::get({width}, f.b.getI64Type());
  Value iota = arith::ConstantOp::create(f.b, f.loc,
                                         DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
  return arith::AddIOp::create(f.b, f.loc, vector::BroadcastOp::create(f.b, f.loc, type, first),
                               iota);
}

// Two neighbouring panels of the source, shifted together; what lies outside of the source is zero.
// The panels that are loaded always exist: an index outside is moved inside and its lanes are
// masked.
Value PhaseEmitter::emitWindow(cell::WindowOp window, const Place &place) {
  int64_t sourceColumns = tensorType(window.getVector()).getNumber(0);
  int64_t lastPanel = f.context.panels(sourceColumns) - 1;
  int64_t offset = window.getOffset();
  int64_t shift = ((offset % width) + width) % width;
  int64_t panelOffset = (offset - shift) / width;
  auto loadPanel = [&](int64_t delta) {
    Value panel = f.add(place.panel, panelOffset + delta);
    panel = arith::MaxSIOp::create(f.b, f.loc, f.min(panel, f.index(lastPanel)), f.index(0));
    Scope fresh;
    return readVector(window.getVector(), {place.row, panel}, fresh);
  };
  Value value = loadPanel(0);
  if (shift != 0) {
    SmallVector<int64_t> mask(width);
    std::iota(mask.begin(), mask.end(), shift);
    value = vector::ShuffleOp::create(f.b, f.loc, value, loadPanel(1), mask);
  }
  Value source = lanes(f.add(f.mul(place.panel, width), offset));
  auto type = cast<VectorType>(source.getType());
  Value limit = arith::ConstantOp::create(f.b, f.loc, DenseElementsAttr::get(type, sourceColumns));
  // Unsigned: what is below zero is far above the limit.
  Value inside = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::ult, source, limit);
  return arith::SelectOp::create(f.b, f.loc, inside, value, f.vectors().constant(0));
}

// The counters of drawUniform in dsl/random.h: seed and site, sequence, step, element.
Value PhaseEmitter::emitUniform(cell::RandomOp random, const Place &place) {
  ElementBuilder elements = isScalar(random) ? f.scalars() : f.vectors();
  auto everywhere = [&](Value scalar) -> Value {
    return isScalar(random)
               ? scalar
               : Value(vector::BroadcastOp::create(f.b, f.loc, elements.type32(), scalar));
  };
  Type i32 = f.b.getI32Type();
  auto constant32 = [&](uint32_t number) -> Value {
    return arith::ConstantOp::create(f.b, f.loc,
                                     f.b.getI32IntegerAttr(static_cast<int32_t>(number)));
  };
  Value seed = f.mixedSeed(random.getSite());
  Value sequencePointer = LLVM::GEPOp::create(f.b, f.loc, f.pointerType(), i32, f.sequences(),
                                              ArrayRef<LLVM::GEPArg>{place.row});
  Value sequence = LLVM::LoadOp::create(f.b, f.loc, i32, sequencePointer);
  Value step = random.getPerSequence() ? constant32(0xffffffffu) : f.step();
  Value element;
  if (isScalar(random))
    element = constant32(0);
  else
    element =
        arith::TruncIOp::create(f.b, f.loc, elements.type32(), lanes(f.mul(place.panel, width)));
  return elements.uniform(everywhere(seed), everywhere(sequence), everywhere(step), element);
}

Value PhaseEmitter::emitOverSteps(cell::OverStepsOp sum, const Place &place, Scope &scope) {
  for (auto [i, operand] : llvm::enumerate(yield.getOperands())) {
    if (operand != sum.getResult())
      continue;
    bool scalar = isScalar(sum);
    Value pointer = address(module.rowBuffer(phase.getResult(i)), place, scalar);
    Value before = scalar ? f.loadScalar(pointer) : f.loadVector(pointer);
    return (scalar ? f.scalars() : f.vectors()).add(before, read(sum.getOperand(), place, scope));
  }
  llvm_unreachable("a sum over steps is a result of its phase");
}

void PhaseEmitter::emitOperation(Operation *op, const Place &place, Scope &scope) {
  scope[op->getResult(0)] =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](cell::MapOp map) { return emitMap(map, place, scope); })
          .Case([&](cell::WindowOp window) { return emitWindow(window, place); })
          .Case([&](cell::BroadcastOp broadcast) {
            return readVector(broadcast.getScalar(), place, scope);
          })
          .Case([&](cell::RandomOp random) { return emitUniform(random, place); })
          .Case([&](cell::OverStepsOp sum) { return emitOverSteps(sum, place, scope); })
          .Default(
              [](Operation *) -> Value { llvm_unreachable("a phase holds no other operation"); });
}

/// Stores the results of the phase that are complete at this place.
void PhaseEmitter::emitYields(const Place &place, Scope &scope, bool scalars) {
  for (auto [operand, result] : llvm::zip_equal(yield.getOperands(), phase.getResults())) {
    if (isScalar(result) != scalars)
      continue;
    Value value = scalars ? read(operand, place, scope) : readVector(operand, place, scope);
    f.store(value, address(module.rowBuffer(result), place, scalars));
  }
}

//===-- Panels: nothing but the element counts ------------------------------------------------===//

void PhaseEmitter::emitPanels() {
  f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
    f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
      Scope scope;
      Place place{row, panel};
      for (Operation *op : operations)
        emitOperation(op, place, scope);
      emitYields(place, scope, /*scalars=*/false);
    });
  });
}

//===-- Rows: reductions and scans along each -------------------------------------------------===//

struct PhaseEmitter::Running {
  cell::OverOp op;
  bool isReduction;
};

/// Zero, or what else a function ignores, in the lanes beyond the last column.
Value PhaseEmitter::maskTail(Value vector, const Place &place, double neutral) {
  if (columns % width == 0)
    return vector;
  Value numbers = lanes(f.mul(place.panel, width));
  auto type = cast<VectorType>(numbers.getType());
  Value limit = arith::ConstantOp::create(f.b, f.loc, DenseElementsAttr::get(type, columns));
  Value inside = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::slt, numbers, limit);
  return arith::SelectOp::create(f.b, f.loc, inside, vector, f.vectors().constant(neutral));
}

/// Folds the upper half of the lanes on the lower until one is left: a fixed order.
Value PhaseEmitter::reduce(Value vector, llvm::StringRef function) {
  ElementBuilder e = f.vectors();
  for (int half = width / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> mask(width);
    for (int i = 0; i < width; ++i)
      mask[i] = (i + half) % width;
    Value upper = vector::ShuffleOp::create(f.b, f.loc, vector, vector, mask);
    vector = function == "sum" ? e.add(vector, upper) : e.emit("max", {vector, upper});
  }
  return vector::ExtractOp::create(f.b, f.loc, vector, ArrayRef<int64_t>{0});
}

/// Hillis & Steele 1986: after the pass with distance d every lane holds the sum of 2 d lanes.
Value PhaseEmitter::prefixSum(Value vector, bool isReverse) {
  ElementBuilder e = f.vectors();
  Value zero = e.constant(0);
  for (int distance = 1; distance < width; distance *= 2) {
    SmallVector<int64_t> mask(width);
    for (int i = 0; i < width; ++i) {
      int from = isReverse ? i + distance : i - distance;
      mask[i] = from >= 0 && from < width ? from : width; // lane `width` is the first of the zeros
    }
    vector = e.add(vector, vector::ShuffleOp::create(f.b, f.loc, vector, zero, mask));
  }
  return vector;
}

void PhaseEmitter::emitRows() {
  SmallVector<Running> running;
  SmallVector<Operation *> before, along, after;
  llvm::SmallPtrSet<Operation *, 8> isAfter;
  bool isReverse = false;
  for (Operation *op : operations) {
    bool needsReduction = llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *definition = operand.getDefiningOp();
      return definition->getParentOp() == phase &&
             (isReduction(definition) || isAfter.contains(definition));
    });
    if (isReduction(op) || isScan(op)) {
      running.push_back({cast<cell::OverOp>(op), isReduction(op)});
      isReverse |= cast<cell::OverOp>(op).getFunction() == "cumsum_reverse";
    }
    if (needsReduction) {
      isAfter.insert(op);
      after.push_back(op);
    } else {
      (isScalar(op->getResult(0)) && !isReduction(op) ? before : along).push_back(op);
    }
  }
  double lowest = -std::numeric_limits<double>::infinity();
  f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
    Scope rowScope;
    for (Operation *op : before)
      emitOperation(op, {row, {}}, rowScope);
    SmallVector<Value> initial;
    for (Running &entry : running)
      initial.push_back(!entry.isReduction
                            ? f.scalars().constant(0)
                            : f.vectors().constant(entry.op.getFunction() == "sum" ? 0 : lowest));
    auto totals =
        f.loopCarrying(f.index(0), f.index(panels), 1, initial, [&](Value i, ValueRange carried) {
          Place place{row, isReverse ? f.sub(f.index(panels - 1), i) : i};
          Scope scope = rowScope;
          SmallVector<Value> next(carried);
          size_t position = 0;
          for (Operation *op : along) {
            auto over = dyn_cast<cell::OverOp>(op);
            if (!over) {
              emitOperation(op, place, scope);
              continue;
            }
            llvm::StringRef function = over.getFunction();
            Value operand = maskTail(readVector(over.getOperand(0), place, scope), place,
                                     function == "largest" ? lowest : 0);
            Value &carry = next[position++];
            if (function == "sum") {
              carry = f.vectors().add(carry, operand);
            } else if (function == "largest") {
              carry = f.vectors().emit("max", {carry, operand});
            } else {
              Value sums = f.vectors().add(prefixSum(operand, isReverse), f.splat(carry));
              scope[over.getResult()] = sums;
              carry = vector::ExtractOp::create(f.b, f.loc, sums,
                                                ArrayRef<int64_t>{isReverse ? 0 : width - 1});
            }
          }
          emitYields(place, scope, /*scalars=*/false);
          return next;
        });
    for (auto [entry, total] : llvm::zip_equal(running, totals))
      if (entry.isReduction)
        rowScope[entry.op.getResult()] = reduce(total, entry.op.getFunction());
    for (Operation *op : after)
      emitOperation(op, {row, {}}, rowScope);
    emitYields({row, {}}, rowScope, /*scalars=*/true);
  });
}

//===-- Tiles: contractions -------------------------------------------------------------------===//

struct PhaseEmitter::Tile {
  const TilePlan &plan;
  std::vector<int> segmentWeights, gatherWeights; // buffers of packed weights
  Value number;
  int64_t panels; // of this tile

  /// Elements of the weights before this tile, which all have the plan's panels.
  Value offset(FunctionBuilder &f, int64_t columns, size_t matrices) const {
    return f.mul(number,
                 columns * static_cast<int64_t>(matrices) * plan.panelsPerTile * f.context.width());
  }
};

/// An accumulator at one row and panel of the tile: what the register tiles left, and what indices
/// pick.
Value PhaseEmitter::accumulator(const Tile &tile, int64_t number, Value sums, Value panelInTile,
                                Value row) {
  Value sum;
  if (tile.plan.hasProducts[number])
    sum = f.loadVector(f.at(sums, number * tile.panels * width));
  for (auto [gather, weights] : llvm::zip_equal(tile.plan.gathers, tile.gatherWeights))
    for (auto [i, target] : llvm::enumerate(gather.accumulators)) {
      if (target != number)
        continue;
      size_t matrices = gather.matrices.size();
      Value column =
          f.mul(loadIndex(gather.index, row), static_cast<int64_t>(matrices) * tile.panels * width);
      Value offset = f.add(tile.offset(f, tensorType(gather.index).getNumber(0), matrices), column);
      offset =
          f.add(offset, f.mul(f.add(panelInTile, static_cast<int64_t>(i) * tile.panels), width));
      Value picked = f.loadVector(f.at(f.pointer(weights), offset));
      sum = sum ? f.vectors().add(sum, picked) : picked;
    }
  return sum;
}

void PhaseEmitter::emitTile(const Tile &tile) {
  const TilePlan &plan = tile.plan;
  int64_t pitch = static_cast<int64_t>(plan.accumulators.size()) * tile.panels * width;
  int tileRows = f.context.target.tileRows;
  Value scratch = f.scratch(tileRows * pitch);
  Value firstPanel = f.mul(tile.number, plan.panelsPerTile);
  auto emitProducts = [&](int rows, Value row) {
    for (auto [segment, weights] : llvm::zip_equal(plan.segments, tile.segmentWeights)) {
      size_t matrices = segment.matrices.size();
      std::string product =
          module.getContractions().product(rows, static_cast<int>(matrices * tile.panels), f.loc);
      int source = module.rowBuffer(segment.operand);
      int64_t size = tensorType(segment.operand).getNumber(0);
      Value keep = arith::ConstantOp::create(f.b, f.loc, f.b.getBoolAttr(segment.isAdded));
      f.call(product,
             {f.at(f.pointer(source), f.mul(row, width)), f.panelStride(source), f.index(size),
              f.at(f.pointer(weights), tile.offset(f, size, matrices)),
              f.at(scratch, segment.firstAccumulator * tile.panels * width), f.index(pitch), keep});
    }
  };
  f.loop(f.rowBegin, f.rowEnd, tileRows, [&](Value row) {
    Value rows = f.min(f.sub(f.rowEnd, row), f.index(tileRows));
    for (int variant = tileRows; variant >= 1 && !plan.segments.empty(); --variant)
      f.when(f.isEqual(rows, f.index(variant)), [&] { emitProducts(variant, row); });
    f.loop(f.index(0), rows, 1, [&](Value i) {
      f.loop(f.index(0), f.index(tile.panels), 1, [&](Value panel) {
        Scope scope;
        Place place{f.add(row, i), f.add(firstPanel, panel)};
        Value sums = f.at(f.at(scratch, f.mul(i, pitch)), f.mul(panel, width));
        for (auto [a, contract] : llvm::enumerate(plan.accumulators))
          scope[cell::ContractOp(contract).getResult()] =
              accumulator(tile, static_cast<int64_t>(a), sums, panel, place.row);
        for (Operation *op : operations) {
          auto contract = dyn_cast<cell::ContractOp>(op);
          if (!contract)
            emitOperation(op, place, scope);
          else if (contract.getAddend())
            scope[contract.getResult()] = f.vectors().add(
                scope[contract.getResult()], readVector(contract.getAddend(), place, scope));
        }
        emitYields(place, scope, /*scalars=*/false);
      });
    });
  });
}

int64_t PhaseEmitter::emitTiles() {
  TilePlan plan = planTiles(phase, f.context);
  Tile tile{plan, {}, {}, {}, plan.panelsPerTile};
  auto pack = [&](const std::vector<Value> &matrices, Value operand) {
    return emitPacking(
        module, {matrices, columns, tensorType(operand).getNumber(0), plan.panelsPerTile}, f.loc);
  };
  for (const Segment &segment : plan.segments)
    tile.segmentWeights.push_back(pack(segment.matrices, segment.operand));
  for (const Gather &gather : plan.gathers)
    tile.gatherWeights.push_back(pack(gather.matrices, gather.index));
  int64_t fullTiles = panels / plan.panelsPerTile;
  int64_t restPanels = panels % plan.panelsPerTile;
  f.loop(f.tileBegin, f.min(f.tileEnd, f.index(fullTiles)), 1, [&](Value number) {
    tile.number = number;
    emitTile(tile);
  });
  if (restPanels != 0)
    f.when(f.isLess(f.index(fullTiles), f.tileEnd), [&] {
      tile.number = f.index(fullTiles);
      tile.panels = restPanels;
      emitTile(tile);
    });
  return fullTiles + (restPanels != 0 ? 1 : 0);
}

int64_t PhaseEmitter::emit() {
  int64_t tiles = 1;
  if (llvm::any_of(operations, [](Operation *op) { return isa<cell::ContractOp>(op); })) {
    tiles = emitTiles();
  } else if (columns == 0 || llvm::any_of(operations, [](Operation *op) {
               return isReduction(op) || isScan(op);
             })) {
    emitRows();
  } else {
    emitPanels();
    tiles = panels;
  }
  f.finish();
  return tiles;
}

/// True if the rows of a phase must be those of one step: it reads rows of sequences, or draws.
bool isPerStep(cell::PhaseOp phase, const ModuleEmitter &module) {
  if (kStages[stageRow(phase.getStage()).stage].isSequence)
    return false;
  bool found = false;
  phase.getBody().walk([&](Operation *op) {
    found |= isa<cell::RandomOp, cell::OverStepsOp>(op);
    for (Value operand : op->getOperands())
      found |= module.hasRows(operand) &&
               module.describe(module.rowBuffer(operand)).lifetime == CELLWRIGHT_SEQUENCE;
  });
  return found;
}

/// True if nothing but adjoints of inputs depends on the phase.
bool isForInputs(cell::PhaseOp phase) {
  llvm::SmallPtrSet<Operation *, 16> seen;
  SmallVector<Operation *> work{phase};
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    if (!seen.insert(op).second)
      continue;
    if (isa<cell::AdjointInputOp>(op))
      continue;
    if (op->getNumResults() == 0 && !isa<cell::YieldOp>(op))
      return false;
    for (Operation *user : op->getUsers()) {
      auto around = user->getParentOfType<cell::PhaseOp>();
      work.push_back(around ? around.getOperation() : user);
    }
  }
  return true;
}

} // namespace

void emitPhase(ModuleEmitter &module, cell::PhaseOp phase) {
  std::string name = module.uniqueName(phase.getStage().str());
  PhaseEmitter emitter(module, phase, name);
  int64_t tiles = emitter.emit();
  module.addPhase({name, stageRow(phase.getStage()).stage, static_cast<int32_t>(tiles),
                   isPerStep(phase, module), isForInputs(phase)});
}

//===-- Sums over rows ------------------------------------------------------------------------===//

namespace {

class GradientEmitter {
public:
  GradientEmitter(ModuleEmitter &module, cell::AccumulateOp sum, const std::string &name)
      : module(module), sum(sum), f(module.getContext(), name, sum.getLoc()),
        width(f.context.width()), target(module.denseBuffer(sum)) {}

  int64_t emit() {
    int64_t tiles = 1;
    if (isScalar(sum.getLeft())) {
      emitScalar();
    } else {
      tiles = f.context.panels(target.rows);
      if (!sum.getRight())
        emitVector();
      else if (isIndex(sum.getRight()))
        emitScatter();
      else
        emitOuter();
    }
    f.finish();
    return tiles;
  }

private:
  void emitScalar() {
    Value pointer = f.pointer(module.rowBuffer(sum.getLeft()));
    Value total = f.pointer(target.buffer);
    auto result = f.loopCarrying(
        f.rowBegin, f.rowEnd, 1, {f.loadScalar(total)}, [&](Value row, ValueRange carried) {
          return SmallVector<Value>{f.scalars().add(carried[0], f.loadScalar(f.at(pointer, row)))};
        });
    f.store(result[0], total);
  }

  void emitVector() {
    int left = module.rowBuffer(sum.getLeft());
    f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
      Value rows = f.at(f.pointer(left), f.mul(panel, f.panelStride(left)));
      Value total = f.at(f.pointer(target.buffer), f.mul(panel, width));
      auto result = f.loopCarrying(
          f.rowBegin, f.rowEnd, 1, {f.loadVector(total)}, [&](Value row, ValueRange carried) {
            return SmallVector<Value>{
                f.vectors().add(carried[0], f.loadVector(f.at(rows, f.mul(row, width))))};
          });
      f.store(result[0], total);
    });
  }

  // Each row is added to the column that its index names; the sum stands transposed, so that a
  // column is contiguous.
  void emitScatter() {
    int left = module.rowBuffer(sum.getLeft());
    Value indices = f.pointer(module.rowBuffer(sum.getRight()));
    f.loop(f.tileBegin, f.tileEnd, 1, [&](Value panel) {
      Value rows = f.at(f.pointer(left), f.mul(panel, f.panelStride(left)));
      Value totals = f.at(f.pointer(target.buffer), f.mul(panel, width));
      f.loop(f.rowBegin, f.rowEnd, 1, [&](Value row) {
        Value indexPointer = LLVM::GEPOp::create(f.b, f.loc, f.pointerType(), f.b.getI32Type(),
                                                 indices, ArrayRef<LLVM::GEPArg>{row});
        Value index = LLVM::LoadOp::create(f.b, f.loc, f.b.getI32Type(), indexPointer);
        Value total =
            f.at(totals, f.mul(arith::ExtSIOp::create(f.b, f.loc, f.b.getI64Type(), index),
                               target.columnStride));
        f.store(f.vectors().add(f.loadVector(total), f.loadVector(f.at(rows, f.mul(row, width)))),
                total);
      });
    });
  }

  // A few panels of the right operand over some rows stay in the first cache while all columns of
  // the left operand pass; the tiles of the sum are read and written once per such block.
  void emitOuter() {
    constexpr int64_t kBlockRows = 64; // 6 panels of 64 rows: 24 KiB
    int left = module.rowBuffer(sum.getLeft());
    int right = module.rowBuffer(sum.getRight());
    int vectors = f.context.target.tileVectors;
    int64_t rightPanels = f.context.panels(target.columns);
    f.loop(f.rowBegin, f.rowEnd, kBlockRows, [&](Value block) {
      Value count = f.min(f.sub(f.rowEnd, block), f.index(kBlockRows));
      auto group = [&](Value firstPanel, int groupVectors) {
        Value rightRows = f.at(f.at(f.pointer(right), f.mul(firstPanel, f.panelStride(right))),
                               f.mul(block, width));
        f.loop(f.tileBegin, f.tileEnd, 1, [&](Value leftPanel) {
          Value leftRows = f.at(f.at(f.pointer(left), f.mul(leftPanel, f.panelStride(left))),
                                f.mul(block, width));
          emitLeftPanel(leftPanel, leftRows, rightRows, right, count, firstPanel, groupVectors);
        });
      };
      f.loop(f.index(0), f.index(rightPanels / vectors * vectors), vectors,
             [&](Value first) { group(first, vectors); });
      if (int64_t rest = rightPanels % vectors)
        group(f.index(rightPanels - rest), static_cast<int>(rest));
    });
  }

  void emitLeftPanel(Value leftPanel, Value leftRows, Value rightRows, int right, Value count,
                     Value firstPanel, int vectors) {
    int tileRows = std::min(f.context.target.tileRows, width); // of one panel of the left operand
    std::string outer = module.getContractions().outer(tileRows, vectors, f.loc);
    // The sum's buffer is padded to whole tiles: those that hang over the last row are computed and
    // ignored.
    Value firstRow = f.mul(leftPanel, width);
    Value rowsLeft = f.min(f.sub(f.index(target.rows), firstRow), f.index(width));
    f.loop(f.index(0), rowsLeft, tileRows, [&](Value m) {
      Value total =
          f.at(f.pointer(target.buffer),
               f.add(f.mul(f.add(firstRow, m), target.rowStride), f.mul(firstPanel, width)));
      f.call(outer, {f.at(leftRows, m), rightRows, f.panelStride(right), count, total,
                     f.index(target.rowStride)});
    });
  }

  ModuleEmitter &module;
  cell::AccumulateOp sum;
  PhaseFunction f;
  int width;
  DenseBuffer target;
};

} // namespace

void emitGradients(ModuleEmitter &module, cell::CellOp cell) {
  Rates rates(cell);
  for (auto sum : cell.getBody().getOps<cell::AccumulateOp>()) {
    bool isSequence = rates.of(sum.getLeft()) == Rate::Sequence;
    std::string name = module.uniqueName(isSequence ? "gradient_sequence" : "gradient");
    int64_t tiles = GradientEmitter(module, sum, name).emit();
    bool mixes = !isSequence && sum.getRight() && rates.of(sum.getRight()) == Rate::Sequence;
    module.addPhase({name, isSequence ? CELLWRIGHT_GRADIENT_SEQUENCE : CELLWRIGHT_GRADIENT,
                     static_cast<int32_t>(tiles), mixes, false});
  }
}

} // namespace cellwright
