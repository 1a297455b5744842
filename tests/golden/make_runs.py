#!/usr/bin/env python3
"""Writes golden_runs.json: the recorded cases of rnn_goldens.json as runs of our cells.

rnn_goldens.json holds literal numbers from other frameworks' tests, in each framework's own layout;
every record names its source and licence. This script only rearranges them: gates are told apart,
biases of one sum are added, batch-first arrays become time-first. It computes no step of any cell,
so a wrong cell cannot hide in it. Run it again after a change to either; it needs nothing but
Python 3:

    python3 tests/golden/make_runs.py

golden_runs.json is an array of runs:

    name, source, licence, note   of the record, `note` also says what is special about the run
    tolerance                     largest absolute difference allowed, as recorded
    in.x                          [T, N, I]
    lengths                       [N], where sequences differ in length
    layers                        bottom first; each reads the output of the one before:
        cell                      a shipped cell, or a file of tests/golden, then its only cell
        reverse                   true: from each sequence's own end to its start; outputs stay at
                                  their time, final states are those after time 0
        param.<name>, state0.<state>
    expected                      out [T, N, K] of the last layer; final.<state> of the last layer;
                                  layer<k>.final.<state> of another, k from 0

A tensor is nested arrays, outermost axis first. Absent initial states are zero.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


# Arrays.


def full(shape, value):
    if not shape:
        return value
    return [full(shape[1:], value) for _ in range(shape[0])]


def shaped(flat, *shape):
    """The numbers of a flat, row-major list as nested arrays."""
    if len(shape) == 1:
        assert len(flat) == shape[0]
        return list(flat)
    step = len(flat) // shape[0]
    assert step * shape[0] == len(flat)
    return [shaped(flat[k * step : (k + 1) * step], *shape[1:]) for k in range(shape[0])]


def arange(*shape):
    count = 1
    for size in shape:
        count *= size
    return shaped([float(k) for k in range(count)], *shape)


def time_first(batch_first):
    return [list(step) for step in zip(*batch_first)]


def add(a, b):
    return [p + q for p, q in zip(a, b)]


def repeated(row, count):
    return [list(row) for _ in range(count)]


# Runs.


def run(record, x, layers, expected, note="", lengths=None):
    """One entry of golden_runs.json."""
    result = {key: record[key] for key in ("name", "source", "licence", "tolerance")}
    notes = [text for text in (record["note"], note) if text]
    if notes:
        result["note"] = "; ".join(notes)
    result["in.x"] = x
    if lengths is not None:
        result["lengths"] = lengths
    result["layers"] = layers
    result["expected"] = expected
    return result


def layer(cell, params, state0=None, reverse=False):
    result = {"cell": cell}
    if reverse:
        result["reverse"] = True
    result.update({"param." + name: value for name, value in params.items()})
    result.update({"state0." + name: value for name, value in (state0 or {}).items()})
    return result


def filled(gates, inputs, units, weight, bias, recurrent_weight=None):
    """W_g_x, W_g_h, b_g of each gate, each of one value; `bias` is a number or one per gate."""
    recurrent_weight = weight if recurrent_weight is None else recurrent_weight
    params = {}
    for gate in gates:
        params[f"W_{gate}_x"] = full([units, inputs], weight)
        params[f"W_{gate}_h"] = full([units, units], recurrent_weight)
        if bias is not None:
            params[f"b_{gate}"] = full([units], bias[gate] if isinstance(bias, dict) else bias)
    return params


# TensorFlow 1: weights are all W, biases all `bias`, `forget_bias` is added inside the forget gate;
# one step, x is [N, I].


def tf_lstm_params(spec, inputs, gates="ifgo", weight=None):
    bias = {gate: spec["bias"] for gate in gates}
    bias["f"] += spec["forget_bias"]
    return filled(gates, inputs, spec["units"], spec["W"] if weight is None else weight, bias)


def tf_cifg_lstm(record):
    spec, expected = record["spec"], record["expected"]
    n, units = len(spec["x"]), spec["units"]
    params = tf_lstm_params(spec, len(spec["x"][0]), "fgo")
    state0 = {"h": full([n, units], spec["h0"]), "c": full([n, units], spec["c0"])}
    return run(
        record,
        [spec["x"]],
        [layer("cells/lstm_coupled.cell", params, state0)],
        {"out": [expected["h"]], "final.h": expected["h"],
         "final.c": [row[:units] for row in expected["c_h"]]},
        "c_h is c, then h",
    )


def tf_nas(record):
    spec, expected = record["spec"], record["expected"]
    n, inputs, units = len(spec["x"]), len(spec["x"][0]), spec["units"]
    fed_back = spec.get("proj", units)
    params = {}
    for k in range(8):
        params[f"W_u_{k}_x"] = full([units, inputs], spec["W"])
        params[f"W_u_{k}_h"] = full([units, fed_back], spec["W"])
    cell = "nas"
    if "proj" in spec:
        cell = "cells/nas_projection.cell"
        params["W_h_m"] = full([fed_back, units], spec["W_proj"])
    state0 = {"h": full([n, fed_back], spec["h0"]), "c": full([n, units], spec["c0"])}
    return run(
        record,
        [spec["x"]],
        [layer(cell, params, state0)],
        {"out": [expected["h"]], "final.h": expected["h"], "final.c": expected["c"]},
    )


def tf_intersection_rnn(record):
    spec, expected = record["spec"], record["expected"]
    n, inputs, units = len(spec["x"]), len(spec["x"][0]), spec["units"]
    projection = {"W_y_x": full([units, inputs], spec["W_in_proj"]),
                  "b_y": full([units], spec["bias"])}
    open_gate = spec["bias"] + spec["forget_bias"]
    bias = {"y_in": spec["bias"], "h_in": spec["bias"], "g_y": open_gate, "g_h": open_gate}
    params = filled(bias, units, units, spec["W"], bias)
    return run(
        record,
        [spec["x"]],
        [layer("cells/projection.cell", projection),
         layer("intersection_rnn", params, {"h": full([n, units], spec["h0"])})],
        {"out": [expected["y"]], "final.h": expected["h"]},
        "the projection of the input is a layer without a state",
    )


def tf_ugrnn(record):
    spec, expected = record["spec"], record["expected"]
    n, units = len(spec["x"]), spec["units"]
    bias = {"g": spec["bias"] + spec["forget_bias"], "n": spec["bias"]}
    params = filled("gn", len(spec["x"][0]), units, spec["W"], bias)
    return run(
        record,
        [spec["x"]],
        [layer("ugrnn", params, {"h": full([n, units], spec["h0"])})],
        {"out": [expected["h"]], "final.h": expected["h"]},
    )


def tf_gru_layer(spec, inputs):
    bias = {"z": spec["gate_bias"], "r": spec["gate_bias"], "n": spec["cand_bias"]}
    params = filled("zrn", inputs, spec["units"], spec["W"], bias)
    params["W_n_2"] = params.pop("W_n_h")  # it multiplies r * h
    return layer("gru", params, {"h": full([1, spec["units"]], spec["h0"])})


def tf_gru(record):
    spec, expected = record["spec"], record["expected"]
    return run(
        record,
        [spec["x"]],
        [tf_gru_layer(spec, len(spec["x"][0]))],
        {"out": [expected["h"]], "final.h": expected["h"]},
    )


def tf_gru_stack2(record):
    spec, expected = record["spec"], record["expected"]
    layers = [tf_gru_layer(spec, len(spec["x"][0])), tf_gru_layer(spec, spec["units"])]
    return run(
        record,
        [spec["x"]],
        layers,
        {"out": [[expected["h2"]]], "final.h": [expected["h2"]],
         "layer0.final.h": [expected["h1"]]},
    )


def tf_basic_lstm_stack2(record):
    spec, expected = record["spec"], record["expected"]
    units = spec["units"]
    state0 = {"h": full([1, units], spec["h0"]), "c": full([1, units], spec["c0"])}
    layers = [layer("lstm", tf_lstm_params(spec, len(spec["x"][0])), state0),
              layer("lstm", tf_lstm_params(spec, units), state0)]
    return run(
        record,
        [spec["x"]],
        layers,
        {"out": [[expected["h"]]], "final.h": [expected["h"]], "final.c": [expected["c2"]],
         "layer0.final.h": [expected["h1"]], "layer0.final.c": [expected["c1"]]},
    )


def tf_lnlstm_nonorm_stack2(record):
    # h0[k], c0[k] of the record's spec are layer k's; the same names in `expected` are layer 0's.
    spec, expected = record["spec"], record["expected"]
    layers = [
        layer("lstm", tf_lstm_params(spec, inputs),
              {"h": [spec["h0"][k]], "c": [spec["c0"][k]]})
        for k, inputs in enumerate([len(spec["x"][0]), spec["units"]])
    ]
    return run(
        record,
        [spec["x"]],
        layers,
        {"out": [[expected["h"]]], "final.h": [expected["h"]], "final.c": [expected["c1"]],
         "layer0.final.h": [expected["h0"]], "layer0.final.c": [expected["c0"]]},
    )


def tf_lstm_2step(record):
    spec, expected = record["spec"], record["expected"]
    units = spec["units"]
    state0 = {"h": full([1, units], spec["h0"]), "c": full([1, units], spec["c0"])}
    return run(
        record,
        [[row] for row in spec["x_seq"]],
        [layer("lstm", tf_lstm_params(spec, len(spec["x_seq"][0])), state0)],
        {"out": [[row] for row in expected["y"]], "final.c": [expected["c"]]},
    )


def tf_weight_norm_lstm(record):
    """Weight normalization: each unit's weights of one operand are scaled to length g. All are
    equal here, so n of them become g / sqrt(n) each."""
    spec, expected = record["spec"], record["expected"]
    units, inputs = spec["units"], len(spec["x"][0])
    normalized = "norm=1" in spec["cell"]
    peepholes = "peepholes=1" in spec["cell"]
    gates = "ifzo" if peepholes else "ifgo"
    assert inputs == units
    weight = spec["g"] / inputs**0.5 if normalized else spec["W"]
    params = tf_lstm_params(spec, inputs, gates, weight)
    if peepholes:
        params.update({f"p_{gate}": full([units], 0.5) for gate in "ifo"})
    return run(
        record,
        [spec["x"]],
        [layer("lstm_peephole" if peepholes else "lstm", params,
               {"h": [spec["h0"]], "c": [spec["c0"]]})],
        {"out": [[expected["h"]]], "final.h": [expected["h"]], "final.c": [expected["c"]]},
        "the weights are already normalized" if normalized else "",
    )


def tf_layer_norm_lstm(record):
    spec, expected = record["spec"], record["expected"]
    units, inputs = spec["units"], len(spec["x"][0])
    params = filled("ifgo", inputs, units, spec["W"], None)
    for name in "ifgoc":
        params["gamma_" + name] = full([units], spec["gamma"])
        params["beta_" + name] = full([units], spec["beta"])
    # The forget bias is added after the normalization, as beta_f is.
    params["beta_f"] = full([units], spec["beta"] + spec["forget_bias"])
    return run(
        record,
        [spec["x"]],
        [layer("cells/tf_layer_norm_lstm.cell", params,
               {"h": [spec["h0"]], "c": [spec["c0"]]})],
        {"out": [[expected["h"]]], "final.h": [expected["h"]], "final.c": [expected["c"]]},
    )


# Keras: x is [N, T, I]; constant kernels; one bias, but reset_after=True has an input bias and a
# recurrent one.

KERAS_INPUT = {"arange(72).reshape(3,6,4)": (3, 6, 4), "arange(24).reshape(2,4,3)": (2, 4, 3)}


def keras_lstm(record):
    spec, expected = record["spec"], record["expected"]
    shape = KERAS_INPUT[spec["x"]]
    bias = {"i": spec["bias"], "f": spec["forget_bias"], "g": spec["bias"], "o": spec["bias"]}
    params = filled("ifgo", shape[2], spec["units"], spec["kernel"], bias, spec["recurrent"])
    state0 = {"h": spec["h0"], "c": spec["c0"]} if "h0" in spec else {}
    x = time_first(arange(*shape))
    if "mask" not in spec:
        layers = [layer("lstm", params, state0, spec.get("go_backwards", False))]
        return run(record, x, layers, {"final.h": expected["h_last"]})
    lengths = [sum(row) for row in spec["mask"]]
    assert all(row == [1] * n + [0] * (len(row) - n) for row, n in zip(spec["mask"], lengths))
    out = [[value if t < n else [0.0] * spec["units"] for t, value in enumerate(sequence)]
           for sequence, n in zip(expected["y"], lengths)]
    return run(
        record,
        x,
        [layer("lstm", params, state0)],
        {"out": time_first(out), "final.h": [sequence[-1] for sequence in expected["y"]]},
        "the mask is a run with lengths: where Keras repeats the last output ours is 0, and what "
        "Keras repeats is the final state",
        lengths,
    )


def keras_gru(record):
    spec, expected = record["spec"], record["expected"]
    shape = KERAS_INPUT[spec["x"]]
    both = spec["bias_input"] + spec["bias_recurrent"]
    bias = {"z": both, "r": both, "n": spec["bias_input"]}
    params = filled("zrn", shape[2], spec["units"], spec["kernel"], bias, spec["recurrent"])
    if spec["reset_after"]:
        cell = "gru_reset_after"
        params["b_hn"] = full([spec["units"]], spec["bias_recurrent"])
    else:
        cell = "gru"
        assert spec["bias_recurrent"] == 0
        params["W_n_2"] = params.pop("W_n_h")
    return run(
        record,
        time_first(arange(*shape)),
        [layer(cell, params, {}, spec["go_backwards"])],
        {"final.h": expected["h_last"]},
    )


# PyTorch: LSTM(2, 2), gates i f g o below each other in each of w_ih, w_hh, b_ih, b_hh; element k
# of a parameter is k / (number of its elements).


def pytorch_lstm(record):
    expected = record["expected"]
    steps, n, inputs, units = 3, 4, 2, 2
    gates = "ifgo"

    def stacked(columns):
        count = len(gates) * units * columns
        return shaped([k / count for k in range(count)], len(gates), units, columns)

    w_ih, w_hh, b = stacked(inputs), stacked(units), stacked(1)
    params = {}
    for k, gate in enumerate(gates):
        params[f"W_{gate}_x"] = w_ih[k]
        params[f"W_{gate}_h"] = w_hh[k]
        params[f"b_{gate}"] = [2 * row[0] for row in b[k]]  # b_ih and b_hh are the same numbers
    count = steps * n * inputs
    x = shaped([(count - k) / count for k in range(count)], steps, n, inputs)
    return run(
        record,
        x,
        [layer("lstm", params)],
        {"out": shaped(expected["y"], steps, n, units), "final.c": shaped(expected["c"], n, units)},
        "biases b_ih and b_hh are added; four digits were recorded",
    )


# ONNX Runtime: X is [T, N, I]; W [4 H, I] and R [4 H, H] in the order i o f c, B is the input's
# biases, then the recurrent ones, P in the order i o f. GRU: order z r h.


def ort_lstm_params(spec, names):
    """`names` are our names of the gates i, o, f, c."""
    inputs, units = spec["input"], spec["hidden"]
    w = shaped(spec["W_iofc"], 4, units, inputs)
    if "R" in spec:
        r = full([4, units, units], spec["R"])
    else:
        r = shaped(spec["R_iofc"], 4, units, units)
    b = full([4, units], 0.0)
    if spec.get("use_bias"):
        b_w, b_r = shaped(spec["B"], 2, 4, units)
        b = [add(p, q) for p, q in zip(b_w, b_r)]
    params = {}
    for k, gate in enumerate(names):
        params[f"W_{gate}_x"] = w[k]
        params[f"W_{gate}_h"] = r[k]
        params[f"b_{gate}"] = b[k]
    if spec.get("use_peepholes"):
        p = shaped(spec["P_iof"], 3, units)
        params.update({f"p_{gate}": p[k] for k, gate in enumerate("iof")})
    return params


def ort_lstm_simple(record):
    spec, expected = record["spec"], record["expected"]
    steps, n, units = spec["seq"], spec["batch"], spec["hidden"]
    return run(
        record,
        shaped(spec["X"], steps, n, spec["input"]),
        [layer("lstm", ort_lstm_params(spec, "iofg"), {}, spec.get("rev", False))],
        {"out": shaped(expected["Y"], steps, n, units),
         "final.h": shaped(expected["Y_h"], n, units),
         "final.c": shaped(expected["Y_c"], n, units)},
        lengths=spec.get("lens"),
    )


def ort_lstm_2x1x2x2(record):
    spec, expected, options = record["spec"], record["expected"], record["spec"]["options"]
    steps, n, units = spec["seq"], spec["batch"], spec["hidden"]
    names, note = "iofz" if spec["use_peepholes"] else "iofg", ""
    if options.get("coupled"):
        cell = "lstm_peephole_cifg"
    elif "clip" in options:
        cell = "cells/lstm_peephole_clipped.cell"
        assert options["clip"] == 0.1  # the cell's option has this value
        note = "what enters an activation of i, f, z and o is clipped to [-0.1, 0.1]"
    elif "act" in options:
        cell = "cells/lstm_tanh_gates.cell"
        assert options["act"] == ["tanh", "sigmoid", "tanh"]
    else:
        cell = "lstm_peephole" if spec["use_peepholes"] else "lstm"
    params = ort_lstm_params(spec, names)
    if options.get("coupled"):
        params = {name: value for name, value in params.items()
                  if name not in ("W_f_x", "W_f_h", "b_f", "p_f")}
        note = "f = 1 - i: the forget gate's own weights are not read"
    state0 = {state: [options[state + "0"]] for state in "hc" if state + "0" in options}
    return run(
        record,
        shaped(spec["X"], steps, n, spec["input"]),
        [layer(cell, params, state0, options.get("rev", False))],
        {"out": shaped(expected["Y"], steps, n, units),
         "final.c": shaped(expected["Y_c"], n, units)},
        note,
    )


def ort_gru(record):
    spec, expected = record["spec"], record["expected"]
    steps, n, inputs, units = spec["seq"], spec["batch"], spec["input"], spec["hidden"]
    w = shaped(spec["W_zrh"], 3, units, inputs)
    b_w, b_r = shaped(spec["B"], 2, 3, units) if "B" in spec else full([2, 3, units], 0.0)
    params = {}
    for k, gate in enumerate("zrn"):
        params[f"W_{gate}_x"] = w[k]
        params[f"W_{gate}_h"] = full([units, units], spec["R"])
        params[f"b_{gate}"] = add(b_w[k], b_r[k])
    if spec.get("linear_before_reset"):
        cell = "gru_reset_after"
        params["b_n"], params["b_hn"] = b_w[2], b_r[2]
    else:
        cell = "gru"
        params["W_n_2"] = params.pop("W_n_h")
    return run(
        record,
        shaped(spec["X"], steps, n, inputs),
        [layer(cell, params, {}, spec["rev"])],
        {"out": shaped(expected["Y"], steps, n, units)},
    )


# TensorFlow Lite: row-major [cells, inputs] and [cells, outputs]; the candidate is called c.


def tflite_lstm(record):
    spec, expected = record["spec"], record["expected"]
    weights = spec["weights"]
    inputs, cells, outputs = spec["n_input"], spec["n_cell"], spec["n_output"]
    normalized = spec.get("layer_norm", False)
    candidate = "z" if spec.get("peephole") else "g"
    params = {}
    for theirs in "ifco":
        if "x" + theirs not in weights:
            continue  # CIFG has no input gate of its own
        ours = candidate if theirs == "c" else theirs
        params[f"W_{ours}_x"] = shaped(weights["x" + theirs], cells, inputs)
        params[f"W_{ours}_h"] = shaped(weights["h" + theirs], cells, outputs)
        params[("beta_" if normalized else "b_") + ours] = weights["b" + theirs]
        if normalized:
            params["gamma_" + ours] = weights["ln" + theirs]
        if "p" + theirs in weights:
            params["p_" + ours] = weights["p" + theirs]
    if spec.get("projection"):
        params["W_h_m"] = shaped(weights["proj"], outputs, cells)
    if normalized:
        cell = "cells/tflite_lstm_coupled.cell" if spec.get("cifg") else "cells/tflite_lstm.cell"
    elif spec.get("cifg"):
        cell = "cells/lstm_peephole_coupled.cell"
    else:
        cell = "lstm"
    return run(record, spec["x_seq"], [layer(cell, params)], {"out": expected["y"]})


# Which function reads which record: the longest beginning of its name that stands here.
FAMILIES = {
    "tf_contrib_cifg_lstm": tf_cifg_lstm,
    "tf_contrib_nascell": tf_nas,
    "tf_contrib_intersection_rnn": tf_intersection_rnn,
    "tf_contrib_ugrnn": tf_ugrnn,
    "tf_gru_": tf_gru,
    "tf_gru_stack2": tf_gru_stack2,
    "tf_basic_lstm_stack2": tf_basic_lstm_stack2,
    "tf_lnlstm_nonorm_stack2": tf_lnlstm_nonorm_stack2,
    "tf_lstm_2step": tf_lstm_2step,
    "tf_weightnorm_lstm": tf_weight_norm_lstm,
    "tf_layernorm_lstm": tf_layer_norm_lstm,
    "keras_lstm": keras_lstm,
    "keras_gru": keras_gru,
    "pytorch_cpp_lstm": pytorch_lstm,
    "ort_lstm_simple": ort_lstm_simple,
    "ort_lstm_2x1x2x2": ort_lstm_2x1x2x2,
    "ort_gru": ort_gru,
    "tflite_lstm": tflite_lstm,
}


def family(name):
    return FAMILIES[max((begin for begin in FAMILIES if name.startswith(begin)), key=len)]


def written(runs):
    """JSON with one tensor a line."""

    def block(entries, indent, brackets):
        pad = " " * (indent + 2)
        inner = (",\n" + pad).join(entries)
        return brackets[0] + "\n" + pad + inner + "\n" + " " * indent + brackets[1]

    def fields(mapping, indent):
        return block(
            [json.dumps(key) + ": " + value_text(key, value, indent + 2)
             for key, value in mapping.items()], indent, "{}")

    def value_text(key, value, indent):
        if key == "layers":
            return block([fields(entry, indent + 2) for entry in value], indent, "[]")
        if key == "expected":
            return fields(value, indent)
        return json.dumps(value)

    return block([fields(entry, 2) for entry in runs], 0, "[]") + "\n"


def main():
    records = json.loads((FOLDER / "rnn_goldens.json").read_text())
    runs = [family(record["name"])(record) for record in records]
    (FOLDER / "golden_runs.json").write_text(written(runs))
    print(f"{len(runs)} runs")


if __name__ == "__main__":
    main()
