// RUN: cell-opt %s -cell-save-or-recompute -split-input-file | FileCheck %s

// What costs is saved, what does not is computed again from it.
// CHECK-LABEL: @tanh_and_square
cell.cell @tanh_and_square {
  %x = cell.input "x" : !cell.tensor<4>
  %h = cell.state "h" : !cell.tensor<4>
  %t = cell.map "tanh"(%x) : (!cell.tensor<4>) -> !cell.tensor<4>
  %s = cell.map "mul"(%t, %t) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.map "mul"(%s, %h) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %y : !cell.tensor<4>
  // CHECK: cell.next
  // CHECK: %[[T:.*]] = cell.saved
  // CHECK: %[[S:.*]] = cell.map "mul"(%[[T]], %[[T]])
  // CHECK: %[[DY:.*]] = cell.adjoint_next
  // CHECK: %[[DH:.*]] = cell.map "mul"(%[[DY]], %[[S]])
  // CHECK: cell.adjoint_state "h", %[[DH]]
  %dy = cell.adjoint_next "h" : !cell.tensor<4>
  %dh = cell.map "mul"(%dy, %s) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %ds = cell.map "mul"(%dy, %t) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.adjoint_state "h", %dh : !cell.tensor<4>
  cell.adjoint_input "x", %ds : !cell.tensor<4>
}

// -----

// A sum of two things that nothing else reads costs one tape entry, its terms would cost two.
// CHECK-LABEL: @cheaper_saved
cell.cell @cheaper_saved {
  %x = cell.input "x" : !cell.tensor<4>
  %h = cell.state "h" : !cell.tensor<4>
  %t = cell.map "tanh"(%x) : (!cell.tensor<4>) -> !cell.tensor<4>
  %e = cell.map "exp"(%h) : (!cell.tensor<4>) -> !cell.tensor<4>
  // CHECK: %[[S:.*]] = cell.map "add"
  %s = cell.map "add"(%t, %e) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.map "mul"(%s, %h) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %y : !cell.tensor<4>
  // CHECK: cell.saved %[[S]]
  // CHECK-NOT: cell.saved
  %dy = cell.adjoint_next "h" : !cell.tensor<4>
  %dh = cell.map "mul"(%dy, %s) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.adjoint_state "h", %dh : !cell.tensor<4>
}

// -----

// Inputs, states and what changes with parameters alone are at hand: nothing is saved.
// CHECK-LABEL: @no_sources
cell.cell @no_sources {
  %x = cell.input "x" : !cell.tensor<4>
  %h = cell.state "h" : !cell.tensor<4>
  %b = cell.param "b" : !cell.tensor<4>
  %e = cell.map "exp"(%b) : (!cell.tensor<4>) -> !cell.tensor<4>
  %p = cell.map "mul"(%h, %e) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.map "mul"(%p, %x) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %y : !cell.tensor<4>
  // CHECK-NOT: cell.saved
  %dy = cell.adjoint_next "h" : !cell.tensor<4>
  %dp = cell.map "mul"(%dy, %x) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %dh = cell.map "mul"(%dp, %e) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.adjoint_state "h", %dh : !cell.tensor<4>
}
