"""Runs a case of framework_runs.py here: its weights converted, its layers one by one."""

from support import DONE, Tensor, format_npz, parse_npz, read_tensors, run_program, write_tensors


def write_weights(path, tensors):
    """Tensors in the format that the name says."""
    if path.endswith(".npz"):
        with open(path, "wb") as file:
            file.write(format_npz(tensors))
    else:
        write_tensors(path, tensors)


def read_weights(path):
    if not path.endswith(".npz"):
        return read_tensors(path)
    with open(path, "rb") as file:
        return parse_npz(file.read())


def reverse_time(tensor):
    steps = tensor.shape[0]
    width = len(tensor.values) // steps
    rows = [tensor.values[t * width : (t + 1) * width] for t in reversed(range(steps))]
    return Tensor(tensor.shape, [value for row in rows for value in row], tensor.dtype)


def join_last(parts):
    """Tensors side by side along the last axis."""
    rows = zip(*(part.rows() for part in parts))
    values = [value for row in rows for part in row for value in part]
    return Tensor([*parts[0].shape[:-1], sum(part.shape[-1] for part in parts)], values, parts[0].dtype)


def run_cell(test, cell, params, x, engine):
    source, target = test.path("in.safetensors"), test.path("out.safetensors")
    write_tensors(source, {"in.x": x} | params)
    result = run_program("run", cell, "--in", source, "--out", target, "--dtype", "f64", "--engine", engine)
    test.assertEqual(result.status, DONE, result.err)
    return read_tensors(target)["out"]


def run_converted(test, case, extension="safetensors", engine="interpreter"):
    """The output of a case, with each cell converted for itself."""
    weights, cell_file = test.path("theirs." + extension), test.path("cell.safetensors")
    write_weights(weights, case["tensors"])
    series = case["x"]
    for layer in range(case["layers"]):
        parts = []
        for direction in ("forward", "reversed") if case["bidirectional"] else ("forward",):
            test.run_well("convert", weights, "--from", case["framework"], "--cell", case["cell"], "--layer", layer,
                          "--direction", direction, "-o", cell_file)
            turn = reverse_time if direction == "reversed" else lambda tensor: tensor
            parts.append(turn(run_cell(test, case["cell"], read_tensors(cell_file), turn(series), engine)))
        series = join_last(parts)
    return series


def title(case):
    return (f"{case['framework']} {case['cell']}, {case['layers']} layers, "
            f"{'both directions' if case['bidirectional'] else 'forward'}, biases {case['biases']}")
