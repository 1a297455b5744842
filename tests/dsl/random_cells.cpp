#include "random_cells.h"

#include <initializer_list>
#include <random>
#include <vector>

namespace cellwright::test {

namespace {

using Names = std::vector<std::string>;

class CellMaker {
public:
  explicit CellMaker(uint32_t seed) : random(seed) {}

  std::string make() {
    makeFileFns();
    text += pickOf({"cell a {\n", "cell a\n{", "cell a # why\n\n{ ;"});
    makeDeclarations();
    for (size_t i = 0, count = 2 + pick(6); i < count; ++i)
      pick(4) == 0 ? makeRepeat() : makeValue();
    makeNextStates();
    text += "}\n";
    if (pick(2) == 0)
      makeDerived();
    return text;
  }

private:
  std::mt19937 random;
  std::string text;
  Names values = {"x", "h", "c", "p"}; // vectors of H
  Names wide = {"u"};                  // vectors of 2 * H
  Names scalars = {"s", "k", "r", "0.5", "2", "1e-1"};
  Names fns; // of one vector
  int made = 0;
  bool hasLinear = false; // in this statement
  bool isNext = false;    // `c'` may be read

  size_t pick(size_t count) { return random() % count; }
  std::string pickOf(const Names &names) { return names[pick(names.size())]; }

  std::string end() { return pickOf({"\n", "; ", " # note\n", "\n\n\n", ";;\n"}); }
  std::string sign() { return pickOf({" + ", "*", " - ", "+\n ", " / # over\n", " * ", "-"}); }

  //===-- Declarations ------------------------------------------------------------------------===//

  void makeFileFns() {
    text += "fn act(v) = " + pickOf({"tanh(v)", "v * sigmoid(v)", "relu(v) - 0.5"}) + "\n";
    text += "fn gate(a, b) = sigmoid(linear(a, b))\n";
    text += "fn first(v) = v[0:size(v) / 2]\n";
    fns = {"act", "own"};
  }

  void makeDeclarations() {
    text += "input x[H]" + pickOf({", q[I]", "\ninput q[I]", "; input q[I]"}) + end();
    text += "input style[K] per sequence" + end();
    text += pickOf({"state h[H], c[H], d[2 * H]", "state h[H]; state c[H],\n d[ H+H ]"}) + end();
    text += "option k = " + pickOf({"2", "1 + 1", "4 / 2"}) + end();
    text += "option r = " + pickOf({"0.25", "size(h) ^ -0.5", "k / 8", "-1"}) + end();
    text += "param p[H]" + pickOf({"", " = 0.5", " ~ uniform(-r, r)", " ~ normal(0, 1) frozen"}) +
            end();
    text += "param s = 0.5, W[H, H]" + pickOf({"", " ~ identity(0.5)", " ~ he"}) + end();
    text += "param A[I, H] ~ zeros" + end();
    text += "fn own(v) = act(v) * s + sum(p[0:1][0:1]) * 0 + v" + end();
    text += "require H >= 1" + pickOf({"", " \"why\"", " \"a # b ; c\""}) + end();
    text += "u = concat(x, h)" + end();
  }

  //===-- Statements --------------------------------------------------------------------------===//

  std::string newName() { return "v" + std::to_string(made++); }

  void makeValue() {
    std::string name = newName();
    hasLinear = false;
    bool isWide = pick(5) == 0;
    std::string value = isWide ? wideValue(2) : vector(3);
    std::string size = isWide ? "[2 * H]" : "[H]";
    text += name + (hasLinear ? size : pickOf({"", size})) + " = " + value + end();
    if (hasLinear && pick(2) == 0)
      text += "init b_" + name + pickOf({" = 1", " = -r", " ~ uniform(-1, 1)"}) + end();
    (isWide ? wide : values).push_back(name);
  }

  void makeRepeat() {
    std::string carried = newName();
    text += carried + " = " + pickOf(values) + " * 1" + end();
    values.push_back(carried);
    Names outer = values;
    std::string counter = "l" + std::to_string(made++);
    text += "repeat " + counter + " in 1.." + pickOf({"k", "2", "size(h[0:1]) + 1"}) + " {" + end();
    scalars.push_back(counter);
    if (pick(2) == 0) {
      std::string gain = newName();
      text += "param " + gain + "[H] = " + counter + end();
      values.push_back(gain);
    }
    for (size_t i = 0, count = pick(3); i < count; ++i) {
      hasLinear = false;
      std::string name = newName();
      text += name + "[H] = " + vector(2) + end();
      values.push_back(name);
    }
    hasLinear = false;
    text += carried + " = " + vector(2) + end();
    if (hasLinear)
      text += "init b_" + carried + " = " + counter + end();
    text += "}" + end();
    scalars.pop_back();
    values = outer;
  }

  void makeNextStates() {
    for (std::string state : {"c", "d", "h"}) {
      hasLinear = false;
      text += state + "' = " + (state == "d" ? wideValue(2) : vector(3)) + end();
      isNext = isNext || state == "c";
    }
    if (pick(2) == 0) {
      hasLinear = true;
      text += "output y" + pickOf({"", "[H + I]"}) + " = concat(" + vector(1) + ", A @ h)" + end();
    }
  }

  void makeDerived() {
    isNext = false;
    made = 100;
    values = {"x", "h", "c", "p"};
    wide = {"u"};
    text += "cell b from a {" + end();
    hasLinear = false;
    if (pick(2) == 0)
      text += "w[H] = " + vector(2) + end() + "h' = w * " + vector(1) + end();
    else
      text += "h' = " + vector(3) + end();
    text += pickOf({"", "option r = 3;", "param s = 2;", "fn own(v) = -v;", "state e[I]; e' = q;"});
    text += "}\n";
  }

  //===-- Expressions -------------------------------------------------------------------------===//

  /// Keeps `linear` out of a part of a statement.
  struct WithoutLinear {
    explicit WithoutLinear(bool &flag) : flag(flag), before(flag) { flag = true; }
    ~WithoutLinear() { flag = before; }
    bool &flag;
    bool before;
  };

  std::string scalar(int depth) {
    WithoutLinear guard(hasLinear); // nothing would fix its size
    if (depth <= 0 || pick(2) == 0)
      return pickOf(scalars);
    switch (pick(5)) {
    case 0:
      return "sum(" + vector(depth - 1) + ")";
    case 1:
      return "dot(" + vector(depth - 1) + "," + pickOf(values) + ")";
    case 2:
      return "size(" + pickOf(wide) + ")";
    case 3:
      return "norm2( " + vector(depth - 1) + " )";
    default:
      return "(" + scalar(depth - 1) + sign() + scalar(depth - 1) + ")";
    }
  }

  std::string wideValue(int depth) {
    WithoutLinear guard(hasLinear);
    if (depth <= 0 || pick(3) == 0)
      return pickOf(wide);
    if (pick(2) == 0)
      return "concat(" + vector(depth - 1) + ", " + vector(depth - 1) + ")";
    return pickOf({"tanh", "sin", "softmax", "cumsum"}) + "(" + wideValue(depth - 1) + ")";
  }

  /// A vector of H.
  std::string vector(int depth) {
    if (depth <= 0 || pick(5) == 0)
      return isNext && pick(4) == 0 ? "c'" : pickOf(values);
    auto v = [&] { return vector(depth - 1); };
    switch (pick(14)) {
    case 0:
      return v() + sign() + v();
    case 1:
      return "(" + v() + sign() + v() + ")" + sign() + scalar(depth - 1);
    case 2:
      return pickOf({"-(", "- (", "--("}) + v() + pickOf({")", ") ^ 2", ") ^ -1", ") ^ (k - 1)"});
    case 3:
      return pickOf({"sigmoid", "tanh", "softplus", "elu", "gelu", "square", "step", "identity"}) +
             "(" + v() + ")";
    case 4:
      return pickOf({"max(", "min( "}) + v() + ", " + scalar(1) + ")";
    case 5:
      return "where(" + v() + sign() + scalar(1) + " > 0, " + v() + ",\n" + scalar(1) + ")";
    case 6:
      return pickOf({"layer_norm(", "rms_norm("}) + v() +
             pickOf({")", ", eps = 1e-2)", ", eps = r ^ 2)"});
    case 7:
      return "dropout(" + v() + pickOf({", 0.5)", ", 1 / 4, per = sequence)"});
    case 8:
      return "zoneout(" + v() + ", " + pickOf(values) + ", 0.1)";
    case 9:
      return pickOf({"W @ ", "(W - W.T) @ ", "W.T @ W @ "}) + pickOf(values);
    case 10:
      return pickOf({"first(" + pickOf(wide) + ")", wideValue(depth - 1) + "[0:H]",
                     "(" + pickOf(wide) + " * 2)[ H :2*H]"});
    case 11:
      return pickOf(fns) + "(" + v() + ")";
    default:
      return linearValue(depth);
    }
  }

  std::string linearValue(int depth) {
    if (hasLinear)
      return pickOf(values);
    hasLinear = true;
    if (pick(3) == 0)
      return "gate(q, " + vector(depth - 1) + ")";
    return "linear(" + pickOf({"q", "style", "q, style", "2 * q"}) + ", " + vector(depth - 1) + ")";
  }
};

} // namespace

std::string makeRandomCells(uint32_t seed) { return CellMaker(seed).make(); }

} // namespace cellwright::test
