// RUN: cell-opt %s -cell-differentiate -canonicalize -split-input-file | FileCheck %s
// RUN: cell-opt %s "-pass-pipeline=builtin.module(cell.cell(cell-differentiate{altered-function=tanh altered-adjoint=dy}))" -split-input-file | FileCheck %s --check-prefix=ALTERED

// The rule of tanh, from its result.
// CHECK-LABEL: @tanh
// ALTERED-LABEL: @tanh
cell.cell @tanh {
  %h = cell.state "h" : !cell.tensor<4>
  // CHECK: %[[Y:.*]] = cell.map "tanh"
  %y = cell.map "tanh"(%h) : (!cell.tensor<4>) -> !cell.tensor<4>
  // CHECK: %[[DY:.*]] = cell.adjoint_next "h"
  // CHECK: %[[YY:.*]] = cell.map "mul"(%[[Y]], %[[Y]])
  // CHECK: %[[D:.*]] = cell.map "sub"(%{{.*}}, %[[YY]])
  // CHECK: %[[DH:.*]] = cell.map "mul"(%[[DY]], %[[D]])
  // CHECK: cell.adjoint_state "h", %[[DH]]
  // ALTERED: %[[DY:.*]] = cell.adjoint_next "h"
  // ALTERED: cell.adjoint_state "h", %[[DY]]
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// A product gives the transposed product, and one sum over all steps for its matrix.
// CHECK-LABEL: @product
cell.cell @product {
  %x = cell.input "x" : !cell.tensor<3>
  %W = cell.param "W" : !cell.tensor<4, 3>
  %y = cell.matmul %W, %x : (!cell.tensor<4, 3>, !cell.tensor<3>) -> !cell.tensor<4>
  // CHECK: %[[DY:.*]] = cell.adjoint_output
  // CHECK-DAG: %[[T:.*]] = cell.transpose
  // CHECK-DAG: %[[DX:.*]] = cell.matmul %[[T]], %[[DY]]
  // CHECK-DAG: %[[DW:.*]] = cell.accumulate %[[DY]], %{{.*}} : (!cell.tensor<4>, !cell.tensor<3>) -> !cell.tensor<4, 3>
  // CHECK-DAG: cell.adjoint_param "W", %[[DW]]
  // CHECK-DAG: cell.adjoint_input "x", %[[DX]]
  cell.output %y : !cell.tensor<4>
}

// -----

// A scalar parameter gets the sum over elements, then over steps.
// CHECK-LABEL: @scalar_parameter
cell.cell @scalar_parameter {
  %h = cell.state "h" : !cell.tensor<4>
  %s = cell.param "s" : !cell.tensor<>
  %y = cell.map "mul"(%h, %s) : (!cell.tensor<4>, !cell.tensor<>) -> !cell.tensor<4>
  // CHECK: %[[SUM:.*]] = cell.over "sum"
  // CHECK: cell.accumulate %[[SUM]] : (!cell.tensor<>) -> !cell.tensor<>
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// What is the same at every step of a sequence gets the sum over its steps.
// CHECK-LABEL: @per_sequence
cell.cell @per_sequence {
  %h = cell.state "h" : !cell.tensor<4>
  %v = cell.input "v" per_sequence : !cell.tensor<4>
  %y = cell.map "mul"(%h, %v) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  // CHECK: %[[SUM:.*]] = cell.over_steps
  // CHECK: cell.adjoint_input "v", %[[SUM]]
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// In a branch that is not taken an adjoint of zero stays zero, where the derivative is infinite too.
// CHECK-LABEL: @guarded
cell.cell @guarded {
  %h = cell.state "h" : !cell.tensor<4>
  %r = cell.map "sqrt"(%h) : (!cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.map "where"(%h, %r, %h) : (!cell.tensor<4>, !cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  // CHECK: %[[HALF:.*]] = cell.map "mul"(%[[DR:.*]], %{{.*}})
  // CHECK: %[[MAGNITUDE:.*]] = cell.map "abs"(%[[DR]])
  // CHECK: cell.map "where"(%[[MAGNITUDE]], %[[HALF]], %[[DR]])
  // CHECK: cell.map "div"
  // CHECK: cell.map "where"
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// No gradient is asked for a frozen parameter or an index.
// CHECK-LABEL: @no_frozen
cell.cell @no_frozen {
  %i = cell.input "i" index : !cell.tensor<3>
  %W = cell.param "W" frozen : !cell.tensor<4, 3>
  %y = cell.matmul %W, %i : (!cell.tensor<4, 3>, !cell.tensor<3>) -> !cell.tensor<4>
  // CHECK-NOT: cell.accumulate
  // CHECK-NOT: cell.adjoint_param
  // CHECK-NOT: cell.adjoint_input
  cell.output %y : !cell.tensor<4>
}

// -----

// A state that nothing reads has an adjoint of zero, not none.
// CHECK-LABEL: @unread_state
cell.cell @unread_state {
  %x = cell.input "x" : !cell.tensor<4>
  %p = cell.state "p" : !cell.tensor<4>
  // CHECK: %[[ZERO:.*]] = cell.broadcast
  // CHECK: cell.adjoint_state "p", %[[ZERO]]
  cell.next "p", %x : !cell.tensor<4>
}
