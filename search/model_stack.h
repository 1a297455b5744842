// A model as cells: which ones in which layers with which sizes, from their texts to kernels. It is
// above training, which knows kernels only, and below whoever trains: trials and the command line.
// What one gets wrong: checking and sizes cost little and come first; a model whose size does not
// suit is never compiled.
#pragma once

#include "codegen/compile.h"
#include "dsl/frontend.h"
#include "training/sequence_model.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cellwright {

/// What a model is made of.
struct StackDescription {
  std::vector<std::string> cells;  // text of each layer's cell, complete in itself
  std::vector<Setting> dimensions; // of all layers that have them; names are somebody else's
  bool takesSymbols = true;
  int64_t inputSize = 0; // of vectors, or number of symbols
  int64_t outputSize = 0;
  int64_t hidden = 128;  // sizes of the layers' cells that nothing else fixes
  int64_t embedding = 0; // 0: the first layer takes the input as it is
  /// A first layer whose size is that of its input, such as mut1's, gets an embedding of size
  /// `hidden`, counted like all parameters.
  bool embedsIfNeeded = false;
  double dropout = 0;      // between layers, and before the decoder
  bool isResidual = false; // layers above the first add their input
  /// Takes the canonical forms of the cells: cells that are the same share their kernels in the
  /// cache, and their first values. Parameters have other names then, and those that nothing needs
  /// are gone.
  bool isCanonical = false;
  std::string sizeHint; // what to do where sizes do not fit
};

/// One cell of a model, checked and with numbers.
struct SizedCell {
  std::string role; // `layer 0`
  std::shared_ptr<const FoundCell> found;
  std::shared_ptr<const Cell> canonical; // its form, if the stack takes that
  Bound bound;                           // of `cell()`
  int64_t outputSize = 0;

  const Cell &cell() const { return canonical ? *canonical : found->cell(); }
  bool draws() const { return cell().randomCount > 0; }
};

class ModelStack {
public:
  /// Checks all cells and gives them sizes. Throws Error with all problems if one is wrong, has not
  /// exactly one input, or if the sizes do not fit.
  explicit ModelStack(StackDescription description);

  /// Gives the layers another size. Throws Error as the constructor; sizes are then as before.
  void setHidden(int64_t hidden);
  const StackDescription &description() const { return what; }

  /// From the input to the output: embedding, layers, decoder.
  std::span<const SizedCell> cells() const { return sized; }
  std::span<const SizedCell> layers() const;
  const SizedCell *embedding() const { return embeddingCell ? &sized.front() : nullptr; }
  const SizedCell &decoder() const { return sized.back(); }
  /// Numbers of all parameters.
  int64_t paramCount() const;

private:
  bool needsEmbedding() const;

  StackDescription what;
  std::vector<std::shared_ptr<const FoundCell>> layerCells;
  std::shared_ptr<const FoundCell> embeddingCell, decoderCell;
  std::vector<SizedCell> sized;
};

/// The largest hidden size with which a model has at most so many parameters, tried up to
/// `most`. Nothing if even the smallest has more. Some cells do not take every size (`H / 2`): then
/// the largest that they take. The stack has that size afterwards.
std::optional<int64_t> fitHidden(ModelStack &stack, int64_t mostParams, int64_t most = 65536);

/// How a stack is compiled.
struct StackCompileOptions {
  CompileOptions compile; // `isTraining`, `hasBackward` and `indexInputs` are set here
  /// Without it there are no kernels for training.
  bool isForTraining = true;
  /// Called before each cell that is compiled or loaded.
  std::function<void(const std::string &role)> progress = {};
};

/// The kernels of a stack. Cells of the same text and sizes share one, and where nothing draws,
/// training and evaluation do.
class CompiledStack {
public:
  CompiledStack(const ModelStack &stack, const StackCompileOptions &options);

  const SequenceModelKernels &evaluation() const { return evaluationKernels; }
  const std::optional<SequenceModelKernels> &training() const { return trainingKernels; }
  /// Forward flops of a step of one sequence, two per multiply-add of the products.
  double flopsPerStep() const;

private:
  std::map<std::string, std::unique_ptr<CompiledKernel>> kernels;
  SequenceModelKernels evaluationKernels;
  std::optional<SequenceModelKernels> trainingKernels;
};

} // namespace cellwright
