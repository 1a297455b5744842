// RUN: cell-opt %s "-pass-pipeline=builtin.module(cell.cell(cell-bind-sizes{sizes=H=4,I=3}))" -split-input-file -verify-diagnostics | FileCheck %s

// Names and expressions become numbers.
// CHECK-LABEL: @sizes
cell.cell @sizes {
  // CHECK: cell.input "x" : !cell.tensor<3>
  %x = cell.input "x" : !cell.tensor<I>
  // CHECK: cell.param "W" : !cell.tensor<9, 2>
  %W = cell.param "W" : !cell.tensor<"2 * H + 1", "H / 2">
  // CHECK: cell.constant 4.000000e+00
  %n = cell.size("H") : !cell.tensor<>
}

// -----

// A slice is a window to the right, a part of a concatenation one to the left.
// CHECK-LABEL: @windows
cell.cell @windows {
  %x = cell.input "x" : !cell.tensor<I>
  %h = cell.state "h" : !cell.tensor<H>
  // CHECK: cell.window %{{.*}} offset 1 : !cell.tensor<4> -> !cell.tensor<3>
  %s = cell.slice %h [1, "H"] : !cell.tensor<H> -> !cell.tensor<"H - 1">
  // CHECK: %[[LEFT:.*]] = cell.window %{{.*}} offset 0 : !cell.tensor<3> -> !cell.tensor<7>
  // CHECK: %[[RIGHT:.*]] = cell.window %{{.*}} offset -3 : !cell.tensor<4> -> !cell.tensor<7>
  // CHECK: cell.map "add"(%[[LEFT]], %[[RIGHT]])
  %c = cell.concat %x, %h : (!cell.tensor<I>, !cell.tensor<H>) -> !cell.tensor<"H + I">
}

// -----

cell.cell @no_number {
  // expected-error@+1 {{size "K" has no number; got sizes `H=4,I=3`}}
  %x = cell.input "x" : !cell.tensor<K>
}
