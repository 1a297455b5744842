// Verification, folding, printing of the `cell` dialect. Shapes that can be compared are compared:
// symbolic sizes are equal when their texts are.
#include "codegen/dialect/cell_dialect.h"

#include "dsl/functions.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <optional>

using namespace mlir;

namespace cellwright::cell {

//===-- Types ---------------------------------------------------------------------------------===//

static bool isPlainName(llvm::StringRef text) {
  return !text.empty() && (llvm::isAlpha(text.front()) || text.front() == '_') &&
         llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

Type TensorType::parse(AsmParser &parser) {
  SmallVector<Attribute> sizes;
  auto parseSize = [&]() -> ParseResult {
    int64_t number = 0;
    std::string text;
    llvm::StringRef keyword;
    auto parsed = parser.parseOptionalInteger(number);
    if (parsed.has_value()) {
      sizes.push_back(parser.getBuilder().getI64IntegerAttr(number));
      return *parsed;
    }
    if (succeeded(parser.parseOptionalString(&text)) ||
        (succeeded(parser.parseKeyword(&keyword)) && !(text = keyword.str()).empty())) {
      sizes.push_back(parser.getBuilder().getStringAttr(text));
      return success();
    }
    return failure();
  };
  if (failed(parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, parseSize)))
    return {};
  return parser.getChecked<TensorType>(parser.getContext(), sizes);
}

void TensorType::print(AsmPrinter &printer) const {
  printer << '<';
  llvm::interleaveComma(getSizes(), printer, [&](Attribute size) {
    if (auto number = dyn_cast<IntegerAttr>(size))
      printer << number.getInt();
    else if (auto text = cast<StringAttr>(size).getValue(); isPlainName(text))
      printer << text;
    else
      printer << '"' << text << '"';
  });
  printer << '>';
}

LogicalResult TensorType::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<Attribute> sizes) {
  if (sizes.size() > 2)
    return emitError() << "expected at most two sizes, got " << sizes.size();
  for (Attribute size : sizes) {
    auto number = dyn_cast<IntegerAttr>(size);
    if (!number && !isa<StringAttr>(size))
      return emitError() << "expected a number or a name as size, got " << size;
    if (number && number.getInt() < 1)
      return emitError() << "expected a positive size, got " << number.getInt();
  }
  return success();
}

bool TensorType::isBound() const {
  return llvm::all_of(getSizes(), [](Attribute size) { return isa<IntegerAttr>(size); });
}

int64_t TensorType::getNumber(int64_t axis) const {
  return cast<IntegerAttr>(getSizes()[axis]).getInt();
}

int64_t TensorType::getElements() const {
  int64_t elements = 1;
  for (int64_t axis = 0; axis < getRank(); ++axis)
    elements *= getNumber(axis);
  return elements;
}

static TensorType scalarType(MLIRContext *context) { return TensorType::get(context, {}); }

//===-- The cell ------------------------------------------------------------------------------===//

void CellOp::build(OpBuilder &builder, OperationState &state, llvm::StringRef name) {
  state.addAttribute(SymbolTable::getSymbolAttrName(), builder.getStringAttr(name));
  state.addRegion()->emplaceBlock();
}

//===-- Constants -----------------------------------------------------------------------------===//

void ConstantOp::build(OpBuilder &builder, OperationState &state, double number) {
  state.addAttribute("number", builder.getF64FloatAttr(number));
  state.addTypes(scalarType(builder.getContext()));
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getNumberAttr(); }

//===-- Functions -----------------------------------------------------------------------------===//

static LogicalResult verifyFunction(Operation *op, llvm::StringRef name,
                                    std::initializer_list<FunctionClass> classes) {
  FunctionId function = findFunction({name.data(), name.size()});
  if (function == kNoFunction)
    return op->emitOpError() << "unknown function `" << name << "`";
  if (!llvm::is_contained(classes, kFunctions[function].kind))
    return op->emitOpError() << "`" << name << "` is not a function of this kind of operation";
  return success();
}

/// The operand of the highest rank gives the shape.
static TensorType broadcastType(ValueRange operands) {
  TensorType widest;
  for (Value operand : operands)
    if (auto type = cast<TensorType>(operand.getType());
        !widest || type.getRank() > widest.getRank())
      widest = type;
  return widest;
}

void MapOp::build(OpBuilder &builder, OperationState &state, llvm::StringRef function,
                  ValueRange operands) {
  state.addAttribute("function", builder.getStringAttr(function));
  state.addOperands(operands);
  state.addTypes(broadcastType(operands));
}

LogicalResult MapOp::verify() {
  if (failed(verifyFunction(*this, getFunction(),
                            {FunctionClass::Operator, FunctionClass::Elementwise})))
    return failure();
  for (Value operand : getOperands())
    if (auto type = cast<TensorType>(operand.getType()); !type.isScalar() && type != getType())
      return emitOpError() << "expected operands of type " << getType() << " or scalars, got "
                           << type;
  return success();
}

/// The constant that every element of a value is, if there is one.
static std::optional<double> constantOf(Attribute attribute) {
  if (auto number = dyn_cast_if_present<FloatAttr>(attribute))
    return number.getValueAsDouble();
  return std::nullopt;
}

/// `operand` where an algebraic identity makes the function its identity in it: x + 0, x - 0, x *
/// 1, x / 1, x ^ 1. Only what is exact for every x, infinities and NaN included, is here; x * 0 is
/// not.
static Value identityOperand(MapOp op, ArrayRef<Attribute> constants) {
  if (constants.size() != 2)
    return {};
  llvm::StringRef name = op.getFunction();
  auto isNumber = [&](int i, double number) {
    auto value = constantOf(constants[i]);
    return value && *value == number;
  };
  if ((name == "add" || name == "sub") && isNumber(1, 0))
    return op.getOperand(0);
  if (name == "add" && isNumber(0, 0))
    return op.getOperand(1);
  if ((name == "mul" || name == "div" || name == "pow") && isNumber(1, 1))
    return op.getOperand(0);
  if (name == "mul" && isNumber(0, 1))
    return op.getOperand(1);
  return {};
}

OpFoldResult MapOp::fold(FoldAdaptor adaptor) {
  ArrayRef<Attribute> constants = adaptor.getOperands();
  if (Value same = identityOperand(*this, constants); same && same.getType() == getType())
    return same;
  if (getFunction() == "identity")
    return getOperand(0);
  double arguments[3] = {};
  for (auto [i, attribute] : llvm::enumerate(constants)) {
    auto number = constantOf(attribute);
    if (!number)
      return {};
    arguments[i] = *number;
  }
  const Function &function = kFunctions[findFunction({getFunction().data(), getFunction().size()})];
  return FloatAttr::get(Float64Type::get(getContext()),
                        function.value(arguments[0], arguments[1], arguments[2]));
}

/// x ^ 0 is 1 for every x, and so has no derivative; by the rule it would be 0 times infinity at 0.
LogicalResult MapOp::canonicalize(MapOp op, PatternRewriter &rewriter) {
  FloatAttr exponent;
  if (op.getFunction() != "pow" || !matchPattern(op.getOperand(1), m_Constant(&exponent)) ||
      exponent.getValueAsDouble() != 0)
    return rewriter.notifyMatchFailure(op, "not a power of zero");
  Value one = ConstantOp::create(rewriter, op.getLoc(), 1.0);
  if (!cast<TensorType>(op.getType()).isScalar())
    one = BroadcastOp::create(rewriter, op.getLoc(), op.getType(), one);
  rewriter.replaceOp(op, one);
  return success();
}

LogicalResult OverOp::verify() {
  return verifyFunction(*this, getFunction(),
                        {FunctionClass::Reduction, FunctionClass::OverVector});
}

LogicalResult RandomOp::verify() {
  return verifyFunction(*this, getFunction(), {FunctionClass::Random});
}

//===-- Products and shapes -------------------------------------------------------------------===//

LogicalResult MatMulOp::verify() {
  auto matrix = cast<TensorType>(getMatrix().getType());
  auto operand = cast<TensorType>(getOperand().getType());
  auto value = cast<TensorType>(getType());
  if (operand.isScalar() || operand.getSizes()[0] != matrix.getSizes()[1])
    return emitOpError() << "cannot multiply " << matrix << " and " << operand;
  SmallVector<Attribute> expected{matrix.getSizes()[0]};
  if (operand.isMatrix())
    expected.push_back(operand.getSizes()[1]);
  if (value.getSizes() != ArrayRef<Attribute>(expected))
    return emitOpError() << "expected result " << TensorType::get(getContext(), expected)
                         << ", got " << value;
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (auto inner = getMatrix().getDefiningOp<TransposeOp>())
    return inner.getMatrix();
  return {};
}

OpFoldResult WindowOp::fold(FoldAdaptor) {
  return getOffset() == 0 && getVector().getType() == getType() ? OpFoldResult(getVector())
                                                                : OpFoldResult();
}

LogicalResult AccumulateOp::verify() {
  auto left = cast<TensorType>(getLeft().getType());
  SmallVector<Attribute> expected(left.getSizes());
  if (getRight()) {
    if (!left.isVector())
      return emitOpError() << "expected a vector on the left of an outer product, got " << left;
    expected.push_back(cast<TensorType>(getRight().getType()).getSizes()[0]);
  }
  if (cast<TensorType>(getType()).getSizes() != ArrayRef<Attribute>(expected))
    return emitOpError() << "expected result " << TensorType::get(getContext(), expected)
                         << ", got " << getType();
  return success();
}

LogicalResult ContractOp::verify() {
  if (getMatrices().size() != getVectors().size() || getMatrices().empty())
    return emitOpError() << "expected as many matrices as vectors, at least one";
  for (auto [matrix, vector] : llvm::zip_equal(getMatrices(), getVectors())) {
    auto matrixType = cast<TensorType>(matrix.getType());
    if (matrixType.getSizes()[1] != cast<TensorType>(vector.getType()).getSizes()[0] ||
        matrixType.getSizes()[0] != cast<TensorType>(getType()).getSizes()[0])
      return emitOpError() << "cannot add " << matrixType << " times " << vector.getType() << " to "
                           << getType();
  }
  return success();
}

//===-- The dialect ---------------------------------------------------------------------------===//

Operation *CellDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                            Location loc) {
  auto number = dyn_cast<FloatAttr>(value);
  if (!number || !cast<TensorType>(type).isScalar())
    return nullptr;
  return ConstantOp::create(builder, loc, number.getValueAsDouble());
}

void CellDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "codegen/dialect/cell_types.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "codegen/dialect/cell_ops.cpp.inc"
      >();
}

} // namespace cellwright::cell

#include "codegen/dialect/cell_dialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "codegen/dialect/cell_types.cpp.inc"

#define GET_OP_CLASSES
#include "codegen/dialect/cell_ops.cpp.inc"
