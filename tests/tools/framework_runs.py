#!/usr/bin/env python3
"""Runs of recurrent layers in PyTorch and Keras: their weights under their own names, an input, and the output.

    python3 tests/tools/framework_runs.py

writes those of `recorded_cases` to tests/golden/framework_runs.json, which tests read where neither framework is there;
it needs PyTorch and Keras. Weights and inputs are multiples of 1/64, so that they are short and exact in every type.

A case: framework, made_with, tolerance (relative to the largest number), cell (ours), layers, bidirectional, biases
(false: the layer has none), tensors by name, x [T, N, I] and out [T, N, K]. All is in double, but on some back ends
Keras multiplies in single precision whatever it is told, so its tolerance is that of f32.
"""

import itertools
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from support import ROOT, Numbers, Tensor

RECORDED = ROOT / "tests/golden/framework_runs.json"
T, N, I, H, P = 4, 2, 3, 4, 2


def drawn(numbers, shape):
    tensor = numbers.tensor(*shape)
    return Tensor(tensor.shape, [round(value * 48) / 64 for value in tensor.values], "F64")


def nested(tensor):
    """A tensor as the lists of JSON: shape and numbers."""
    return {"shape": list(tensor.shape), "values": tensor.values}


def configurations(cells):
    """Cells with layers and directions, and a layer without biases."""
    kinds = [(1, False, True), (1, False, False), (1, True, True), (2, False, True), (2, True, True)]
    for number, (cell, (layers, bidirectional, biases)) in enumerate(itertools.product(cells, kinds)):
        yield number, {"cell": cell, "layers": layers, "bidirectional": bidirectional, "biases": biases}


# ---- PyTorch


def import_pytorch():
    import torch
    return torch


def make_pytorch_module(torch, case):
    options = {"num_layers": case["layers"], "bidirectional": case["bidirectional"], "bias": case["biases"],
               "dtype": torch.float64}
    makers = {
        "lstm": lambda: torch.nn.LSTM(I, H, **options),
        "lstm_projection": lambda: torch.nn.LSTM(I, H, proj_size=P, **options),
        "gru_reset_after": lambda: torch.nn.GRU(I, H, **options),
        "elman": lambda: torch.nn.RNN(I, H, nonlinearity="tanh", **options),
        "elman_relu": lambda: torch.nn.RNN(I, H, nonlinearity="relu", **options),
    }
    return makers[case["cell"]]()


PYTORCH_CELLS = ["lstm", "lstm_projection", "gru_reset_after", "elman", "elman_relu"]


def to_torch(torch, tensor):
    return torch.tensor(tensor.values, dtype=torch.float64).reshape(tensor.shape)


def run_pytorch(case, tensors, x):
    """The output of a module with these weights, which must be all that it has."""
    torch = import_pytorch()
    module = make_pytorch_module(torch, case)
    module.load_state_dict({name: to_torch(torch, tensor) for name, tensor in tensors.items()})
    with torch.no_grad():
        out, _ = module(to_torch(torch, x))
    return Tensor(list(out.shape), out.flatten().tolist(), "F64")


def pytorch_cases():
    torch = import_pytorch()
    for number, case in configurations(PYTORCH_CELLS):
        numbers = Numbers(100 + number)
        shapes = {name: list(value.shape) for name, value in make_pytorch_module(torch, case).state_dict().items()}
        tensors = {name: drawn(numbers, shape) for name, shape in shapes.items()}
        x = drawn(numbers, (T, N, I))
        yield {"framework": "pytorch", "made_with": f"PyTorch {torch.__version__.split('+')[0]}",
               "tolerance": 1e-12, **case, "tensors": tensors, "x": x, "out": run_pytorch(case, tensors, x)}


# ---- Keras


KERAS_CELLS = ["lstm", "gru_reset_after", "gru", "elman", "elman_relu"]


def import_keras():
    if "KERAS_BACKEND" not in os.environ:
        try:
            import tensorflow  # noqa: F401
        except ImportError:
            os.environ["KERAS_BACKEND"] = "torch"
    import keras
    return keras


def make_keras_model(keras, case):
    """A model whose variables have the paths of a fresh session, without the model's own name in front."""
    keras.utils.clear_session()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    layers = keras.layers
    options = {"return_sequences": True, "use_bias": case["biases"]}
    makers = {
        "lstm": lambda: layers.LSTM(H, **options),
        "gru_reset_after": lambda: layers.GRU(H, **options),
        "gru": lambda: layers.GRU(H, reset_after=False, **options),
        "elman": lambda: layers.SimpleRNN(H, **options),
        "elman_relu": lambda: layers.SimpleRNN(H, activation="relu", **options),
    }
    stack = [keras.Input((T, I))]
    for _ in range(case["layers"]):
        layer = makers[case["cell"]]()
        stack.append(layers.Bidirectional(layer) if case["bidirectional"] else layer)
    return keras.Sequential(stack)


def keras_path(variable):
    return variable.path.removeprefix("sequential/")


def run_keras(case, tensors, x):
    import numpy
    keras = import_keras()
    model = make_keras_model(keras, case)
    assert {keras_path(variable) for variable in model.weights} == set(tensors)
    for variable in model.weights:
        tensor = tensors[keras_path(variable)]
        variable.assign(numpy.array(tensor.values).reshape(tensor.shape))
    inputs = numpy.array(x.values).reshape(x.shape).transpose(1, 0, 2)
    out = numpy.asarray(keras.ops.convert_to_numpy(model(inputs))).transpose(1, 0, 2)
    return Tensor(list(out.shape), out.flatten().tolist(), "F64")


def keras_cases():
    keras = import_keras()
    for number, case in configurations(KERAS_CELLS):
        numbers = Numbers(200 + number)
        shapes = {keras_path(value): list(value.shape) for value in make_keras_model(keras, case).weights}
        tensors = {name: drawn(numbers, shape) for name, shape in shapes.items()}
        x = drawn(numbers, (T, N, I))
        yield {"framework": "keras", "made_with": f"Keras {keras.__version__}", "tolerance": 2e-6, **case,
               "tensors": tensors, "x": x, "out": run_keras(case, tensors, x)}


# ---- Recorded cases


def recorded_cases():
    """Of each row, two layers in both directions, and one layer in one without biases."""
    for case in itertools.chain(pytorch_cases(), keras_cases()):
        if (case["layers"], case["bidirectional"], case["biases"]) in ((2, True, True), (1, False, False)):
            yield case


def write_recorded():
    lines = []
    for case in recorded_cases():
        tensors = {name: nested(tensor) for name, tensor in case["tensors"].items()}
        lines.append(json.dumps({**case, "tensors": tensors, "x": nested(case["x"]), "out": nested(case["out"])}))
    RECORDED.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(lines)} cases")


def read_recorded():
    def tensor(entry):
        return Tensor(entry["shape"], entry["values"], "F64")

    return [{**case, "tensors": {name: tensor(entry) for name, entry in case["tensors"].items()},
             "x": tensor(case["x"]), "out": tensor(case["out"])} for case in json.loads(RECORDED.read_text())]


if __name__ == "__main__":
    write_recorded()
