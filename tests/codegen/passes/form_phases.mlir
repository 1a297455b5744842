// RUN: cell-opt %s -cell-merge-products -cell-form-phases -split-input-file | FileCheck %s

// One product, its epilogue with it: one phase.
// CHECK-LABEL: @one_phase
cell.cell @one_phase {
  %h = cell.state "h" : !cell.tensor<4>
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: %[[H:.*]] = cell.phase "core" columns 4
  // CHECK-NEXT: cell.contract
  // CHECK-NEXT: cell.map "tanh"
  // CHECK-NEXT: cell.yield
  // CHECK-NOT: cell.phase
  // CHECK: cell.next "h", %[[H]]
  %0 = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %1 = cell.map "tanh"(%0) : (!cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %1 : !cell.tensor<4>
}

// -----

// A product with what a phase makes starts another.
// CHECK-LABEL: @two_phases
cell.cell @two_phases {
  %h = cell.state "h" : !cell.tensor<4>
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: %[[R:.*]] = cell.phase "core"
  // CHECK: cell.map "sigmoid"
  // CHECK: cell.map "mul"
  // CHECK: cell.yield
  // CHECK: cell.phase "core"
  // CHECK: cell.contract[%{{.*}}] * [%[[R]]]
  // CHECK-NOT: cell.phase
  %0 = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %r = cell.map "sigmoid"(%0) : (!cell.tensor<4>) -> !cell.tensor<4>
  %rh = cell.map "mul"(%r, %h) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %1 = cell.matmul %U, %rh : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %1 : !cell.tensor<4>
}

// -----

// A reduction of what tiles make sweeps rows, and what needs its result comes after it; scalars of a row stand at
// the row's end.
// CHECK-LABEL: @reduction
cell.cell @reduction {
  %h = cell.state "h" : !cell.tensor<4>
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: %[[V:.*]] = cell.phase "core" columns 4
  // CHECK: cell.contract
  // CHECK: %[[S:.*]] = cell.phase "core" columns 4 -> !cell.tensor<>
  // CHECK: cell.over "sum"(%[[V]])
  // CHECK: cell.map "exp"
  // CHECK: cell.phase "core" columns 4
  // CHECK: cell.map "div"(%[[V]], %[[S]])
  %v = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %s = cell.over "sum"(%v) : (!cell.tensor<4>) -> !cell.tensor<>
  %e = cell.map "exp"(%s) : (!cell.tensor<>) -> !cell.tensor<>
  %y = cell.map "div"(%v, %e) : (!cell.tensor<4>, !cell.tensor<>) -> !cell.tensor<4>
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// What no state needs is done for all steps at once, before or after the recurrence.
// CHECK-LABEL: @stages
cell.cell @stages {
  %x = cell.input "x" : !cell.tensor<4>
  %h = cell.state "h" : !cell.tensor<4>
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: cell.phase "before"
  // CHECK: cell.map "exp"
  // CHECK: cell.phase "core"
  // CHECK: cell.phase "after"
  // CHECK: cell.contract
  %e = cell.map "exp"(%x) : (!cell.tensor<4>) -> !cell.tensor<4>
  %1 = cell.map "mul"(%h, %e) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.matmul %U, %1 : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %1 : !cell.tensor<4>
  cell.output %y : !cell.tensor<4>
}

// -----

// A state that takes an input as it is gets a copy, and so does the second of two that take the same value.
// CHECK-LABEL: @copies
cell.cell @copies {
  // CHECK: %[[X:.*]] = cell.input
  %x = cell.input "x" : !cell.tensor<4>
  %a = cell.state "a" : !cell.tensor<4>
  %b = cell.state "b" : !cell.tensor<4>
  // CHECK: %[[P:.*]]:2 = cell.phase "core" columns 4
  // CHECK-NEXT: cell.yield %[[X]], %[[X]]
  // CHECK: cell.next "a", %[[P]]#0
  // CHECK: cell.next "b", %[[P]]#1
  cell.next "a", %x : !cell.tensor<4>
  cell.next "b", %x : !cell.tensor<4>
}

// -----

// Nothing of the update's rate is in a phase.
// CHECK-LABEL: @no_update
cell.cell @no_update {
  %h = cell.state "h" : !cell.tensor<4>
  %b = cell.param "b" : !cell.tensor<4>
  // CHECK: %[[E:.*]] = cell.map "exp"
  // CHECK: cell.phase "core"
  // CHECK-NEXT: cell.map "mul"(%{{.*}}, %[[E]])
  %e = cell.map "exp"(%b) : (!cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.map "mul"(%h, %e) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// A product reads a whole vector from memory: what is the same everywhere is written down for it.
// CHECK-LABEL: @product_of_broadcast
cell.cell @product_of_broadcast {
  %h = cell.state "h" : !cell.tensor<4>
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: %[[S:.*]] = cell.phase "core" columns 4 -> !cell.tensor<>
  // CHECK: %[[V:.*]] = cell.phase "core" columns 4 -> !cell.tensor<4>
  // CHECK: cell.broadcast %[[S]]
  // CHECK: cell.contract[%{{.*}}] * [%[[V]]]
  %s = cell.over "sum"(%h) : (!cell.tensor<4>) -> !cell.tensor<>
  %v = cell.broadcast %s : !cell.tensor<> -> !cell.tensor<4>
  %y = cell.matmul %U, %v : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %y : !cell.tensor<4>
}

// -----

// An adjoint that the caller gets too is not only what the step before gets, which is gone after its step.
// CHECK-LABEL: @adjoint_of_state_and_input
cell.cell @adjoint_of_state_and_input {
  %x = cell.input "x" : !cell.tensor<4>
  %h = cell.state "h" : !cell.tensor<4>
  %dy = cell.adjoint_next "h" : !cell.tensor<4>
  // CHECK: %[[D:.*]]:2 = cell.phase "backward_core"
  // CHECK: %[[E:.*]] = cell.map "exp"
  // CHECK: cell.yield %[[E]], %[[E]]
  // CHECK-NOT: cell.phase
  // CHECK: cell.adjoint_state "h", %[[D]]#{{[01]}}
  // CHECK: cell.adjoint_input "x", %[[D]]#{{[01]}}
  %0 = cell.map "exp"(%dy) : (!cell.tensor<4>) -> !cell.tensor<4>
  cell.adjoint_state "h", %0 : !cell.tensor<4>
  cell.adjoint_input "x", %0 : !cell.tensor<4>
}

// -----

// What only the epilogue of a later phase reads is computed there, with what only that reads: neither is stored.
// CHECK-LABEL: @followers
cell.cell @followers {
  %h = cell.state "h" : !cell.tensor<4>
  %U = cell.param "U" : !cell.tensor<4, 4>
  // CHECK: %[[Y:.*]] = cell.phase "core" columns 4 -> !cell.tensor<4> {
  // CHECK-NOT: cell.map "mul"
  // CHECK: cell.yield
  // CHECK: cell.phase "core" columns 4 -> !cell.tensor<4> {
  // CHECK: cell.map "mul"(%[[H:.*]], %[[H]])
  // CHECK: cell.map "sub"
  // CHECK: cell.contract[%{{.*}}] * [%[[Y]]]
  // CHECK: cell.map "mul"
  %0 = cell.matmul %U, %h : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %y = cell.map "tanh"(%0) : (!cell.tensor<4>) -> !cell.tensor<4>
  %hh = cell.map "mul"(%h, %h) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %d = cell.map "sub"(%h, %hh) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  %1 = cell.matmul %U, %y : (!cell.tensor<4, 4>, !cell.tensor<4>) -> !cell.tensor<4>
  %2 = cell.map "mul"(%1, %d) : (!cell.tensor<4>, !cell.tensor<4>) -> !cell.tensor<4>
  cell.next "h", %2 : !cell.tensor<4>
}
