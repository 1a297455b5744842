// Cuts the operations of each stage into phases. Every operation gets a level: even levels are
// swept by tiles of rows and columns, odd ones row by row, which is what reductions need; a level
// begins when a whole vector of the one before must be complete. Operations of one level on vectors
// of one size make one phase.
#include "codegen/passes/passes.h"

#include "codegen/costs.h"
#include "codegen/stage_analysis.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <map>
#include <tuple>

namespace cellwright {
#define GEN_PASS_DEF_FORMPHASES
#include "codegen/passes/passes.h.inc"
} // namespace cellwright

using namespace mlir;

namespace cellwright {

namespace {

bool isOver(Operation *op, std::initializer_list<llvm::StringLiteral> functions) {
  auto over = dyn_cast<cell::OverOp>(op);
  return over && llvm::is_contained(functions, over.getFunction());
}
bool isReduction(Operation *op) { return isOver(op, {"sum", "largest"}); }
bool isScan(Operation *op) { return isOver(op, {"cumsum", "cumsum_reverse"}); }

/// Operations that may follow one that moves to a later phase: `t * (1 - t)` takes one along.
constexpr int kMostFollowers = 4;

/// Contractions of a phase: a tile of each of them stands on the stack.
constexpr int kMostContractions = 64;

/// What the phases of a stage are ordered and told apart by.
struct PhaseKey {
  int level = 0;
  int64_t columns = 0;
  int scan = 0; // a scan has a phase of its own
  int part = 0; // of a phase that would have too many contractions
  auto operator<=>(const PhaseKey &) const = default;
};

class PhaseFormer {
public:
  explicit PhaseFormer(cell::CellOp cell)
      : cell(cell), block(cell.getBody().front()), stages(cell) {}

  void run() {
    moveCheapToUsers();
    copyForSinks();
    copyForCompleteVectors();
    stages = StageAnalysis(cell);
    for (const auto &[op, stage] : copies)
      stages.assign(op, stage);
    std::map<cellwright_stage, SmallVector<Operation *>> byStage;
    for (Operation &op : block)
      if (stages.isScheduled(&op) && !isMadeAnywhere(&op))
        byStage[stages.of(&op)].push_back(&op);
    for (auto &[stage, ops] : byStage)
      formStage(stage, ops);
    eraseDead();
    // Phases were appended: what reads them follows.
    sortTopologically(&block);
  }

private:
  //===-- Where cheap operations are done -----------------------------------------------------===//

  /// Cheap operations on nothing but what is in memory anyway, and on each other: any stage can do
  /// them.
  llvm::DenseSet<Operation *> findFree() const {
    llvm::DenseSet<Operation *> free;
    auto isAtHand = [&](Value value) {
      Operation *op = value.getDefiningOp();
      return (!stages.isScheduled(op) && !isa<cell::AdjointNextOp>(op)) || free.contains(op);
    };
    for (Operation &op : block)
      if (stages.isScheduled(&op) && isCheap(&op) && llvm::all_of(op.getOperands(), isAtHand))
        free.insert(&op);
    return free;
  }

  /// A free operation is done where its result is read: users in other stages get a copy. From the
  /// last to the first, so that chains move whole.
  void moveCheapToUsers() {
    llvm::DenseSet<Operation *> free = findFree();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      if (!free.contains(&op) || isMadeAnywhere(&op))
        continue;
      llvm::MapVector<int, SmallVector<OpOperand *>> usesByStage;
      for (OpOperand &use : op.getResult(0).getUses()) {
        Operation *user = use.getOwner();
        if (stages.isScheduled(user) && stages.of(user) != stages.of(&op) &&
            readsInPlace(user, use))
          usesByStage[stages.of(user)].push_back(&use);
      }
      for (auto &[stage, uses] : usesByStage) {
        OpBuilder builder(&op);
        Operation *copy = builder.clone(op);
        stages.assign(copy, static_cast<cellwright_stage>(stage));
        copies[copy] = static_cast<cellwright_stage>(stage);
        for (OpOperand *use : uses)
          use->set(copy->getResult(0));
      }
      if (op.use_empty())
        op.erase();
    }
  }

  /// False for operands that must be complete vectors in memory.
  static bool readsInPlace(Operation *user, const OpOperand &use) {
    if (auto contract = dyn_cast<cell::ContractOp>(user))
      return use.get() == contract.getAddend() &&
             !llvm::is_contained(contract.getVectors(), use.get());
    return !isa<cell::WindowOp>(user);
  }

  //===-- Sinks -------------------------------------------------------------------------------===//

  /// The stage that must make the operand of a sink, if any.
  static std::optional<cellwright_stage> stageForSink(Operation *op) {
    if (isa<cell::AdjointStateOp>(op))
      return CELLWRIGHT_BACKWARD_CORE;
    return std::nullopt;
  }

  /// The stage of a copy for a sink whose operand no phase makes.
  static cellwright_stage stageOfCopy(Operation *op, bool isSequence) {
    if (isa<cell::NextOp>(op))
      return CELLWRIGHT_FORWARD_CORE;
    if (isa<cell::OutputOp>(op))
      return CELLWRIGHT_FORWARD_AFTER;
    if (isa<cell::AdjointStateOp>(op))
      return CELLWRIGHT_BACKWARD_CORE;
    return isSequence ? CELLWRIGHT_BACKWARD_SEQUENCE : CELLWRIGHT_BACKWARD_AFTER;
  }

  bool isSequenceInput(llvm::StringRef name) {
    for (auto input : cell.getBody().getOps<cell::InputOp>())
      if (input.getName() == name)
        return input.getPerSequence();
    return false;
  }

  /// Every sink gets a value of its own that a phase of the right stage makes, by a copy where
  /// needed. The output may share the next value of a state. What later steps left is copied for
  /// sums over rows, which come when it is gone.
  void copyForSinks() {
    SmallVector<Operation *> readers;
    for (Operation &op : block) // first, because the output may share what they get
      if (isa<cell::NextOp>(op))
        readers.push_back(&op);
    for (Operation &op : block)
      if (isa<cell::OutputOp, cell::AdjointStateOp, cell::AdjointInputOp, cell::AccumulateOp>(op))
        readers.push_back(&op);
    llvm::DenseSet<Value> taken;
    for (Operation *op : readers) {
      if (isa<cell::AccumulateOp>(op)) {
        for (OpOperand &operand : op->getOpOperands())
          if (auto stage = stageOfCopyForSum(operand.get()))
            operand.set(copy(operand.get(), op, *stage));
        continue;
      }
      Value value = op->getOperand(op->getNumOperands() - 1);
      bool isShared =
          isa<cell::OutputOp>(op) &&
          llvm::any_of(value.getUsers(), [](Operation *user) { return isa<cell::NextOp>(user); });
      if (isShared)
        continue;
      auto input = dyn_cast<cell::AdjointInputOp>(op);
      auto required = stageForSink(op);
      bool fits =
          stages.isScheduled(value.getDefiningOp()) && !isMadeAnywhere(value.getDefiningOp()) &&
          !taken.contains(value) && !(isa<cell::AdjointStateOp>(op) && isReadAfterStep(value)) &&
          (!required || stages.ofValue(value) == *required) &&
          !(isa<cell::OutputOp>(op) && stages.ofValue(value) == CELLWRIGHT_FORWARD_SEQUENCE) &&
          !(isa<cell::NextOp>(op) && stages.ofValue(value) == CELLWRIGHT_FORWARD_SEQUENCE);
      if (!fits) {
        value = copy(value, op, stageOfCopy(op, input && isSequenceInput(input.getName())));
        op->setOperand(op->getNumOperands() - 1, value);
      }
      taken.insert(value);
    }
  }

  /// What goes to the step before is overwritten two steps later.
  bool isReadAfterStep(Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return isa<cell::AccumulateOp, cell::AdjointInputOp>(user) ||
             (stages.isScheduled(user) && stages.of(user) != CELLWRIGHT_BACKWARD_CORE);
    });
  }

  std::optional<cellwright_stage> stageOfCopyForSum(Value value) const {
    Operation *op = value.getDefiningOp();
    if (isa<cell::AdjointNextOp>(op))
      return CELLWRIGHT_BACKWARD_CORE;
    if (!stages.isScheduled(op) || !isMadeAnywhere(op))
      return std::nullopt;
    return std::max(stages.of(op), CELLWRIGHT_BACKWARD_BEFORE);
  }

  /// Products and windows read a whole vector from memory, where what is made anywhere does not
  /// stand.
  void copyForCompleteVectors() {
    SmallVector<OpOperand *> uses;
    for (Operation &op : block)
      for (OpOperand &use : op.getOpOperands())
        if (isa<cell::ContractOp, cell::WindowOp>(op) && !readsInPlace(&op, use) &&
            stages.isScheduled(use.get().getDefiningOp()) &&
            isMadeAnywhere(use.get().getDefiningOp()))
          uses.push_back(&use);
    for (OpOperand *use : uses)
      use->set(copy(use->get(), use->getOwner(), stages.of(use->get().getDefiningOp())));
  }

  Value copy(Value value, Operation *before, cellwright_stage stage) {
    OpBuilder builder(before);
    auto copied = cell::CopyOp::create(builder, before->getLoc(), value);
    stages.assign(copied, stage);
    copies[copied] = stage;
    return copied;
  }

  //===-- Levels ------------------------------------------------------------------------------===//

  static int nextEven(int level) { return level + level % 2; }
  static int nextOdd(int level) { return level + 1 - level % 2; }

  void formStage(cellwright_stage stage, ArrayRef<Operation *> ops) {
    llvm::DenseMap<Operation *, PhaseKey> keys;
    contractions.clear();
    for (Operation *op : ops) {
      PhaseKey key = keyOf(op, keys);
      key.part = partOf(op, key, keys);
      keys[op] = key;
    }
    sinkToUsers(ops, keys);
    std::map<PhaseKey, SmallVector<Operation *>> groups;
    for (Operation *op : ops)
      groups[keys.at(op)].push_back(op);
    for (auto &[key, members] : groups)
      formPhase(stage, key, members);
  }

  PhaseKey keyOf(Operation *op, const llvm::DenseMap<Operation *, PhaseKey> &keys) {
    Value result = op->getResult(0);
    // Levels at which operands are there: in place, or complete.
    int level = 0;
    for (OpOperand &operand : op->getOpOperands())
      level = std::max(level, levelForOperand(op, operand, keys));
    if (isReduction(op))
      return {nextOdd(level), tensorType(op->getOperand(0)).getNumber(0), 0};
    if (isScan(op))
      return {nextOdd(level), tensorType(result).getNumber(0), ++scans};
    if (isa<cell::ContractOp>(op))
      return {nextEven(level), tensorType(result).getNumber(0), 0};
    if (tensorType(result).isScalar())
      return scalarKey(op, level, keys);
    return {level, tensorType(result).getNumber(0), 0};
  }

  /// Parts of a phase come one after the other: an operation is not in an earlier one than what it
  /// reads in place.
  int partOf(Operation *op, const PhaseKey &key,
             const llvm::DenseMap<Operation *, PhaseKey> &keys) {
    int part = key.part;
    for (Value operand : op->getOperands()) {
      auto found = keys.find(operand.getDefiningOp());
      if (found != keys.end() && found->second.level == key.level &&
          found->second.columns == key.columns)
        part = std::max(part, found->second.part);
    }
    if (isa<cell::ContractOp>(op))
      part = std::max(part, contractions[{key.level, key.columns}]++ / kMostContractions);
    return part;
  }

  int levelForOperand(Operation *op, OpOperand &operand,
                      const llvm::DenseMap<Operation *, PhaseKey> &keys) const {
    Value value = operand.get();
    if (auto broadcast = value.getDefiningOp<cell::BroadcastOp>())
      value = broadcast.getScalar();
    auto found = keys.find(value.getDefiningOp());
    if (found == keys.end())
      return 0; // from another stage: in memory
    const PhaseKey &key = found->second;
    bool isVector = tensorType(value).isVector();
    bool inPlace = readsInPlace(op, operand) && isVector && key.scan == 0;
    if (isScan(op) || !inPlace)
      return isVector || !tensorType(op->getResult(0)).isScalar() || isReduction(op) ? key.level + 1
                                                                                     : key.level;
    // A reduction sweeps rows: what tiles make must be complete.
    if (isReduction(op) && key.level % 2 == 0)
      return key.level + 1;
    return key.level;
  }

  /// A scalar of each row is computed at the end of the row whose reductions it needs, if that is
  /// one phase.
  PhaseKey scalarKey(Operation *op, int level, const llvm::DenseMap<Operation *, PhaseKey> &keys) {
    PhaseKey key{level, 0, 0};
    bool isFound = false;
    for (Value operand : op->getOperands()) {
      auto found = keys.find(operand.getDefiningOp());
      if (found == keys.end() || found->second.level < level)
        continue;
      if (isFound && found->second != key)
        return {level + 1, 0, 0};
      key = found->second;
      isFound = true;
    }
    // At the end of the row, or in a phase of scalars; never within tiles.
    return isFound && (key.level % 2 == 1 || key.columns == 0)
               ? key
               : PhaseKey{isFound ? level + 1 : level, 0, 0};
  }

  /// True if `reader` may move to a later phase without an operand being stored for it alone: the
  /// operand is stored anyway, or it can follow, with up to `depth` more behind it.
  bool isFreeAt(const PhaseKey &target, Value operand, Operation *reader,
                const llvm::DenseMap<Operation *, PhaseKey> &keys, int depth) const {
    Operation *op = operand.getDefiningOp();
    auto found = keys.find(op);
    if (found == keys.end() || tensorType(operand).isScalar() || found->second == target)
      return true;
    bool isAlone = true; // nobody else reads it in its phase
    for (Operation *user : operand.getUsers()) {
      auto other = keys.find(user);
      bool isHere = other != keys.end() && other->second == found->second;
      bool isThere = other != keys.end() && other->second == target;
      if (user == reader || isThere)
        continue;
      if (!isHere)
        return true; // stored for this one
      isAlone = false;
    }
    return isAlone && depth > 0 && isCheap(op) && found->second.columns == target.columns &&
           llvm::all_of(op->getOperands(),
                        [&](Value next) { return isFreeAt(target, next, op, keys, depth - 1); });
  }

  /// Moves a cheap operation to the phase of its only readers if that stores fewer values than it
  /// saves.
  void sinkToUsers(ArrayRef<Operation *> ops, llvm::DenseMap<Operation *, PhaseKey> &keys) {
    for (Operation *op : llvm::reverse(ops)) {
      if (!isCheap(op) || op->use_empty() || tensorType(op->getResult(0)).isScalar())
        continue;
      std::optional<PhaseKey> target;
      bool isMovable = true;
      for (OpOperand &use : op->getResult(0).getUses()) {
        auto found = keys.find(use.getOwner());
        isMovable &= found != keys.end() && readsInPlace(use.getOwner(), use) &&
                     found->second.scan == 0 && found->second.columns == keys.at(op).columns &&
                     (!target || *target == found->second);
        if (isMovable)
          target = found->second;
      }
      if (!isMovable || *target == keys.at(op))
        continue;
      bool isFree = llvm::all_of(op->getOperands(), [&](Value operand) {
        return isFreeAt(*target, operand, op, keys, kMostFollowers);
      });
      if (isFree)
        keys[op] = *target;
    }
  }

  //===-- Phases ------------------------------------------------------------------------------===//

  void formPhase(cellwright_stage stage, const PhaseKey &key, ArrayRef<Operation *> members) {
    llvm::SetVector<Operation *> inside(members.begin(), members.end());
    SmallVector<Value> results;
    for (Operation *op : members)
      if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !inside.contains(user); }))
        results.push_back(op->getResult(0));
    OpBuilder builder(&block, block.end());
    SmallVector<Type> types;
    for (Value value : results)
      types.push_back(value.getType());
    auto phase = cell::PhaseOp::create(builder, members.front()->getLoc(), types,
                                       kStages[stage].name, key.columns);
    Block &body = phase.getBody().emplaceBlock();
    for (auto [value, result] : llvm::zip_equal(results, phase.getResults()))
      value.replaceUsesWithIf(result,
                              [&](OpOperand &use) { return !inside.contains(use.getOwner()); });
    for (Operation *op : members)
      op->moveBefore(&body, body.end());
    cloneAnywhere(body);
    builder.setInsertionPointToEnd(&body);
    SmallVector<Value> yielded;
    for (Value value : results)
      yielded.push_back(value);
    for (Value &value : yielded)
      if (auto copied = value.getDefiningOp<cell::CopyOp>())
        value = copied.getOperand();
    cell::YieldOp::create(builder, phase.getLoc(), yielded);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
      if (isa<cell::CopyOp>(op) && op.use_empty())
        op.erase();
  }

  /// Constants spread over a vector and random numbers are made in every phase that reads them.
  void cloneAnywhere(Block &body) {
    llvm::DenseMap<Operation *, Operation *> clones;
    for (Operation &op : llvm::make_early_inc_range(body))
      for (OpOperand &operand : op.getOpOperands()) {
        Operation *definition = operand.get().getDefiningOp();
        if (definition->getBlock() != &block || !stages.isScheduled(definition) ||
            !isMadeAnywhere(definition))
          continue;
        Operation *&clone = clones[definition];
        if (!clone) {
          OpBuilder builder(&body, body.begin());
          clone = builder.clone(*definition);
        }
        operand.set(clone->getResult(0));
      }
  }

  void eraseDead() {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && stages.isScheduled(&op))
        op.erase();
  }

  cell::CellOp cell;
  Block &block;
  StageAnalysis stages;
  llvm::MapVector<Operation *, cellwright_stage> copies;
  std::map<std::pair<int, int64_t>, int> contractions; // of a stage, by level and columns
  int scans = 0;
};

class FormPhasesPass : public impl::FormPhasesBase<FormPhasesPass> {
public:
  void runOnOperation() override { PhaseFormer(getOperation()).run(); }
};

} // namespace
} // namespace cellwright
