// One emitted function: pointers, loops, loads and stores in llvm, scf and arith operations.
// Indices are i64 and count elements; addresses are plain pointers, because the kernel ABI is one.
#pragma once

#include "codegen/emit/elements.h"
#include "codegen/target.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <map>

namespace cellwright {

/// What all functions of a module have in common.
struct EmissionContext {
  mlir::ModuleOp module;
  const Target &target;
  bool isDouble = false;

  int width() const { return target.width(isDouble); }
  /// Columns rounded up to whole panels.
  int64_t panels(int64_t columns) const { return (columns + width() - 1) / width(); }
};

class FunctionBuilder {
public:
  using Value = mlir::Value;

  /// Starts `llvm.func @name(arguments)` without result; the insertion point is in its body.
  FunctionBuilder(const EmissionContext &context, llvm::StringRef name,
                  llvm::ArrayRef<mlir::Type> arguments, bool isInternal, mlir::Location loc);
  /// Ends the function.
  void finish();

  Value argument(unsigned i) { return function.getArgument(i); }
  mlir::LLVM::LLVMFuncOp getFunction() { return function; }

  // Integers.
  Value index(int64_t number);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value divide(Value a, int64_t b); // a >= 0
  Value divide(Value a, Value b);
  /// a / b, rounded up.
  Value divideUp(Value a, int64_t b);
  Value divideUp(Value a, Value b);
  Value isLess(Value a, Value b);
  Value isEqual(Value a, Value b);

  // Control.
  using Body = std::function<void(Value)>;
  using CarryBody = std::function<llvm::SmallVector<Value>(Value, mlir::ValueRange)>;
  void loop(Value begin, Value end, int64_t step, const Body &body);
  void loop(Value begin, Value end, Value step, const Body &body);
  llvm::SmallVector<Value> loopCarrying(Value begin, Value end, int64_t step,
                                        mlir::ValueRange initial, const CarryBody &body) {
    return loopCarrying(begin, end, index(step), initial, body);
  }
  llvm::SmallVector<Value> loopCarrying(Value begin, Value end, Value step,
                                        mlir::ValueRange initial, const CarryBody &body);
  void when(Value condition, const std::function<void()> &body);
  Value isNotNull(Value pointer);
  Value select(Value condition, Value yes, Value no);
  /// The values of one of two branches, which have the same types.
  llvm::SmallVector<Value> choose(Value condition,
                                  const std::function<llvm::SmallVector<Value>()> &yes,
                                  const std::function<llvm::SmallVector<Value>()> &no);
  /// The loop whose body is being built.
  mlir::Operation *enclosingLoop() { return b.getInsertionBlock()->getParentOp(); }

  // Memory. `at` moves a pointer by elements of the element type.
  Value at(Value pointer, Value offset);
  Value at(Value pointer, int64_t offset);
  Value loadVector(Value pointer);
  Value loadUnaligned(Value pointer); // a vector at an element's alignment
  Value loadScalar(Value pointer);
  void store(Value value, Value pointer); // a vector at a vector's alignment, or a scalar
  Value loadInteger(Value structure, mlir::Type structureType, int field);
  Value scratch(int64_t elements); // on the stack, aligned for vectors
  void call(llvm::StringRef callee, mlir::ValueRange operands);
  /// Asks for a cache line in the second cache, to be read or written; any address will do.
  void prefetch(Value pointer, bool isWrite = false);

  Value splat(Value scalar);
  mlir::Type elementType() const;
  mlir::Type vectorType() const;
  mlir::Type pointerType() const;
  /// Element-wise code on vectors, or on scalars.
  ElementBuilder vectors() { return {b, loc, vectorType(), context.target.hasFma}; }
  ElementBuilder scalars() { return {b, loc, elementType(), context.target.hasFma}; }

  const EmissionContext &context;
  mlir::OpBuilder b;
  mlir::Location loc;

private:
  mlir::LLVM::LLVMFuncOp function;
  mlir::Block *entry;
};

} // namespace cellwright
