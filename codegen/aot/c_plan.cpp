// See c_plan.h.
#include "codegen/aot/c_plan.h"

#include "codegen/costs.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace cellwright {

static bool isSaved(Operation *op) {
  return llvm::any_of(op->getUsers(), [](Operation *user) { return isa<cell::SavedOp>(user); });
}

static bool isSource(Operation *op) {
  return isa<cell::InputOp, cell::StateOp, cell::ParamOp, cell::ConstantOp, cell::AdjointNextOp,
             cell::AdjointOutputOp, cell::SavedOp>(op);
}

/// True for loops that can be one.
static bool isSameKind(const CLoop &a, const CLoop &b) {
  return a.space == b.space && a.isReverse == b.isReverse && a.forInput == b.forInput;
}

CPlan::CPlan(cell::CellOp cell) : rates(cell) {
  gatherProducts(cell);
  findForward(cell);
  findInputWork(cell);
  SmallVector<Operation *> work = findWork(cell);
  for (Operation *op : work)
    if (isSumOfProducts(op))
      placeSum(op);
    else
      place(op);
  findReadersAtHand(work);
  for (Operation *op : llvm::reverse(work))
    moveToReaders(op);
  // In the order of the cell, in which values come before those that read them.
  for (Operation *op : work)
    parts[static_cast<int>(positions.at(op).part)][positions.at(op).loop].ops.push_back(op);
  for (Operation *op : work)
    if (op->getNumResults() == 1)
      keep(op);
  findReadersAtHand(work);
}

//===-- Sums of products ----------------------------------------------------------------------===//

static bool isSum(Operation *op) {
  auto map = dyn_cast_or_null<cell::MapOp>(op);
  return map && map.getFunction() == "add" && tensorType(map.getValue()).isVector();
}

/// Puts the products with transposed matrices that are added up next to each other: they share one
/// vector to be summed up in, where each would need its own.
void CPlan::gatherProducts(cell::CellOp cell) {
  SmallVector<cell::MapOp> roots;
  for (Operation &op : cell.getBody().front()) {
    bool isPart = op.getNumResults() == 1 && op.getResult(0).hasOneUse() &&
                  isSum(*op.user_begin()) &&
                  op.user_begin()->getResult(0).getType() == op.getResult(0).getType();
    if (isSum(&op) && !isPart)
      roots.push_back(cast<cell::MapOp>(op));
  }
  SmallVector<Operation *> replaced;
  for (cell::MapOp root : roots)
    gatherProducts(root, replaced);
  // Not before all are made: rates are remembered by operation.
  for (Operation *op : replaced)
    op->erase();
}

void CPlan::gatherProducts(cell::MapOp root, SmallVectorImpl<Operation *> &replaced) {
  SmallVector<Value> products, others, work{root.getOperand(1), root.getOperand(0)};
  SmallVector<Operation *> sums{root};
  while (!work.empty()) {
    Value term = work.pop_back_val();
    Operation *op = term.getDefiningOp();
    auto product = dyn_cast<cell::MatMulOp>(op);
    bool isOfStep = rates.of(term) == Rate::Step;
    if (isSum(op) && term.hasOneUse() && term.getType() == root.getValue().getType()) {
      work.push_back(op->getOperand(1));
      work.push_back(op->getOperand(0));
      sums.push_back(op);
    } else if (product && isSummedByRows(product) && term.hasOneUse() && isOfStep) {
      products.push_back(term);
    } else {
      others.push_back(term);
    }
  }
  if (products.size() < 2)
    return;
  OpBuilder builder(root);
  auto add = [&](Value left, Value right) -> Value {
    return cell::MapOp::create(builder, root.getLoc(), "add", ValueRange{left, right});
  };
  Value sum = products[0];
  for (Value product : llvm::drop_begin(products))
    sum = add(sum, product);
  for (Value product : products) {
    productsOf[sum.getDefiningOp()].push_back(product.getDefiningOp());
    sumOfProduct[product.getDefiningOp()] = sum.getDefiningOp();
  }
  Value total = sum;
  for (Value other : others)
    total = add(total, other);
  if (auto label = root->getAttr("label"))
    total.getDefiningOp()->setAttr("label", label);
  root.replaceAllUsesWith(total);
  for (Operation *op : sums) {
    op->dropAllReferences();
    replaced.push_back(op);
  }
}

Value CPlan::sumOf(cell::MatMulOp product) const {
  Operation *sum = sumOfProduct.lookup(product);
  return sum ? sum->getResult(0) : product.getValue();
}

bool CPlan::isFirstOfSum(cell::MatMulOp product) const {
  Operation *sum = sumOfProduct.lookup(product);
  return !sum || llvm::none_of(productsOf.at(sum), [&](Operation *other) {
    return positions.at(other).loop < positions.at(product).loop;
  });
}

/// A sum of products is there when the last of them is.
void CPlan::placeSum(Operation *sum) {
  Position last{partOf(sum), 0};
  for (Operation *product : productsOf.at(sum))
    last.loop = std::max(last.loop, positions.at(product).loop);
  positions.insert({sum, last});
}

/// What is to be computed, in order. A value of which only the shape counts is not.
SmallVector<Operation *> CPlan::findWork(cell::CellOp cell) const {
  SmallVector<Operation *> work;
  llvm::DenseSet<Value> read;
  for (Operation &op : llvm::reverse(cell.getBody().front())) {
    bool isNeeded = op.getNumResults() == 0 || isSaved(&op) || read.contains(op.getResult(0));
    if (!isComputed(&op) || !isNeeded)
      continue;
    work.push_back(&op);
    visitReads(&op, [&](Value value, Access) { read.insert(value); });
  }
  std::reverse(work.begin(), work.end());
  return work;
}

void CPlan::findForward(cell::CellOp cell) {
  for (Operation &op : llvm::reverse(cell.getBody().front())) {
    bool isRead =
        llvm::any_of(op.getUsers(), [&](Operation *user) { return forward.contains(user); });
    if (isRead || isa<cell::NextOp, cell::OutputOp, cell::SavedOp>(op))
      forward.insert(&op);
  }
  for (Operation &op : cell.getBody().front()) {
    auto reads = [&](auto isSum, const llvm::DenseSet<Operation *> &set) {
      return llvm::any_of(op.getOperands(), [&](Value v) {
        return isSum(v.getDefiningOp()) || set.contains(v.getDefiningOp());
      });
    };
    if (reads([](Operation *def) { return isa<cell::OverStepsOp>(def); }, sumsOfSteps))
      sumsOfSteps.insert(&op);
    if (reads([](Operation *def) { return isa<cell::AccumulateOp>(def); }, sumsOfAll))
      sumsOfAll.insert(&op);
  }
}

/// What nothing but the adjoint of one input needs.
void CPlan::findInputWork(cell::CellOp cell) {
  for (Operation &op : llvm::reverse(cell.getBody().front())) {
    if (isa<cell::AdjointInputOp>(op)) {
      inputWork[&op] = &op;
      continue;
    }
    if (op.use_empty() || isa<cell::OverStepsOp, cell::AccumulateOp>(op))
      continue;
    Operation *only = inputWork.lookup(*op.user_begin());
    if (llvm::all_of(op.getUsers(),
                     [&](Operation *user) { return inputWork.lookup(user) == only; }))
      inputWork[&op] = only;
  }
}

bool CPlan::isReadThrough(Operation *op) const {
  return isa<cell::BroadcastOp, cell::WindowOp, cell::TransposeOp>(op) && !isSaved(op);
}

bool CPlan::isSummedByRows(cell::MatMulOp product) const {
  auto transpose = product.getMatrix().getDefiningOp<cell::TransposeOp>();
  if (!transpose || !isReadThrough(transpose) || tensorType(product.getOperand()).isMatrix())
    return false;
  Operation *matrix = transpose.getMatrix().getDefiningOp();
  return !isIndex(product.getOperand()) && (isa<cell::ParamOp>(matrix) || !isReadThrough(matrix));
}

//===-- Parts and loops -----------------------------------------------------------------------===//

CPart CPlan::partOf(Operation *op) const {
  auto byRate = [&](Rate rate) {
    switch (rate) {
    case Rate::Constant:
    case Rate::Update:
      return sumsOfAll.contains(op) ? CPart::Finish : CPart::Prepare;
    case Rate::Sequence:
      return sumsOfSteps.contains(op) ? CPart::EndSequence : CPart::Sequence;
    case Rate::Step:
      return forward.contains(op) ? CPart::Forward : CPart::Backward;
    }
    llvm_unreachable("all rates are named");
  };
  return llvm::TypeSwitch<Operation *, CPart>(op)
      .Case<cell::NextOp, cell::OutputOp>([](auto) { return CPart::Forward; })
      .Case<cell::AdjointStateOp, cell::OverStepsOp>([](auto) { return CPart::Backward; })
      .Case([](cell::AdjointParamOp) { return CPart::Finish; })
      .Case([&](cell::AdjointInputOp sink) {
        for (Operation &other : *op->getBlock())
          if (auto input = dyn_cast<cell::InputOp>(other);
              input && input.getName() == sink.getName())
            return input.getPerSequence() ? CPart::EndSequence : CPart::Backward;
        llvm_unreachable("an adjoint belongs to an input");
      })
      .Case([&](cell::AccumulateOp) {
        bool isOfSequences =
            llvm::all_of(op->getOperands(), [&](Value v) { return rates.of(v) < Rate::Step; });
        bool isOfAny =
            llvm::any_of(op->getOperands(), [&](Value v) { return rates.of(v) == Rate::Sequence; });
        return isOfSequences && isOfAny ? CPart::EndSequence : CPart::Backward;
      })
      .Default([&](Operation *) { return byRate(rates.of(op->getResult(0))); });
}

cell::TensorType CPlan::spaceOf(Operation *op) const {
  auto product = dyn_cast<cell::MatMulOp>(op);
  if (product && isSummedByRows(product))
    return tensorType(product.getOperand());
  bool isOfOperand = op->getNumResults() == 0 || isa<cell::OverOp, cell::AccumulateOp>(op);
  return tensorType(isOfOperand ? op->getOperand(0) : op->getResult(0));
}

bool CPlan::isComputed(Operation *op) const { return !isSource(op) && !isReadThrough(op); }

void CPlan::visitRead(Value value, Access access, Visit visit) const {
  while (isReadThrough(value.getDefiningOp())) {
    value = value.getDefiningOp()->getOperand(0);
    access = Access::AnyPlace;
  }
  if (isComputed(value.getDefiningOp()))
    visit(value, access);
}

void CPlan::visitReads(Operation *op, Visit visit) const {
  if (isa<cell::RandomOp>(op))
    return; // only the operand's shape counts
  if (auto products = productsOf.find(op); products != productsOf.end()) {
    for (Operation *product : products->second)
      visit(product->getResult(0), Access::AnyPlace);
    return;
  }
  bool readsFirst =
      op->getNumResults() == 0 || isa<cell::OverOp, cell::AccumulateOp, cell::OverStepsOp>(op);
  auto product = dyn_cast<cell::MatMulOp>(op);
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    bool isSame = readsFirst && i == 0;
    if (isa<cell::MapOp>(op))
      isSame = operand.getType() == op->getResult(0).getType();
    if (product)
      isSame = i == 1 && isSummedByRows(product);
    visitRead(operand, isSame ? Access::SamePlace : Access::AnyPlace, visit);
  }
}

/// True for results that are there at the end of their loop only.
bool CPlan::isCompleteLater(Operation *op) const {
  if (auto over = dyn_cast<cell::OverOp>(op))
    return over.getFunction() != "cumsum";
  auto product = dyn_cast<cell::MatMulOp>(op);
  return (product && isSummedByRows(product)) || isSumOfProducts(op) ||
         isa<cell::AccumulateOp, cell::OverStepsOp>(op);
}

void CPlan::place(Operation *op) {
  CPart part = partOf(op);
  std::vector<CLoop> &loops = parts[static_cast<int>(part)];
  auto over = dyn_cast<cell::OverOp>(op);
  CLoop wanted{spaceOf(op), over && over.getFunction() == "cumsum_reverse", nullptr, {}};
  if (part == CPart::Backward || part == CPart::EndSequence)
    wanted.forInput = inputWork.lookup(op);
  auto fits = [&](const CLoop &loop) { return isSameKind(loop, wanted); };
  size_t first = 0;
  visitReads(op, [&](Value value, Access access) {
    Operation *made = value.getDefiningOp();
    Position position = positions.at(made);
    if (position.part != part)
      return;
    bool isThere =
        access == Access::SamePlace && !isCompleteLater(made) && fits(loops[position.loop]);
    first = std::max(first, position.loop + (isThere ? 0 : 1));
  });
  while (first < loops.size() && !fits(loops[first]))
    ++first;
  if (first == loops.size())
    loops.push_back(wanted);
  positions.insert({op, {part, first}});
}

/// Calls `visit` with all that read a value, through whatever they read it.
void CPlan::visitReaders(Value value, llvm::function_ref<void(Operation *)> visit) const {
  SmallVector<Value> read{value};
  while (!read.empty())
    for (Operation *reader : read.pop_back_val().getUsers())
      if (isReadThrough(reader))
        read.push_back(reader->getResult(0));
      else if (positions.contains(reader) && !isa<cell::RandomOp>(reader))
        visit(reader);
}

bool CPlan::isReadElsewhere(Operation *op) const {
  bool isElsewhere = isSaved(op);
  visitReaders(op->getResult(0), [&](Operation *reader) { isElsewhere |= !isAtHand(op, reader); });
  return isElsewhere;
}

void CPlan::findReadersAtHand(ArrayRef<Operation *> work) {
  atHand.clear();
  for (Operation *reader : work)
    visitReads(reader, [&](Value value, Access) {
      // The value's own place is that of the state: nothing is left to do for the sink.
      bool isDone = structOf(value) == CStruct::After && nextOf(value) == reader;
      if (isAtHand(value.getDefiningOp(), reader) && !isDone)
        atHand[value].push_back(reader);
    });
}

/// True for an operation that another loop can do as well.
bool CPlan::isMovable(Operation *op) const {
  return op->getNumResults() == 1 && !isCompleteLater(op) && !isSaved(op) &&
         !spaceOf(op).isScalar() && !isa<cell::OverOp>(op) && !sumOfProduct.contains(op);
}

/// How many values of its loop must be kept if an operation leaves it; what nobody else reads can
/// come along. Looks `depth` operations far.
int CPlan::keptWithout(Operation *op, int depth) const {
  int count = 0;
  visitReads(op, [&](Value value, Access) {
    Operation *made = value.getDefiningOp();
    if (!isAtHand(made, op) || isReadElsewhere(made))
      return;
    bool comesAlong = depth > 0 && isMovable(made) && readersAtHand(value).size() == 1;
    count += comesAlong ? keptWithout(made, depth - 1) : 1;
  });
  return count;
}

/// An operation that one later loop alone reads goes there, if it then need not be kept and at most
/// one other value must be instead.
void CPlan::moveToReaders(Operation *op) {
  constexpr int kDepth = 4; // a sum of products and what is multiplied with it
  if (!isMovable(op))
    return;
  Position own = positions.at(op);
  std::vector<CLoop> &loops = parts[static_cast<int>(own.part)];
  std::optional<size_t> target;
  bool canMove = true;
  visitReaders(op->getResult(0), [&](Operation *reader) {
    Position position = positions.at(reader);
    canMove &= position.part == own.part && (!target || *target == position.loop);
    target = position.loop;
    visitReads(reader, [&](Value value, Access access) {
      canMove &= value != op->getResult(0) || access == Access::SamePlace;
    });
  });
  bool canGo = target && canMove && *target != own.loop &&
               isSameKind(loops[own.loop], loops[*target]) && keptWithout(op, kDepth) <= 1;
  if (!canGo)
    return;
  positions[op].loop = *target;
}

//===-- Where values are kept -----------------------------------------------------------------===//

bool CPlan::isAtHand(Operation *op, Operation *reader) const {
  auto made = positions.find(op);
  auto read = positions.find(reader);
  return made != positions.end() && read != positions.end() &&
         made->second.part == read->second.part && made->second.loop == read->second.loop;
}

cell::NextOp CPlan::nextOf(Value value) const {
  // Users are listed from the last to the first.
  cell::NextOp first;
  for (Operation *user : value.getUsers())
    if (auto next = dyn_cast<cell::NextOp>(user))
      first = next;
  return first;
}

cell::AdjointParamOp CPlan::gradientOf(Value value) const {
  if (!value.getDefiningOp<cell::AccumulateOp>() || !value.hasOneUse())
    return {};
  return dyn_cast<cell::AdjointParamOp>(*value.user_begin());
}

CStruct CPlan::homeOf(Operation *op) const {
  switch (positions.at(op).part) {
  case CPart::Prepare:
    return CStruct::Update;
  case CPart::Sequence:
    return CStruct::Sequence;
  case CPart::Forward:
    if (nextOf(op->getResult(0)))
      return CStruct::After;
    return isSaved(op) ? CStruct::Tape : CStruct::Room;
  case CPart::Backward:
  case CPart::EndSequence:
  case CPart::Finish:
    return CStruct::Back;
  }
  llvm_unreachable("all parts are named");
}

void CPlan::keep(Operation *op) {
  Value value = op->getResult(0);
  if (isa<cell::AccumulateOp>(op)) {
    structs[value] = gradientOf(value) ? CStruct::ParamGradients : CStruct::Sums;
    return;
  }
  if (isa<cell::OverStepsOp>(op)) {
    structs[value] = CStruct::Totals;
    return;
  }
  if (sumOfProduct.contains(op))
    return; // in its sum's vector
  auto product = dyn_cast<cell::MatMulOp>(op);
  bool isKept = isSaved(op) || isSumOfProducts(op) || (product && isSummedByRows(product));
  Position own = positions.at(op);
  // A scalar lives to the end of its function, unless it is made in a branch.
  bool outlivesLoop =
      tensorType(value).isScalar() && !parts[static_cast<int>(own.part)][own.loop].forInput;
  visitReaders(value, [&](Operation *reader) {
    bool isElsewhere = positions.at(reader).part != own.part;
    isKept |= isElsewhere || (!isAtHand(op, reader) && !outlivesLoop);
  });
  if (isKept)
    structs[value] = homeOf(op);
}

std::optional<CStruct> CPlan::structOf(Value value) const {
  auto found = structs.find(value);
  return found == structs.end() ? std::nullopt : std::optional(found->second);
}

ArrayRef<Operation *> CPlan::readersAtHand(Value value) const {
  auto found = atHand.find(value);
  return found == atHand.end() ? ArrayRef<Operation *>() : ArrayRef<Operation *>(found->second);
}

} // namespace cellwright
