// The parameters of a compiled cell: own memory or the caller's, and the gradients. What one gets
// wrong: trained ones stand first and frozen ones behind them, so that an optimizer gets all that
// it may change as one array.
#pragma once

#include "runtime/kernel_abi.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cellwright {

template <class T> class ParameterStore {
public:
  /// The kernel must stay.
  explicit ParameterStore(const cellwright_kernel &kernel);

  /// Its number by its name. Throws Error that lists the names.
  int find(std::string_view name) const;
  void initialize(uint64_t seed);
  void set(int param, std::span<const T> values);
  void bind(int param, std::span<const T> values);
  std::span<const T> values(int param) const;
  /// Throws Error for a frozen one.
  std::span<const T> gradient(int param) const;

  std::span<T> trained();
  std::span<const T> trainedGradients() const { return gradients; }

  /// One pointer per parameter, as a Layer takes them. Throws Error if some have no values.
  std::vector<const void *> pointers() const;
  std::vector<void *> gradientPointers();

private:
  struct Entry {
    int64_t begin = 0; // in the own memory; of a trained one in the gradients too
    int64_t count = 0;
    const T *bound = nullptr;
    bool hasValues = false;
  };

  const cellwright_kernel &kernel;
  std::vector<Entry> entries;
  std::vector<T> memory;
  std::vector<T> gradients;

  void checkCount(int param, std::span<const T> values) const;
};

extern template class ParameterStore<float>;
extern template class ParameterStore<double>;

} // namespace cellwright
