// See step_emitter.h. The phases are called with tables on the stack that hold distances from the
// memory: once they are inlined, nothing is left of the tables.
#include "codegen/emit/step_emitter.h"

#include "codegen/emit/phase_function.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace cellwright {

namespace {

constexpr int64_t kLineBytes = 64; // of a cache line, and of the widest vector

class StepEmitter {
public:
  StepEmitter(ModuleOp module, const KernelDescription &kernel, const Target &target,
              const std::vector<std::vector<std::byte>> &weights)
      : context{module, target, kernel.isDouble}, kernel(kernel), weights(weights),
        loc(module.getLoc()) {
    placeBuffers();
  }

  StepFunctions emit(const std::string &prefix);

private:
  int64_t elementBytes() const { return kernel.isDouble ? 8 : 4; }
  int64_t reserve(int64_t elements);
  int64_t rowElements(int64_t columns) const;
  void placeBuffers();
  void makeConstants(const std::string &prefix);

  FunctionBuilder begin(const std::string &name, int pointers);
  Value alignedMemory(FunctionBuilder &f);
  Value pointerTo(FunctionBuilder &f, int buffer, Value memory, Value params);
  Value makeTable(FunctionBuilder &f, Value memory, Value params);
  void runStage(FunctionBuilder &f, cellwright_stage stage, Value table);
  void copy(FunctionBuilder &f, Value from, Value to, int64_t elements);
  void clearRows(FunctionBuilder &f, Value memory);
  void emitInit(const std::string &name);
  void emitReset(const std::string &name);
  void emitCopyStates(const std::string &name, bool isSet);
  void emitStepFunction(const std::string &name);
  void emitStepOf(const std::string &name, const std::string &step);
  Value outputPointer(FunctionBuilder &f, Value memory);

  EmissionContext context;
  const KernelDescription &kernel;
  const std::vector<std::vector<std::byte>> &weights;
  Location loc;
  std::vector<int64_t> offsets;       // of each buffer in the memory, in elements; -1: elsewhere
  std::vector<std::string> constants; // the module's constant that holds a buffer, or empty
  int64_t rowsEnd = 0;                // rows stand before the weights
  int64_t elements = 0;
};

//===-- Memory --------------------------------------------------------------------------------===//

int64_t StepEmitter::reserve(int64_t count) {
  int64_t line = kLineBytes / elementBytes();
  int64_t offset = elements;
  elements += (count + line - 1) / line * line;
  return offset;
}

/// Elements of a row: whole panels, or a scalar.
int64_t StepEmitter::rowElements(int64_t columns) const {
  return columns == 0 ? 1 : context.panels(columns) * context.width();
}

/// Rows first, then what is computed once per update. A parameter is only read where `init` gets
/// it, but for scalars, which phases read as they are.
void StepEmitter::placeBuffers() {
  offsets.assign(kernel.buffers.size(), -1);
  constants.resize(kernel.buffers.size());
  auto isUpdate = [](const BufferDescription &buffer) {
    return buffer.lifetime == CELLWRIGHT_UPDATE;
  };
  for (auto [i, buffer] : llvm::enumerate(kernel.buffers))
    if (!isUpdate(buffer) &&
        !(buffer.role == CELLWRIGHT_INPUT && kernel.inputs[buffer.index].isIndex))
      offsets[i] = reserve(rowElements(buffer.columns));
  rowsEnd = elements;
  if (!weights.empty())
    return;
  for (auto [i, buffer] : llvm::enumerate(kernel.buffers))
    if (isUpdate(buffer) &&
        (buffer.role != CELLWRIGHT_PARAM || kernel.params[buffer.index].rank == 0))
      offsets[i] = reserve(buffer.elements);
}

void StepEmitter::makeConstants(const std::string &prefix) {
  OpBuilder b = OpBuilder::atBlockEnd(ModuleOp(context.module).getBody());
  Type element = kernel.isDouble ? Type(b.getF64Type()) : Type(b.getF32Type());
  for (auto [i, bytes] : llvm::enumerate(weights)) {
    if (bytes.empty())
      continue;
    auto count = static_cast<int64_t>(bytes.size()) / elementBytes();
    auto contents = DenseElementsAttr::getFromRawBuffer(
        RankedTensorType::get({count}, element),
        ArrayRef(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
    constants[i] = prefix + "_weights_" + std::to_string(i);
    LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(element, count), /*isConstant=*/true,
                           LLVM::Linkage::Internal, constants[i], contents, kLineBytes);
  }
}

//===-- Parts of functions --------------------------------------------------------------------===//

FunctionBuilder StepEmitter::begin(const std::string &name, int pointers) {
  SmallVector<Type> arguments(pointers, LLVM::LLVMPointerType::get(loc.getContext()));
  return FunctionBuilder(context, name, arguments, /*isInternal=*/false, loc);
}

/// The first address in the memory that a line begins at.
Value StepEmitter::alignedMemory(FunctionBuilder &f) {
  Value address = LLVM::PtrToIntOp::create(f.b, loc, f.b.getI64Type(), f.argument(0));
  Value up = f.sub(f.index(0), address);
  Value distance = arith::AndIOp::create(f.b, loc, up, f.index(kLineBytes - 1));
  return LLVM::GEPOp::create(f.b, loc, f.pointerType(), f.b.getI8Type(), f.argument(0),
                             ArrayRef<LLVM::GEPArg>{distance});
}

/// Where a buffer stands; null if no function here reads it. `params` are those of `init`, which
/// has no inputs; null in a step.
Value StepEmitter::pointerTo(FunctionBuilder &f, int buffer, Value memory, Value params) {
  const BufferDescription &info = kernel.buffers[buffer];
  if (!constants[buffer].empty())
    return LLVM::AddressOfOp::create(f.b, loc, f.pointerType(), constants[buffer]);
  if (info.role == CELLWRIGHT_PARAM && params) {
    int64_t before = 0;
    for (const ParamDescription &param : ArrayRef(kernel.params).take_front(info.index))
      before += int64_t{param.rows} * param.columns;
    return f.at(params, before);
  }
  if (info.role == CELLWRIGHT_INPUT && kernel.inputs[info.index].isIndex && !params)
    return f.argument(1 + info.index);
  if (offsets[buffer] < 0)
    return LLVM::ZeroOp::create(f.b, loc, f.pointerType());
  return f.at(memory, offsets[buffer]);
}

Value StepEmitter::makeTable(FunctionBuilder &f, Value memory, Value params) {
  auto count = static_cast<int64_t>(kernel.buffers.size());
  auto type = LLVM::LLVMArrayType::get(bufferStruct(f.b.getContext()), count);
  Value table = LLVM::AllocaOp::create(f.b, loc, f.pointerType(), type, f.index(1), 8);
  for (int i = 0; i < count; ++i) {
    auto field = [&](int number) {
      return LLVM::GEPOp::create(f.b, loc, f.pointerType(), type, table,
                                 ArrayRef<LLVM::GEPArg>{0, i, number});
    };
    LLVM::StoreOp::create(f.b, loc, pointerTo(f, i, memory, params), field(0));
    LLVM::StoreOp::create(f.b, loc, f.index(context.width()), field(1)); // one row a panel
  }
  return table;
}

/// Calls the phases of a stage for one row and all of their tiles.
void StepEmitter::runStage(FunctionBuilder &f, cellwright_stage stage, Value table) {
  LLVM::LLVMStructType type = callStruct(f.b.getContext());
  for (const PhaseDescription &phase : kernel.phases) {
    if (phase.stage != stage)
      continue;
    Value call = LLVM::AllocaOp::create(f.b, loc, f.pointerType(), type, f.index(1), 8);
    Value nowhere = LLVM::ZeroOp::create(f.b, loc, f.pointerType());
    Value zero = f.index(0);
    Value fields[] = {zero,
                      f.index(1),
                      zero,
                      f.index(phase.tiles),
                      nowhere,
                      zero,
                      arith::ConstantOp::create(f.b, loc, f.b.getI32IntegerAttr(0))};
    for (auto [number, value] : llvm::enumerate(fields))
      LLVM::StoreOp::create(
          f.b, loc, value,
          LLVM::GEPOp::create(f.b, loc, f.pointerType(), type, call,
                              ArrayRef<LLVM::GEPArg>{0, static_cast<int>(number)}));
    f.call(phase.symbol, {table, call});
  }
}

/// Copies elements of any alignment.
void StepEmitter::copy(FunctionBuilder &f, Value from, Value to, int64_t count) {
  int64_t whole = count / context.width() * context.width();
  f.loop(f.index(0), f.index(whole), context.width(), [&](Value i) {
    LLVM::StoreOp::create(f.b, loc, f.loadUnaligned(f.at(from, i)), f.at(to, i),
                          static_cast<unsigned>(elementBytes()));
  });
  if (whole < count)
    LLVM::MemcpyInlineOp::create(f.b, loc, f.at(to, whole), f.at(from, whole),
                                 f.b.getI64IntegerAttr((count - whole) * elementBytes()),
                                 /*isVolatile=*/false);
}

/// Zeros in all rows: states, and columns beyond the end, which are computed with.
void StepEmitter::clearRows(FunctionBuilder &f, Value memory) {
  Value zero = f.vectors().constant(0);
  f.loop(f.index(0), f.index(rowsEnd), context.width(),
         [&](Value i) { f.store(zero, f.at(memory, i)); });
}

//===-- Functions -----------------------------------------------------------------------------===//

void StepEmitter::emitInit(const std::string &name) {
  FunctionBuilder f = begin(name, weights.empty() ? 2 : 1);
  Value memory = alignedMemory(f);
  clearRows(f, memory);
  if (weights.empty()) {
    Value params = f.argument(1);
    runStage(f, CELLWRIGHT_PREPARE, makeTable(f, memory, params));
    for (auto [i, buffer] : llvm::enumerate(kernel.buffers))
      if (buffer.role == CELLWRIGHT_PARAM && offsets[i] >= 0)
        copy(f, pointerTo(f, static_cast<int>(i), memory, params), f.at(memory, offsets[i]), 1);
  }
  f.finish();
}

void StepEmitter::emitReset(const std::string &name) {
  FunctionBuilder f = begin(name, 1);
  clearRows(f, alignedMemory(f));
  f.finish();
}

void StepEmitter::emitCopyStates(const std::string &name, bool isSet) {
  FunctionBuilder f = begin(name, 2);
  Value memory = alignedMemory(f);
  for (auto [i, buffer] : llvm::enumerate(kernel.buffers)) {
    if (buffer.role != CELLWRIGHT_STATE)
      continue;
    int64_t before = 0;
    for (const VectorDescription &state : ArrayRef(kernel.states).take_front(buffer.index))
      before += state.size;
    Value inside = f.at(memory, offsets[i]), outside = f.at(f.argument(1), before);
    copy(f, isSet ? outside : inside, isSet ? inside : outside, buffer.columns);
  }
  f.finish();
}

Value StepEmitter::outputPointer(FunctionBuilder &f, Value memory) {
  for (auto [i, buffer] : llvm::enumerate(kernel.buffers)) {
    bool isState = buffer.role == CELLWRIGHT_NEXT && buffer.index == kernel.outputState;
    if (isState || (kernel.outputState < 0 && buffer.role == CELLWRIGHT_OUTPUT))
      return f.at(memory, offsets[i]);
  }
  llvm_unreachable("every cell has an output");
}

void StepEmitter::emitStepFunction(const std::string &name) {
  auto inputs = static_cast<int>(kernel.inputs.size());
  FunctionBuilder f = begin(name, inputs + 2);
  Value memory = alignedMemory(f);
  for (auto [i, buffer] : llvm::enumerate(kernel.buffers))
    if (buffer.role == CELLWRIGHT_INPUT && offsets[i] >= 0)
      copy(f, f.argument(1 + buffer.index), f.at(memory, offsets[i]), buffer.columns);
  Value table = makeTable(f, memory, Value());
  for (cellwright_stage stage : {CELLWRIGHT_FORWARD_SEQUENCE, CELLWRIGHT_FORWARD_BEFORE,
                                 CELLWRIGHT_FORWARD_CORE, CELLWRIGHT_FORWARD_AFTER})
    runStage(f, stage, table);
  copy(f, outputPointer(f, memory), f.argument(1 + inputs), kernel.outputSize);
  for (auto [i, next] : llvm::enumerate(kernel.buffers)) {
    if (next.role != CELLWRIGHT_NEXT)
      continue;
    for (auto [j, state] : llvm::enumerate(kernel.buffers))
      if (state.role == CELLWRIGHT_STATE && state.index == next.index)
        copy(f, f.at(memory, offsets[i]), f.at(memory, offsets[j]), rowElements(next.columns));
  }
  f.finish();
}

/// For callers that do not know the number of inputs when they are compiled.
void StepEmitter::emitStepOf(const std::string &name, const std::string &step) {
  FunctionBuilder f = begin(name, 3);
  SmallVector<Value> arguments{f.argument(0)};
  for (int i = 0; i < static_cast<int>(kernel.inputs.size()); ++i) {
    Value entry = LLVM::GEPOp::create(f.b, loc, f.pointerType(), f.pointerType(), f.argument(1),
                                      ArrayRef<LLVM::GEPArg>{i});
    arguments.push_back(LLVM::LoadOp::create(f.b, loc, f.pointerType(), entry));
  }
  arguments.push_back(f.argument(2));
  f.call(step, arguments);
  f.finish();
}

StepFunctions StepEmitter::emit(const std::string &prefix) {
  makeConstants(prefix);
  StepFunctions functions{prefix + "_init",
                          prefix + "_reset",
                          prefix + "_set_states",
                          prefix + "_get_states",
                          prefix + "_step",
                          prefix + "_step_of",
                          elements + kLineBytes / elementBytes()};
  emitInit(functions.init);
  emitReset(functions.reset);
  emitCopyStates(functions.setStates, /*isSet=*/true);
  emitCopyStates(functions.getStates, /*isSet=*/false);
  emitStepFunction(functions.step);
  emitStepOf(functions.stepOf, functions.step);
  return functions;
}

} // namespace

StepFunctions emitStep(ModuleOp module, const KernelDescription &kernel, const Target &target,
                       const std::string &prefix,
                       const std::vector<std::vector<std::byte>> &weights) {
  return StepEmitter(module, kernel, target, weights).emit(prefix);
}

Target targetOfSteps(Target target) {
  constexpr int kSums = 8; // the latency of a multiply-add, 4 cycles, times two units
  target.mostRows = 1;
  target.tileVectors = std::max(target.tileVectors, std::min(kSums, target.registers / 2));
  return target;
}

} // namespace cellwright
