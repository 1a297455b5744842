// Operations of the `cell` dialect, in the order in which a cell meets them: the cell itself, its
// sources and sinks, what it computes, what differentiation adds, what the schedule adds.

#ifndef CELLWRIGHT_CODEGEN_DIALECT_CELL_OPS_TD
#define CELLWRIGHT_CODEGEN_DIALECT_CELL_OPS_TD

include "cell_dialect.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Cell_Op<string mnemonic, list<Trait> traits = []> : Op<Cell_Dialect, mnemonic, traits>;

/// What the caller gives to the cell. It is part of the cell's interface and stays when nothing reads it.
class Cell_Interface<string mnemonic> : Cell_Op<mnemonic>;

/// A value that nothing computes and that goes when nothing reads it.
class Cell_Source<string mnemonic, list<Trait> traits = []>
    : Cell_Op<mnemonic, !listconcat([Pure], traits)>;

/// A result of the cell: never dead.
class Cell_Sink<string mnemonic, list<Trait> traits = []> : Cell_Op<mnemonic, traits>;

//===-- The cell --------------------------------------------------------------------------------===//

def Cell_CellOp : Cell_Op<"cell", [IsolatedFromAbove, NoTerminator, SingleBlock, Symbol]> {
  let summary = "One cell";
  let description = [{
    ```mlir
    cell.cell @elman {
      %x = cell.input "x" : !cell.tensor<I>
      %h = cell.state "h" : !cell.tensor<H>
      ...
      cell.next "h", %1 : !cell.tensor<H>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name)>];
}

//===-- Sources ---------------------------------------------------------------------------------===//

def Cell_InputOp : Cell_Interface<"input"> {
  let summary = "An input, one value per step or per sequence";
  let description = [{
    An `index` is a vector with one 1 and else zeros, given as the number of the 1: a product with it is a column of the
    matrix, and no gradient is asked for it.
  }];
  let arguments = (ins StrAttr:$name, UnitAttr:$per_sequence, UnitAttr:$index);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = [{
    $name (`per_sequence` $per_sequence^)? (`index` $index^)? attr-dict `:` type($value)
  }];
}

def Cell_StateOp : Cell_Interface<"state"> {
  let summary = "A state before the step";
  let arguments = (ins StrAttr:$name);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = "$name attr-dict `:` type($value)";
}

def Cell_ParamOp : Cell_Interface<"param"> {
  let summary = "A parameter; no gradient is asked for a frozen one";
  let arguments = (ins StrAttr:$name, UnitAttr:$frozen);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$name (`frozen` $frozen^)? attr-dict `:` type($value)";
}

def Cell_ConstantOp : Cell_Source<"constant", [ConstantLike]> {
  let summary = "A scalar constant";
  let arguments = (ins F64Attr:$number);
  let results = (outs Cell_Scalar:$value);
  let assemblyFormat = "$number attr-dict `:` type($value)";
  let hasFolder = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "double":$number)>];
}

def Cell_SizeOp : Cell_Source<"size"> {
  let summary = "A size as a scalar; a constant once sizes are bound";
  let arguments = (ins AnyAttr:$size);
  let results = (outs Cell_Scalar:$value);
  let assemblyFormat = "`(` $size `)` attr-dict `:` type($value)";
}

//===-- Sinks -----------------------------------------------------------------------------------===//

def Cell_NextOp : Cell_Sink<"next"> {
  let summary = "The next value of a state";
  let arguments = (ins StrAttr:$name, Cell_Vector:$value);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

def Cell_OutputOp : Cell_Sink<"output"> {
  let summary = "What the cell gives to the next layer";
  let arguments = (ins Cell_Vector:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

//===-- What a cell computes --------------------------------------------------------------------===//

def Cell_MapOp : Cell_Op<"map", [Pure]> {
  let summary = "A function of elements; a scalar operand combines with every element";
  let description = [{
    The function is a row of the function table that is an operator or element-wise:
    ```mlir
    %2 = cell.map "add"(%0, %1) : (!cell.tensor<H>, !cell.tensor<>) -> !cell.tensor<H>
    ```
  }];
  let arguments = (ins StrAttr:$function, Variadic<Cell_AnyTensor>:$operands);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$function `(` $operands `)` attr-dict `:` functional-type($operands, $value)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$function, "::mlir::ValueRange":$operands)>];
}

def Cell_OverOp : Cell_Op<"over", [Pure]> {
  let summary = "A function over a whole vector, or the sum over a matrix";
  let arguments = (ins StrAttr:$function, Variadic<Cell_AnyTensor>:$operands);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$function `(` $operands `)` attr-dict `:` functional-type($operands, $value)";
  let hasVerifier = 1;
}

def Cell_RandomOp : Cell_Op<"random", [Pure]> {
  let summary = "A function that draws in training: dropout, zoneout, uniform";
  let description = [{
    `site` is the function's number in the cell; with `per_sequence` every step of a sequence draws
    the same numbers.
  }];
  let arguments = (ins StrAttr:$function, I32Attr:$site, UnitAttr:$per_sequence,
                       Variadic<Cell_AnyTensor>:$operands);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = [{
    $function `(` $operands `)` `site` $site (`per_sequence` $per_sequence^)? attr-dict `:`
    functional-type($operands, $value)
  }];
  let hasVerifier = 1;
}

def Cell_MatMulOp : Cell_Op<"matmul", [Pure]> {
  let summary = "Matrix times vector, or matrix times matrix";
  let arguments = (ins Cell_Matrix:$matrix, Cell_AnyTensor:$operand);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$matrix `,` $operand attr-dict `:` functional-type(operands, $value)";
  let hasVerifier = 1;
}

def Cell_TransposeOp : Cell_Op<"transpose", [Pure]> {
  let summary = "The transposed matrix";
  let arguments = (ins Cell_Matrix:$matrix);
  let results = (outs Cell_Matrix:$value);
  let assemblyFormat = "$matrix attr-dict `:` type($matrix) `->` type($value)";
  let hasFolder = 1;
}

def Cell_ConcatOp : Cell_Op<"concat", [Pure]> {
  let summary = "Vectors one after the other";
  let arguments = (ins Variadic<Cell_Vector>:$parts);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = "$parts attr-dict `:` functional-type($parts, $value)";
}

def Cell_SliceOp : Cell_Op<"slice", [Pure]> {
  let summary = "Elements begin to end - 1 of a vector";
  let arguments = (ins Cell_Vector:$vector, AnyAttr:$begin, AnyAttr:$end);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = [{
    $vector `[` $begin `,` $end `]` attr-dict `:` type($vector) `->` type($value)
  }];
}

def Cell_WindowOp : Cell_Op<"window", [Pure]> {
  let summary = "value[j] = vector[j + offset], zero where that is outside of the vector";
  let description = [{
    What slices, concatenations and their adjoints become once sizes are numbers: a slice has an
    offset >= 0, a part of a concatenation one <= 0.
  }];
  let arguments = (ins Cell_Vector:$vector, I64Attr:$offset);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = [{
    $vector `offset` $offset attr-dict `:` type($vector) `->` type($value)
  }];
  let hasFolder = 1;
}

def Cell_BroadcastOp : Cell_Op<"broadcast", [Pure]> {
  let summary = "A scalar as every element of a vector or matrix";
  let arguments = (ins Cell_Scalar:$scalar);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$scalar attr-dict `:` type($scalar) `->` type($value)";
}

//===-- What differentiation adds ---------------------------------------------------------------===//

def Cell_AdjointNextOp : Cell_Source<"adjoint_next"> {
  let summary = "Adjoint of a state after the step, from the steps after it";
  let arguments = (ins StrAttr:$name);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = "$name attr-dict `:` type($value)";
}

def Cell_AdjointDirectOp : Cell_Source<"adjoint_direct"> {
  let summary = "Adjoint of a state after the step, from the caller";
  let arguments = (ins StrAttr:$name);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = "$name attr-dict `:` type($value)";
}

def Cell_AdjointOutputOp : Cell_Source<"adjoint_output"> {
  let summary = "Adjoint of the output, from the caller";
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = "attr-dict `:` type($value)";
}

def Cell_AdjointStateOp : Cell_Sink<"adjoint_state"> {
  let summary = "Adjoint of a state before the step";
  let arguments = (ins StrAttr:$name, Cell_Vector:$value);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

def Cell_AdjointInputOp : Cell_Sink<"adjoint_input"> {
  let summary = "Adjoint of an input";
  let arguments = (ins StrAttr:$name, Cell_Vector:$value);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

def Cell_AdjointParamOp : Cell_Sink<"adjoint_param"> {
  let summary = "Adjoint of a parameter, over all steps and sequences";
  let arguments = (ins StrAttr:$name, Cell_AnyTensor:$value);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

def Cell_OverStepsOp : Cell_Op<"over_steps", [Pure, SameOperandsAndResultType]> {
  let summary = "Sum over the steps of a sequence: a value of the sequence's rate";
  let arguments = (ins Cell_AnyTensor:$operand);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$operand attr-dict `:` type($operand)";
}

def Cell_AccumulateOp : Cell_Op<"accumulate", [Pure]> {
  let summary = "Sum over all steps and sequences of left, or of the outer product left right^T";
  let description = [{
    The weight gradient of a product is never computed per step: it is this one contraction.
    ```mlir
    %dW = cell.accumulate %dy, %x : (!cell.tensor<H>, !cell.tensor<I>) -> !cell.tensor<H, I>
    %db = cell.accumulate %dy : (!cell.tensor<H>) -> !cell.tensor<H>
    ```
  }];
  let arguments = (ins Cell_AnyTensor:$left, Optional<Cell_Vector>:$right);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$left (`,` $right^)? attr-dict `:` functional-type(operands, $value)";
  let hasVerifier = 1;
}

def Cell_OuterOp : Cell_Op<"outer", [Pure]> {
  let summary = "Outer product left right^T of two vectors of the update rate";
  let arguments = (ins Cell_Vector:$left, Cell_Vector:$right);
  let results = (outs Cell_Matrix:$value);
  let assemblyFormat = "$left `,` $right attr-dict `:` functional-type(operands, $value)";
}

//===-- What the schedule adds ------------------------------------------------------------------===//

def Cell_SavedOp : Cell_Op<"saved", [Pure, SameOperandsAndResultType]> {
  let summary = "A value of the forward pass, read back from the tape in the backward pass";
  let arguments = (ins Cell_AnyTensor:$operand);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$operand attr-dict `:` type($operand)";
}

def Cell_CopyOp : Cell_Op<"copy", [Pure, SameOperandsAndResultType]> {
  let summary = "The operand again: a value that a phase makes";
  let arguments = (ins Cell_AnyTensor:$operand);
  let results = (outs Cell_AnyTensor:$value);
  let assemblyFormat = "$operand attr-dict `:` type($operand)";
}

def Cell_ContractOp : Cell_Op<"contract", [Pure, AttrSizedOperandSegments]> {
  let summary = "addend + sum of matrix times vector: what one accumulator of a tile computes";
  let description = [{
    ```mlir
    %2 = cell.contract [%W, %U] * [%h, %s] + %gx : (...) -> !cell.tensor<256>
    ```
  }];
  let arguments = (ins Optional<Cell_AnyTensor>:$addend, Variadic<Cell_Matrix>:$matrices,
                       Variadic<Cell_Vector>:$vectors);
  let results = (outs Cell_Vector:$value);
  let assemblyFormat = [{
    `[` $matrices `]` `*` `[` $vectors `]` (`+` $addend^)? attr-dict `:`
    functional-type(operands, $value)
  }];
  let hasVerifier = 1;
}

def Cell_PhaseOp : Cell_Op<"phase", [SingleBlock]> {
  let summary = "Operations on the same rows and columns, done in one sweep";
  let description = [{
    `columns` is the size of the vectors inside. A phase without contractions visits a row's columns
    in order, so that its reductions are complete at the end of the row; one with contractions goes by
    tiles of rows and columns, and the rest of it is the epilogue of the tile. Results are what other
    phases or sinks read.
  }];
  let arguments = (ins StrAttr:$stage, I64Attr:$columns);
  let results = (outs Variadic<Cell_AnyTensor>:$values);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $stage `columns` $columns attr-dict-with-keyword (`->` type($values)^)? $body
  }];
}

def Cell_YieldOp : Cell_Op<"yield", [Terminator, HasParent<"PhaseOp">]> {
  let summary = "The results of a phase";
  let arguments = (ins Variadic<Cell_AnyTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif
