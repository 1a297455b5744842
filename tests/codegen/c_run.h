// Cells as C sources, compiled by the C compiler and run in this program.
#pragma once

#include "support.h"

#include "codegen/aot/c_writer.h"
#include "tests/support/temporary_folder.h"

#include <memory>
#include <string>
#include <vector>

namespace cellwright {

/// Facts for a cell as `options` has it; with a way back, random functions draw.
AotFacts cFactsOf(const TestCell &cell, const std::string &name, const CompileOptions &options);

/// Several C sources as one library, loaded while the object lives.
class CLibrary {
public:
  CLibrary() = default;
  ~CLibrary();
  CLibrary(const CLibrary &) = delete;
  CLibrary &operator=(const CLibrary &) = delete;

  void add(const Cell &cell, const AotFacts &facts, const CSource &source);
  /// Compiles and loads all. What the compiler says: nothing if it is content.
  std::string build(const std::string &flags = "-std=c99 -Wall -Wextra -pedantic -Werror -O1");
  /// The function or variable of a name. Fails the test if there is none.
  void *find(const std::string &name) const;

private:
  TemporaryFolder folder;
  std::string files;
  void *handle = nullptr;
};

/// What a call leaves out: nothing, or all but inputs, `dout` and `dparams`.
enum class COmissions { None, All };

/// Runs `NAME_forward` and, with adjoints, `NAME_backward`, as `executeCell` does.
ExecutionResult runC(const CLibrary &library, const TestCell &cell, const AotFacts &facts,
                     const SequenceInput &input, const GivenAdjoints *adjoints,
                     COmissions omissions = COmissions::None);

/// Runs `NAME_step` for each step of each sequence.
SequenceResult stepC(const CLibrary &library, const TestCell &cell, const AotFacts &facts,
                     const SequenceInput &input);

} // namespace cellwright
