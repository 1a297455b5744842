// The function of a phase: its arguments are the table of buffers and the call. Pointers and
// strides are loaded once, at its start.
#pragma once

#include "codegen/emit/function_builder.h"
#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// cellwright_buffer and cellwright_call of runtime/kernel_abi.h.
mlir::LLVM::LLVMStructType bufferStruct(mlir::MLIRContext *context);
mlir::LLVM::LLVMStructType callStruct(mlir::MLIRContext *context);

class PhaseFunction : public FunctionBuilder {
public:
  PhaseFunction(const EmissionContext &context, llvm::StringRef name, mlir::Location loc);

  Value rowBegin, rowEnd, tileBegin, tileEnd;

  Value pointer(int buffer);
  Value panelStride(int buffer);
  /// Fields of the call that few phases read.
  Value sequences();
  Value step();
  Value isOddStep();
  /// The first counter of a random function: the call's seed mixed with the function's number in
  /// the cell.
  Value mixedSeed(uint32_t site);

private:
  Value atEntry(const std::function<Value()> &make);
  Value bufferField(int buffer, int field);
  std::map<std::pair<int, int>, Value> fields;
  mlir::Operation *entryEnd = nullptr;
};

} // namespace cellwright
