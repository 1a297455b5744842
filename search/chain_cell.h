// The cell of ENAS, DARTS and what follows them: nodes that each mix the value of an earlier one
// with an activation of a product of it, and a mean of some of them.
//   c0 = sigmoid(W0c [x, h]), a0 = f0(W0 [x, h]), s0 = h + c0 (a0 - h)
//   ck = sigmoid(Wkc s_p),    ak = fk(Wk s_p),    sk = s_p + ck (ak - s_p)
// No biases (Pham et al. 2018; Liu et al. 2019, `rnn/model.py` of quark0/darts).
#pragma once

#include "dsl/cell.h"

#include <string>
#include <utility>
#include <vector>

namespace cellwright {

struct ChainCell {
  std::string first = "tanh";                     // activation of node 0
  std::vector<std::pair<std::string, int>> nodes; // activation and predecessor of node 1, 2, ...
  std::vector<int> mean;                          // nodes whose mean is the next state

  bool operator==(const ChainCell &) const = default;

  /// Nodes that no other one is made of.
  std::vector<int> looseEnds() const;
  /// Throws Error with what makes this no cell.
  void check() const;
};

/// The functions that nodes may have: tanh, relu, identity, sigmoid, as ENAS numbers them.
const std::vector<std::string> &chainActivations();

/// The cell as a text.
std::string textOfChain(const ChainCell &chain, const std::string &name);

/// The chain of a cell that was written like `textOfChain` does, whatever its names. Throws Error
/// if it is none. Nodes that nothing needs are in no cell, so they are not found again.
ChainCell chainOfCell(const Cell &cell);

} // namespace cellwright
