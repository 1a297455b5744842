// Language models of real cells, compiled, for tests.
#pragma once

#include "codegen/compiled_kernel.h"
#include "training/language_model.h"

#include <map>
#include <string>
#include <vector>

namespace cellwright {

/// Kernels of a model: an embedding, some layers and a decoder, for training and for evaluation.
class CompiledModel {
public:
  struct Settings {
    std::vector<std::string> cells; // names of shipped cells, bottom layer first
    int64_t symbols = 7;
    int64_t hidden = 12;
    bool hasEmbedding = false; // of size `hidden`
    bool hasDropout = false;   // of one half, between layers and before the decoder
  };

  explicit CompiledModel(const Settings &settings);

  const SequenceModelKernels &training() const { return trainingKernels; }
  const SequenceModelKernels &evaluation() const { return evaluationKernels; }

private:
  const cellwright_kernel *compile(const std::string &cell, int64_t inputs, int64_t others,
                                   bool isIndex, bool isTraining);
  SequenceModelKernels make(const Settings &settings, bool isTraining);

  std::map<std::string, CompiledKernel> kernels; // by cell, sizes and kind
  SequenceModelKernels trainingKernels, evaluationKernels;
};

} // namespace cellwright
