// How the step of a cell becomes functions of C: which operation stands in which function, in which
// loop of it, and where its value is kept. What one gets wrong: an operation that only reads
// elements of others at other places (a window, a transposed matrix, a scalar spread over a vector)
// is no work of its own; whoever reads it reads through it.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "codegen/rates.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

#include <functional>
#include <optional>
#include <vector>

namespace cellwright {

/// The functions that a step is divided into.
enum class CPart {
  Prepare,     // after parameters changed
  Sequence,    // at the begin of a sequence
  Forward,     // a step
  Backward,    // a step, back
  EndSequence, // at the begin of a sequence, back
  Finish,      // after all sequences
};
inline constexpr int kCParts = 6;

/// Structs that values are kept in; each value has a struct of its own rate and direction.
enum class CStruct { Update, Sequence, Room, Tape, After, Back, Totals, Sums, ParamGradients };

/// Operations that one loop over the elements of a space does.
struct CLoop {
  cell::TensorType space;
  bool isReverse = false;
  mlir::Operation *forInput = nullptr; // the adjoint_input that alone needs it, or null
  std::vector<mlir::Operation *> ops;
};

class CPlan {
public:
  explicit CPlan(cell::CellOp cell);

  const std::vector<CLoop> &loops(CPart part) const { return parts[static_cast<int>(part)]; }

  /// True for an operation that readers read through.
  bool isReadThrough(mlir::Operation *op) const;
  /// True if `reader` reads the value of `op` where it was made: in the same loop, at the same
  /// place.
  bool isAtHand(mlir::Operation *op, mlir::Operation *reader) const;
  /// The struct in which a value stands; nothing for one that lives in its loop, or function, only.
  std::optional<CStruct> structOf(mlir::Value value) const;
  /// Operations of the value's own loop that read it at its place.
  llvm::ArrayRef<mlir::Operation *> readersAtHand(mlir::Value value) const;
  /// The state whose next value this is and where it is kept, or null.
  cell::NextOp nextOf(mlir::Value value) const;
  /// The parameter whose gradient this sum is, and where it is made, or null.
  cell::AdjointParamOp gradientOf(mlir::Value value) const;
  /// A product with a transposed matrix that stands in memory: it is summed row by row of that.
  bool isSummedByRows(cell::MatMulOp product) const;
  /// True for a sum of such products, which they are summed up in together: it is no work.
  bool isSumOfProducts(mlir::Operation *op) const { return productsOf.contains(op); }
  /// Where such a product is summed up: in its own value, or in that of a sum of products.
  mlir::Value sumOf(cell::MatMulOp product) const;
  /// True for the product of a sum that is there before the others.
  bool isFirstOfSum(cell::MatMulOp product) const;

private:
  enum class Access { SamePlace, AnyPlace };
  using Visit = llvm::function_ref<void(mlir::Value, Access)>;

  void gatherProducts(cell::CellOp cell);
  void gatherProducts(cell::MapOp root, llvm::SmallVectorImpl<mlir::Operation *> &replaced);
  void placeSum(mlir::Operation *sum);
  llvm::SmallVector<mlir::Operation *> findWork(cell::CellOp cell) const;
  void findForward(cell::CellOp cell);
  void findInputWork(cell::CellOp cell);
  CPart partOf(mlir::Operation *op) const;
  cell::TensorType spaceOf(mlir::Operation *op) const;
  /// The values that an operation reads and that some operation computes, and how.
  void visitReads(mlir::Operation *op, Visit visit) const;
  void visitRead(mlir::Value value, Access access, Visit visit) const;
  bool isComputed(mlir::Operation *op) const;
  bool isCompleteLater(mlir::Operation *op) const;
  void place(mlir::Operation *op);
  void visitReaders(mlir::Value value, llvm::function_ref<void(mlir::Operation *)> visit) const;
  bool isReadElsewhere(mlir::Operation *op) const;
  void findReadersAtHand(llvm::ArrayRef<mlir::Operation *> work);
  bool isMovable(mlir::Operation *op) const;
  int keptWithout(mlir::Operation *op, int depth) const;
  void moveToReaders(mlir::Operation *op);
  void keep(mlir::Operation *op);
  CStruct homeOf(mlir::Operation *op) const;

  struct Position {
    CPart part;
    size_t loop;
  };

  Rates rates;
  std::vector<CLoop> parts[kCParts];
  llvm::DenseMap<mlir::Operation *, Position> positions;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Operation *, 4>> productsOf; // by sum
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> sumOfProduct;
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> inputWork; // see CLoop::forInput
  llvm::DenseSet<mlir::Operation *> forward, sumsOfSteps, sumsOfAll;
  llvm::DenseMap<mlir::Value, CStruct> structs;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Operation *, 2>> atHand;
};

} // namespace cellwright
