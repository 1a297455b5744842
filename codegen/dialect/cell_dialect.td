// The `cell` dialect: one time step of a recurrent cell, forward and backward, in value semantics.
// Batch and time do not appear; how often a value changes is its rate (see codegen/rates.h).

#ifndef CELLWRIGHT_CODEGEN_DIALECT_CELL_DIALECT_TD
#define CELLWRIGHT_CODEGEN_DIALECT_CELL_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Cell_Dialect : Dialect {
  let name = "cell";
  let cppNamespace = "::cellwright::cell";
  let summary = "One time step of a recurrent cell";
  let description = [{
    A cell is a `cell.cell` with one block. Sources are `cell.input`, `cell.state`, `cell.param` and
    constants, sinks are `cell.next` and `cell.output`. Differentiation adds the adjoint to the same
    block; the schedule gathers operations in `cell.phase`s.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

def Cell_Tensor : TypeDef<Cell_Dialect, "Tensor"> {
  let mnemonic = "tensor";
  let summary = "Scalar `<>`, vector `<H>` or matrix `<H, I>` of the cell's element type";
  let description = [{
    A size is a number, or an expression in names: an integer attribute or a string attribute. The
    element type, f32 or f64, is chosen when kernels are emitted.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$sizes);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getRank() const { return static_cast<int64_t>(getSizes().size()); }
    bool isScalar() const { return getRank() == 0; }
    bool isVector() const { return getRank() == 1; }
    bool isMatrix() const { return getRank() == 2; }
    /// True once every size is a number.
    bool isBound() const;
    /// Size of an axis as a number. Precondition: isBound().
    int64_t getNumber(int64_t axis) const;
    /// Number of elements. Precondition: isBound().
    int64_t getElements() const;
  }];
}

// Constraints. The first is the type itself; as a constraint it prints in full.
def Cell_AnyTensor : Type<CPred<"::llvm::isa<::cellwright::cell::TensorType>($_self)">, "tensor of a cell">;
def Cell_Scalar : Type<
    CPred<"::llvm::isa<::cellwright::cell::TensorType>($_self) && "
          "::llvm::cast<::cellwright::cell::TensorType>($_self).isScalar()">, "scalar">;
def Cell_Vector : Type<
    CPred<"::llvm::isa<::cellwright::cell::TensorType>($_self) && "
          "::llvm::cast<::cellwright::cell::TensorType>($_self).isVector()">, "vector">;
def Cell_Matrix : Type<
    CPred<"::llvm::isa<::cellwright::cell::TensorType>($_self) && "
          "::llvm::cast<::cellwright::cell::TensorType>($_self).isMatrix()">, "matrix">;

#endif
