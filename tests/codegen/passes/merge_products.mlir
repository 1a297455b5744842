// RUN: cell-opt %s -cell-merge-products -split-input-file | FileCheck %s

// What the input contributes, with the bias, is done before the recurrence.
// CHECK-LABEL: @by_stage
cell.cell @by_stage {
  // CHECK: %[[X:.*]] = cell.input
  %x = cell.input "x" : !cell.tensor<3>
  // CHECK: %[[H:.*]] = cell.state
  %h = cell.state "h" : !cell.tensor<4>
  // CHECK: %[[W:.*]] = cell.param "W"
  %W = cell.param "W" : !cell.tensor<4, 3>
  // CHECK: %[[U:.*]] = cell.param "U"
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: %[[B:.*]] = cell.param "b"
  %b = cell.param "b" : !cell.tensor<4>
  %0 = cell.matmul %W, %x : (!cell.tensor<4, 3>, !cell.tensor<3>) -> !cell.tensor<4>
  %1 = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %2 = cell.map "add"(%0, %1) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %3 = cell.map "add"(%2, %b) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  // CHECK: %[[BEFORE:.*]] = cell.contract[%[[W]]] * [%[[X]]] + %[[B]]
  // CHECK: %[[CORE:.*]] = cell.contract[%[[U]]] * [%[[H]]] + %[[BEFORE]]
  // CHECK: cell.next "h", %[[CORE]]
  cell.next "h", %3 : !cell.tensor<4>
}

// -----

// Two states in one sum: one contraction.
// CHECK-LABEL: @two_operands
cell.cell @two_operands {
  %h = cell.state "h" : !cell.tensor<4>
  %c = cell.state "c" : !cell.tensor<3>
  %U = cell.param "U" : !cell.tensor<4, 4>
  %V = cell.param "V" : !cell.tensor<4, 3>
  %0 = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %1 = cell.matmul %V, %c : (!cell.tensor<4, 3>, !cell.tensor<3>) -> !cell.tensor<4>
  // CHECK: cell.contract[%{{.*}}, %{{.*}}] * [%{{.*}}, %{{.*}}]
  %2 = cell.map "add"(%0, %1) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %2 : !cell.tensor<4>
  cell.next "c", %c : !cell.tensor<3>
}

// -----

// A state that is added must not be drawn into what is done before the recurrence.
// CHECK-LABEL: @no_state_before
cell.cell @no_state_before {
  // CHECK: %[[X:.*]] = cell.input
  %x = cell.input "x" : !cell.tensor<3>
  // CHECK: %[[H:.*]] = cell.state
  %h = cell.state "h" : !cell.tensor<4>
  %W = cell.param "W" : !cell.tensor<4, 3>
  %0 = cell.matmul %W, %x : (!cell.tensor<4, 3>, !cell.tensor<3>) -> !cell.tensor<4>
  // CHECK: %[[BEFORE:.*]] = cell.contract[%{{.*}}] * [%[[X]]] :
  // CHECK: cell.map "add"(%[[BEFORE]], %[[H]])
  %1 = cell.map "add"(%h, %0) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %1 : !cell.tensor<4>
}

// -----

// The column that an index picks is read where it is added.
// CHECK-LABEL: @index
cell.cell @index {
  %i = cell.input "i" index : !cell.tensor<65>
  %h = cell.state "h" : !cell.tensor<4>
  %W = cell.param "W" : !cell.tensor<4, 65>
  %U = cell.param "U" : !cell.tensor<4, 4>
  %0 = cell.matmul %W, %i : (!cell.tensor<4, 65>, !cell.tensor<65>) -> !cell.tensor<4>
  %1 = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  // CHECK: cell.contract[%{{.*}}, %{{.*}}]
  // CHECK-NOT: cell.contract
  %2 = cell.map "add"(%0, %1) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %2 : !cell.tensor<4>
}

// -----

// Products of parameters alone are no work of a step.
// CHECK-LABEL: @no_parameters
cell.cell @no_parameters {
  %U = cell.param "U" : !cell.tensor<4, 2>
  %v = cell.param "v" : !cell.tensor<2>
  // CHECK: cell.matmul
  // CHECK-NOT: cell.contract
  %0 = cell.matmul %U, %v : (!cell.tensor<4, 2>, !cell.tensor<2>) -> !cell.tensor<4>
  cell.next "h", %0 : !cell.tensor<4>
}
