// Other implementations of the same cells, run on the same numbers in the same process.
#pragma once

#include "dsl/bind.h"
#include "dsl/cell.h"
#include "dsl/interpreter.h"

#include <memory>
#include <span>
#include <string>

namespace cellwright {

/// A cell by somebody else, ready to run. Element type f32; layouts are its own, made before.
class Peer {
public:
  virtual ~Peer() = default;

  /// All steps, for inference.
  virtual void runForward() = 0;
  /// Forward keeping what backward needs, then backward with the gradients of weights, biases,
  /// inputs and initial states.
  virtual void runBoth() = 0;
  /// False if it has no backward pass.
  virtual bool hasBackward() const { return true; }
  /// The next step of the first sequence, from where the last one ended, with the first step's
  /// input.
  virtual void runStep() {}
  virtual bool hasStep() const { return false; }
  /// Output [T, N, H] of the last forward run: whoever compares speeds compares results first.
  virtual Elements output() const = 0;
};

struct PeerRow {
  std::string name; // with its version
  /// Null if it does not have the cell.
  std::unique_ptr<Peer> (*make)(const Cell &cell, const Bound &bound, const SequenceInput &input,
                                int threads);
};

/// The peers that this program was built with. Throws Error if a module of one is not where it was
/// built.
std::span<const PeerRow> peerRows();

std::unique_ptr<Peer> makePlainPeer(const Cell &, const Bound &, const SequenceInput &,
                                    int threads);
std::unique_ptr<Peer> makeStaticPeer(const Cell &, const Bound &, const SequenceInput &,
                                     int threads);

/// What a module with a peer gives by the name `cellwright_peer`.
using DescribePeer = void (*)(PeerRow *row);

} // namespace cellwright
