"""Recurrent cells written once more, in Python's complex numbers, one sequence and one step at a time.

Gradients are derivatives along the imaginary axis: f(x + ih) = f(x) + ih f'(x) up to h^2, which for
h = 1e-30 leaves no error but rounding (Squire & Trapp 1998, "Using complex variables to estimate
derivatives of real functions"). So no rule of differentiation is shared with what is tested.
"""

import cmath

from support import Numbers, Tensor, count_elements, product

STEP = 1e-30


def sigmoid(x):
    return 1 / (1 + cmath.exp(-x))


def tanh(x):
    return cmath.tanh(x)


def matrix(params, name, vector):
    """The product of a parameter and a vector."""
    rows, columns = params[name].shape
    values = params[name].values
    return [sum(values[row * columns + k] * vector[k] for k in range(columns)) for row in range(rows)]


def linear(params, target, bias=True, **operands):
    """W_target_a @ a + ... + b_target, as the language defines it."""
    terms = [matrix(params, f"W_{target}_{name}", vector) for name, vector in operands.items()]
    if bias:
        terms.append(params[f"b_{target}"].values)
    return [sum(column) for column in zip(*terms)]


def step_lstm(params, inputs, states):
    x, h, c = inputs["x"], states["h"], states["c"]
    i, f, o = ([sigmoid(v) for v in linear(params, gate, x=x, h=h)] for gate in "ifo")
    g = [tanh(v) for v in linear(params, "g", x=x, h=h)]
    c = [f[k] * c[k] + i[k] * g[k] for k in range(len(c))]
    h = [o[k] * tanh(c[k]) for k in range(len(c))]
    return h, {"h": h, "c": c}


def shapes_lstm(inputs, hidden):
    shapes = {}
    for gate in "ifgo":
        shapes |= {f"W_{gate}_x": [hidden, inputs], f"W_{gate}_h": [hidden, hidden], f"b_{gate}": [hidden]}
    return shapes


def tensors_lstm(steps, sequences, inputs, hidden):
    """What the input file of `run lstm` must hold, and no more."""
    numbers = Numbers()
    tensors = {"in.x": numbers.tensor(steps, sequences, inputs)}
    for name, shape in shapes_lstm(inputs, hidden).items():
        tensors["param." + name] = numbers.tensor(*shape)
    return tensors


def step_gru(params, inputs, states):
    """cells/gru.cell: the reset gate acts before the product, z keeps the old state."""
    x, h = inputs["x"], states["h"]
    z = [sigmoid(v) for v in linear(params, "z", x=x, h=h)]
    r = [sigmoid(v) for v in linear(params, "r", x=x, h=h)]
    s = [r[k] * h[k] for k in range(len(h))]
    terms = [matrix(params, "W_n_x", x), matrix(params, "W_n_2", s), params["b_n"].values]
    n = [tanh(sum(column)) for column in zip(*terms)]
    h = [z[k] * h[k] + (1 - z[k]) * n[k] for k in range(len(h))]
    return h, {"h": h}


def shapes_gru(inputs, hidden):
    shapes = {}
    for gate, operand in ("z", "h"), ("r", "h"), ("n", "2"):
        shapes |= {f"W_{gate}_x": [hidden, inputs], f"W_{gate}_{operand}": [hidden, hidden],
                   f"b_{gate}": [hidden]}
    return shapes


def vector_of(tensor, *index):
    """The last axis of a tensor at an index of the others."""
    place = 0
    for size, i in zip(tensor.shape, index):
        place = place * size + i
    width = tensor.shape[-1]
    return tensor.values[place * width : (place + 1) * width]


class Run:
    """What `run` does with the tensors of a file, for a cell given as a function.

    step(params, inputs, states) gives the output and the next states. `per_sequence` names the inputs
    that do not change; `state_sizes` gives each state's size.
    """

    def __init__(self, step, tensors, state_sizes, per_sequence=()):
        self.step, self.tensors = step, tensors
        self.state_sizes, self.per_sequence = state_sizes, per_sequence
        steps = [t for name, t in tensors.items() if name.startswith("in.")
                 and name[3:] not in per_sequence]
        self.T, self.N = steps[0].shape[:2]

    def lengths(self):
        return self.tensors["lengths"].values if "lengths" in self.tensors else [self.T] * self.N

    def first_state(self, name, n):
        tensor = self.tensors.get("state0." + name)
        return vector_of(tensor, n) if tensor else [0.0] * self.state_sizes[name]

    def forward(self):
        """Outputs by name, complex where the tensors are."""
        params = {name[6:]: t for name, t in self.tensors.items() if name.startswith("param.")}
        inputs = [name[3:] for name in self.tensors if name.startswith("in.")]
        outs, states, finals = {}, {}, {}
        width = 0
        for n, length in enumerate(self.lengths()):
            current = {name: self.first_state(name, n) for name in self.state_sizes}
            for t in range(length):
                if "reset" in self.tensors and self.tensors["reset"].values[t * self.N + n]:
                    current = {name: self.first_state(name, n) for name in self.state_sizes}
                values = {name: vector_of(self.tensors["in." + name], n)
                          if name in self.per_sequence else vector_of(self.tensors["in." + name], t, n)
                          for name in inputs}
                outs[t, n], current = self.step(params, values, current)
                width = len(outs[t, n])
                for name, value in current.items():
                    states[name, t, n] = value
            for name, value in current.items():
                finals[name, n] = value
        result = {"out": self.gather([self.T, self.N], width, lambda t, n: outs.get((t, n)))}
        for name, size in self.state_sizes.items():
            result["state." + name] = self.gather(
                [self.T, self.N], size, lambda t, n: states.get((name, t, n)))
            result["final." + name] = self.gather([self.N], size, lambda n: finals[name, n])
        return result

    def outputs(self):
        """What the output file must hold without --backward."""
        return {name: Tensor(t.shape, [complex(v).real for v in t.values])
                for name, t in self.forward().items()}

    @staticmethod
    def gather(leading, width, vector_at):
        values = []
        for index in product(*leading):
            values += vector_at(*index) or [0.0] * width
        return Tensor([*leading, width], values)

    def loss(self):
        """The sum of the outputs times the gradients that the file gives for them; `dout` and
        `dstate` beyond a sequence's end meet zeros."""
        result = self.forward()
        total = 0
        for given, output in [("dout", "out")] + [
                (f"d{kind}.{name}", f"{kind}.{name}")
                for name in self.state_sizes for kind in ("state", "final")]:
            if given in self.tensors:
                for a, b, is_there in zip(self.tensors[given].values, result[output].values,
                                          self.mask(given, output)):
                    total += a * b if is_there else 0
        return total

    def mask(self, given, output):
        tensor = self.tensors[given]
        if given.startswith("dfinal"):
            return [True] * len(tensor.values)
        lengths = self.lengths()
        width = tensor.shape[-1]
        return [t < lengths[n] for t, n in product(self.T, self.N) for _ in range(width)]

    def gradient(self, name):
        """The derivative of the loss by each element of a tensor, absent states by zeros."""
        if name not in self.tensors:
            size = self.state_sizes[name.removeprefix("state0.")]
            self.tensors[name] = Tensor([self.N, size], [0.0] * (self.N * size))
        tensor = self.tensors[name]
        original = tensor.values
        gradient = []
        for k in range(count_elements(tensor.shape)):
            tensor.values = original[:k] + [original[k] + 1j * STEP] + original[k + 1 :]
            gradient.append((self.loss() + 0j).imag / STEP)
        tensor.values = original
        return Tensor(tensor.shape, gradient)
