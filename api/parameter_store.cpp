// See parameter_store.h.
#include "api/parameter_store.h"

#include "api/names.h"
#include "runtime/error.h"
#include "training/initializers.h"

#include <algorithm>

namespace cellwright {

template <class T>
ParameterStore<T>::ParameterStore(const cellwright_kernel &kernel)
    : kernel(kernel), entries(static_cast<size_t>(kernel.param_count)) {
  int64_t end = 0;
  auto place = [&](bool isFrozen) {
    for (int p = 0; p < kernel.param_count; ++p) {
      const cellwright_param_info &info = kernel.params[p];
      if ((info.is_frozen != 0) != isFrozen)
        continue;
      entries[p].begin = end;
      entries[p].count = int64_t{info.rows} * info.columns;
      end += entries[p].count;
    }
  };
  place(false);
  gradients.resize(static_cast<size_t>(end));
  place(true);
  memory.resize(static_cast<size_t>(end));
}

template <class T> int ParameterStore<T>::find(std::string_view name) const {
  return findNamed(kernel.name, "parameter", name, kernel.params, kernel.param_count);
}

template <class T> void ParameterStore<T>::initialize(uint64_t seed) {
  for (int p = 0; p < kernel.param_count; ++p) {
    Entry &entry = entries[p];
    if (entry.bound != nullptr)
      continue;
    std::span<T> values(memory.data() + entry.begin, static_cast<size_t>(entry.count));
    cellwright::initialize(kernel.params[p], seed, kernel.params[p].name, values);
    entry.hasValues = true;
  }
}

template <class T> void ParameterStore<T>::checkCount(int param, std::span<const T> values) const {
  const cellwright_param_info &info = kernel.params[param];
  CELLWRIGHT_CHECK(static_cast<int64_t>(values.size()) == entries[param].count,
                   "parameter `{}`: expected {} x {} = {} numbers, got {}", info.name, info.rows,
                   info.columns, entries[param].count, values.size());
}

template <class T> void ParameterStore<T>::set(int param, std::span<const T> values) {
  checkCount(param, values);
  std::copy(values.begin(), values.end(), memory.begin() + entries[param].begin);
  entries[param].bound = nullptr;
  entries[param].hasValues = true;
}

template <class T> void ParameterStore<T>::bind(int param, std::span<const T> values) {
  checkCount(param, values);
  entries[param].bound = values.data();
  entries[param].hasValues = true;
}

template <class T> std::span<const T> ParameterStore<T>::values(int param) const {
  const Entry &entry = entries[param];
  CELLWRIGHT_CHECK(entry.hasValues,
                   "parameter `{}` has no values yet; call initialize, setParam or bind",
                   kernel.params[param].name);
  const T *begin = entry.bound != nullptr ? entry.bound : memory.data() + entry.begin;
  return {begin, static_cast<size_t>(entry.count)};
}

template <class T> std::span<const T> ParameterStore<T>::gradient(int param) const {
  CELLWRIGHT_CHECK(!kernel.params[param].is_frozen, "parameter `{}` is frozen: it has no gradient",
                   kernel.params[param].name);
  return {gradients.data() + entries[param].begin, static_cast<size_t>(entries[param].count)};
}

template <class T> std::span<T> ParameterStore<T>::trained() {
  for (int p = 0; p < kernel.param_count; ++p)
    CELLWRIGHT_CHECK(kernel.params[p].is_frozen || entries[p].bound == nullptr,
                     "parameter `{}` is bound to the caller's memory; update it there and call "
                     "refresh",
                     kernel.params[p].name);
  return {memory.data(), gradients.size()};
}

template <class T> std::vector<const void *> ParameterStore<T>::pointers() const {
  std::string missing;
  for (int p = 0; p < kernel.param_count; ++p)
    if (!entries[p].hasValues)
      missing += fmt::format("{}`{}`", missing.empty() ? "" : ", ", kernel.params[p].name);
  CELLWRIGHT_CHECK(missing.empty(),
                   "parameters without values: {}; call initialize, setParam or bind", missing);
  std::vector<const void *> pointers;
  for (int p = 0; p < kernel.param_count; ++p)
    pointers.push_back(values(p).data());
  return pointers;
}

template <class T> std::vector<void *> ParameterStore<T>::gradientPointers() {
  std::vector<void *> pointers;
  for (int p = 0; p < kernel.param_count; ++p)
    pointers.push_back(kernel.params[p].is_frozen ? nullptr : gradients.data() + entries[p].begin);
  return pointers;
}

template class ParameterStore<float>;
template class ParameterStore<double>;

} // namespace cellwright
