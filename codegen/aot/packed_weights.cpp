// See packed_weights.h.
#include "codegen/aot/packed_weights.h"

#include "codegen/linked_object.h"
#include "codegen/lower.h"
#include "runtime/memory.h"

#include "llvm/IR/PassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"

#include <algorithm>
#include <cstring>

namespace cellwright {

/// Makes functions that only others need internal, and drops what then nobody needs: of a kernel
/// for another processor only what packs can be compiled for this one quickly.
static void keepOnly(llvm::Module &module, const std::vector<std::string> &names) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && llvm::find(names, function.getName()) == names.end())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  llvm::ModuleAnalysisManager analyses;
  llvm::PassBuilder().registerModuleAnalyses(analyses);
  llvm::GlobalDCEPass().run(module, analyses);
}

PackedWeights packWeights(mlir::ModuleOp emitted, const KernelDescription &kernel,
                          const std::vector<std::vector<std::byte>> &params) {
  std::vector<std::string> symbols;
  for (const PhaseDescription &phase : kernel.phases)
    if (phase.stage == CELLWRIGHT_PREPARE)
      symbols.push_back(phase.symbol);
  llvm::LLVMContext context;
  Target host = *findTarget("native");
  auto module = translateToLlvm(emitted, host, context);
  keepOnly(*module, symbols);
  LinkedObject code(writeObject(*module, host), kernel.name);

  size_t elementBytes = kernel.isDouble ? 8 : 4;
  std::vector<AlignedBytes> memory;
  std::vector<cellwright_buffer> table;
  for (const BufferDescription &buffer : kernel.buffers) {
    bool isUpdate = buffer.lifetime == CELLWRIGHT_UPDATE;
    memory.emplace_back(isUpdate ? buffer.elements * elementBytes : 0);
    table.push_back({memory.back().data(), 0});
    if (isUpdate && buffer.role == CELLWRIGHT_PARAM)
      std::memcpy(memory.back().data(), params[buffer.index].data(), params[buffer.index].size());
  }
  cellwright_call call = {0, 1, 0, 1, nullptr, 0, 0};
  for (const std::string &symbol : symbols)
    code.lookup<cellwright_phase>(symbol)(table.data(), &call);

  PackedWeights packed(kernel.buffers.size());
  for (size_t i = 0; i < packed.size(); ++i) {
    const BufferDescription &buffer = kernel.buffers[i];
    bool isOfPhases = buffer.role == CELLWRIGHT_VALUE ||
                      (buffer.role == CELLWRIGHT_PARAM && kernel.params[buffer.index].rank == 0);
    if (buffer.lifetime == CELLWRIGHT_UPDATE && isOfPhases)
      packed[i].assign(memory[i].data(), memory[i].data() + buffer.elements * elementBytes);
  }
  return packed;
}

} // namespace cellwright
