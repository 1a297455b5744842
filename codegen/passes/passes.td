// The passes of the `cell` dialect, in the order of the pipeline (codegen/pipeline.cpp says why).

#ifndef CELLWRIGHT_CODEGEN_PASSES_TD
#define CELLWRIGHT_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

class Cell_Pass<string flag> : Pass<flag, "::cellwright::cell::CellOp"> {
  let dependentDialects = ["::cellwright::cell::CellDialect"];
}

def BindSizes : Cell_Pass<"cell-bind-sizes"> {
  let summary = "Give the names of sizes their numbers";
  let description = [{
    With `sizes="H=4"`:
    ```mlir
    %h = cell.state "h" : !cell.tensor<H>          // before
    %h = cell.state "h" : !cell.tensor<4>          // after
    ```
    `cell.size` becomes a constant; slices and concatenations become windows.
  }];
  let options = [Option<"sizes", "sizes", "std::string", "", "numbers of the names: H=4,I=3">];
}

def ExpandFunctions : Cell_Pass<"cell-expand-functions"> {
  let summary = "Replace functions by their expansions in the function table";
  let description = [{
    ```mlir
    %1 = cell.map "silu"(%0) : ...                 // before
    %1 = cell.map "sigmoid"(%0) : ...              // after
    %2 = cell.map "mul"(%0, %1) : ...
    ```
    Before differentiation only functions without an adjoint of their own are expanded, and the random ones, in which
    training and evaluation differ.
  }];
  let options = [
    Option<"onlyWithoutAdjoint", "only-without-adjoint", "bool", "false", "leave functions that have an adjoint">,
    Option<"training", "training", "bool", "false", "random functions draw">
  ];
}

def Differentiate : Cell_Pass<"cell-differentiate"> {
  let summary = "Add the adjoint of the step, in reverse mode";
  let description = [{
    ```mlir
    %y = cell.map "tanh"(%x) : ...
    cell.next "h", %y : ...
    // and after it
    %dy = cell.adjoint_next "h" : ...
    %0 = cell.map "mul"(%y, %y) : ...
    %1 = cell.map "sub"(%one, %0) : ...
    %dx = cell.map "mul"(%dy, %1) : ...
    ```
    Rules are the adjoint texts of the function table; the engine knows products, windows and broadcasts. What
    depends on parameters alone gets its adjoint as a sum over all steps and sequences.
  }];
  let options = [
    Option<"stateAdjoints", "state-adjoints", "bool", "false", "the caller gives adjoints of the states of each step">,
    Option<"alteredFunction", "altered-function", "std::string", "", "a row whose rule is another, for tests of tests">,
    Option<"alteredAdjoint", "altered-adjoint", "std::string", "", "the adjoint text of that row">
  ];
}

def SaveOrRecompute : Cell_Pass<"cell-save-or-recompute"> {
  let summary = "Decide what the forward pass keeps for the backward pass";
  let description = [{
    Products, transcendental functions and reductions are saved where they are read; cheap element-wise values are
    computed again, unless that would save more than themselves.
    ```mlir
    %d = cell.map "mul"(%dy, %y) : ...             // before
    %s = cell.saved %y : ...                       // after
    %d = cell.map "mul"(%dy, %s) : ...
    ```
  }];
}

def MergeProducts : Cell_Pass<"cell-merge-products"> {
  let summary = "Gather sums of products into contractions, one per stage";
  let description = [{
    ```mlir
    %0 = cell.matmul %W, %x : ...                  // before: x is an input, h a state
    %1 = cell.matmul %U, %h : ...
    %2 = cell.map "add"(%0, %1) : ...
    %3 = cell.map "add"(%2, %b) : ...
    %0 = cell.contract [%W] * [%x] + %b : ...      // after
    %3 = cell.contract [%U] * [%h] + %0 : ...
    ```
  }];
}

def FormPhases : Cell_Pass<"cell-form-phases"> {
  let summary = "Cut the step into stages and these into phases";
  let description = [{
    A phase is what can be done at one place of rows and columns: contractions whose operands are complete, then
    element-wise code. A contraction or reduction of a vector that a phase makes starts another.
    ```mlir
    %h1 = cell.phase "core" columns 4 -> !cell.tensor<4> {
      %0 = cell.contract [%U] * [%h] + %gx : ...
      %1 = cell.map "tanh"(%0) : ...
      cell.yield %1 : !cell.tensor<4>
    }
    ```
  }];
}

#endif
