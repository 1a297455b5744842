// RUN: cell-opt %s -canonicalize -split-input-file | FileCheck %s

// Numbers are computed while compiling, by the function table.
// CHECK-LABEL: @numbers
cell.cell @numbers {
  %h = cell.state "h" : !cell.tensor<H>
  %a = cell.constant 3.0 : !cell.tensor<>
  %b = cell.constant 4.0 : !cell.tensor<>
  // CHECK: %[[SEVEN:.*]] = cell.constant 7.000000e+00
  %c = cell.map "add"(%a, %b) : (!cell.tensor<>, !cell.tensor<>) -> !cell.tensor<>
  // CHECK: cell.map "mul"(%{{.*}}, %[[SEVEN]])
  %d = cell.map "mul"(%h, %c) : (!cell.tensor<H>, !cell.tensor<>) -> !cell.tensor<H>
  cell.next "h", %d : !cell.tensor<H>
}

// -----

// What an exact identity leaves unchanged goes.
// CHECK-LABEL: @identities
cell.cell @identities {
  // CHECK: %[[H:.*]] = cell.state "h"
  %h = cell.state "h" : !cell.tensor<H>
  %zero = cell.constant 0.0 : !cell.tensor<>
  %one = cell.constant 1.0 : !cell.tensor<>
  %a = cell.map "add"(%h, %zero) : (!cell.tensor<H>, !cell.tensor<>) -> !cell.tensor<H>
  %b = cell.map "mul"(%one, %a) : (!cell.tensor<>, !cell.tensor<H>) -> !cell.tensor<H>
  %c = cell.map "pow"(%b, %one) : (!cell.tensor<H>, !cell.tensor<>) -> !cell.tensor<H>
  // CHECK-NOT: cell.map
  // CHECK: cell.next "h", %[[H]]
  cell.next "h", %c : !cell.tensor<H>
}

// -----

// x ^ 0 is 1 even at 0, where the rule for powers has no derivative.
// CHECK-LABEL: @power_of_zero
cell.cell @power_of_zero {
  %h = cell.state "h" : !cell.tensor<H>
  %zero = cell.constant 0.0 : !cell.tensor<>
  // CHECK: %[[ONE:.*]] = cell.constant 1.000000e+00
  // CHECK: %[[ONES:.*]] = cell.broadcast %[[ONE]]
  // CHECK-NOT: cell.map
  // CHECK: cell.next "h", %[[ONES]]
  %a = cell.map "pow"(%h, %zero) : (!cell.tensor<H>, !cell.tensor<>) -> !cell.tensor<H>
  cell.next "h", %a : !cell.tensor<H>
}

// -----

// Zero times x is not zero if x is infinite.
// CHECK-LABEL: @no_zero_times_x
cell.cell @no_zero_times_x {
  %h = cell.state "h" : !cell.tensor<H>
  %zero = cell.constant 0.0 : !cell.tensor<>
  // CHECK: cell.map "mul"
  %a = cell.map "mul"(%h, %zero) : (!cell.tensor<H>, !cell.tensor<>) -> !cell.tensor<H>
  cell.next "h", %a : !cell.tensor<H>
}

// -----

// Transposing twice is nothing; an input that nothing reads stays, it belongs to the interface.
// CHECK-LABEL: @transposed_twice
cell.cell @transposed_twice {
  // CHECK: cell.input "x"
  %x = cell.input "x" : !cell.tensor<I>
  %h = cell.state "h" : !cell.tensor<H>
  // CHECK: %[[W:.*]] = cell.param "W"
  %W = cell.param "W" : !cell.tensor<H, H>
  // CHECK-NOT: cell.transpose
  %T = cell.transpose %W : !cell.tensor<H, H> -> !cell.tensor<H, H>
  %U = cell.transpose %T : !cell.tensor<H, H> -> !cell.tensor<H, H>
  // CHECK: cell.matmul %[[W]]
  %y = cell.matmul %U, %h : (!cell.tensor<H, H>, !cell.tensor<H>) -> !cell.tensor<H>
  cell.next "h", %y : !cell.tensor<H>
}
