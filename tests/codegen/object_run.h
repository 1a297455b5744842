// Ahead-of-time objects in a test: linked by the C compiler into a shared library, loaded, and run
// through the functions of their headers on the interpreter's numbers.
#pragma once

#include "codegen/aot/object.h"
#include "codegen/execute.h"
#include "codegen/gradcheck.h"
#include "tests/support/temporary_folder.h"

#include <string>
#include <vector>

namespace cellwright {

/// Several objects in one shared library.
class ObjectLibrary {
public:
  ~ObjectLibrary();

  /// Writes an object to be linked.
  void add(const std::string &name, const CompiledObject &object);
  /// Links and loads. Fails the test with what the compiler says.
  void load();
  /// The function of an object, null if it has none of that name.
  template <typename Function> Function *find(const std::string &symbol) const {
    return reinterpret_cast<Function *>(address(symbol));
  }

private:
  void *address(const std::string &symbol) const;

  TemporaryFolder folder;
  std::string files;
  void *library = nullptr;
};

/// An object with what a caller knows of it from its header.
struct LoadedObject {
  const ObjectLibrary &library;
  const ObjectOptions &options;
  const CompiledObject &object;
  const Cell &cell;
  const Bound &bound;
};

/// Runs whole sequences forward, and backward unless the object is for inference. Work memory is
/// full of NaN before, and of no more alignment than an element's; the test fails if something is
/// written beside it.
ExecutionResult runObject(const LoadedObject &loaded, const GradcheckRun &run);

/// Runs the steps of one sequence, each by a call of its own.
SequenceResult stepObject(const LoadedObject &loaded, const SequenceInput &input);

/// What differs between two results, bit by bit, or nothing.
std::string differenceOf(const SequenceResult &found, const SequenceResult &expected);
std::string differenceOf(const ExecutionResult &found, const ExecutionResult &expected);

} // namespace cellwright
