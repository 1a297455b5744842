// RUN: cell-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// Sizes are numbers, names and expressions.
// CHECK-LABEL: @types
cell.cell @types {
  // CHECK: cell.input "x" : !cell.tensor<I>
  %x = cell.input "x" : !cell.tensor<I>
  // CHECK: cell.input "i" index : !cell.tensor<65>
  %i = cell.input "i" index : !cell.tensor<65>
  // CHECK: cell.state "h" : !cell.tensor<"2 * H">
  %h = cell.state "h" : !cell.tensor<"2 * H">
  // CHECK: cell.constant 5.000000e-01 : !cell.tensor<>
  %c = cell.constant 0.5 : !cell.tensor<>
  cell.next "h", %h : !cell.tensor<"2 * H">
}

// -----

cell.cell @unknown_function {
  %x = cell.input "x" : !cell.tensor<I>
  // expected-error@+1 {{unknown function `tan`}}
  %y = cell.map "tan"(%x) : (!cell.tensor<I>) -> !cell.tensor<I>
}

// -----

cell.cell @wrong_kind {
  %x = cell.input "x" : !cell.tensor<I>
  // expected-error@+1 {{`sum` is not a function of this kind of operation}}
  %y = cell.map "sum"(%x) : (!cell.tensor<I>) -> !cell.tensor<I>
}

// -----

cell.cell @operands_disagree {
  %x = cell.input "x" : !cell.tensor<I>
  %h = cell.state "h" : !cell.tensor<H>
  // expected-error@+1 {{expected operands of type '!cell.tensor<H>' or scalars, got '!cell.tensor<I>'}}
  %y = cell.map "add"(%h, %x) : (!cell.tensor<H>, !cell.tensor<I>) -> !cell.tensor<H>
}

// -----

cell.cell @product_disagrees {
  %W = cell.param "W" : !cell.tensor<H, I>
  %h = cell.state "h" : !cell.tensor<H>
  // expected-error@+1 {{cannot multiply '!cell.tensor<H, I>' and '!cell.tensor<H>'}}
  %y = cell.matmul %W, %h : (!cell.tensor<H, I>, !cell.tensor<H>) -> !cell.tensor<H>
}

// -----

// expected-error@+1 {{expected at most two sizes, got 3}}
cell.cell @rank { %x = cell.param "x" : !cell.tensor<A, B, C> }

// -----

// expected-error@+1 {{expected a positive size, got 0}}
cell.cell @empty { %x = cell.param "x" : !cell.tensor<0> }
