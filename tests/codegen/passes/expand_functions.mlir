// RUN: cell-opt %s -cell-expand-functions -split-input-file | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: cell-opt %s "-pass-pipeline=builtin.module(cell.cell(cell-expand-functions{only-without-adjoint=true}))" -split-input-file | FileCheck %s --check-prefixes=CHECK,FEW
// RUN: cell-opt %s "-pass-pipeline=builtin.module(cell.cell(cell-expand-functions{training=true}))" -split-input-file | FileCheck %s --check-prefixes=CHECK,TRAINING

// A function with an adjoint of its own waits until that is taken.
// CHECK-LABEL: @silu
cell.cell @silu {
  %h = cell.state "h" : !cell.tensor<4>
  // ALL: %[[S:.*]] = cell.map "sigmoid"(%[[H:[0-9]+]])
  // ALL: cell.map "mul"(%[[H]], %[[S]])
  // FEW: cell.map "silu"
  %a = cell.map "silu"(%h) : (!cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %a : !cell.tensor<4>
}

// -----

// One without goes at once, and what its expansion needs with it.
// CHECK-LABEL: @mean
cell.cell @mean {
  %h = cell.state "h" : !cell.tensor<4>
  // CHECK: %[[SUM:.*]] = cell.over "sum"
  // CHECK: %[[FOUR:.*]] = cell.constant 4.000000e+00
  // CHECK: cell.map "div"(%[[SUM]], %[[FOUR]])
  %m = cell.over "mean"(%h) : (!cell.tensor<4>) -> !cell.tensor<>
  %a = cell.map "mul"(%h, %m) : (!cell.tensor<4>, !cell.tensor<>) -> !cell.tensor<4>
  cell.next "h", %a : !cell.tensor<4>
}

// -----

// Dropout draws in training and is nothing at evaluation; the site of the draw is the function's.
// CHECK-LABEL: @dropout
cell.cell @dropout {
  %h = cell.state "h" : !cell.tensor<4>
  %p = cell.constant 0.5 : !cell.tensor<>
  // TRAINING: cell.random "uniform"() site 7
  // TRAINING: cell.map "where"
  // FEW-NOT: cell.random
  // ALL-NOT: cell.random
  %a = cell.random "dropout"(%h, %p) site 7 : (!cell.tensor<4>, !cell.tensor<>) -> !cell.tensor<4>
  cell.next "h", %a : !cell.tensor<4>
}

// -----

// A primitive is left to emission.
// CHECK-LABEL: @no_primitive
cell.cell @no_primitive {
  %h = cell.state "h" : !cell.tensor<4>
  // CHECK: cell.map "tanh"
  %a = cell.map "tanh"(%h) : (!cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %a : !cell.tensor<4>
}
