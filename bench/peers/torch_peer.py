"""PyTorch: `nn` for nn.LSTM, nn.GRU and nn.RNN, `loop` for cells written out step by step with the input
product hoisted out of the loop, `compile` for the same under torch.compile. Forward and backward with the
gradients of weights, biases, inputs and initial states; `nn` also updates of a language model.

Use: torch_peer.py nn|loop|compile THREADS, requests on standard input.
"""

import sys

import torch
from peer_worker import serve

KIND, THREADS = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(THREADS)
torch.manual_seed(1)

MODULES = {"lstm": torch.nn.LSTM, "gru_reset_after": torch.nn.GRU, "elman": torch.nn.RNN}


def gates(parts, count):
    return parts.chunk(count, -1)


def lstm(gx, U, states):
    h, c = states
    i, f, g, o = gates(gx + h @ U, 4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def gru(gx, U, states):
    (h,) = states
    H = h.shape[-1]
    z, r = gates(torch.sigmoid(gx[:, : 2 * H] + h @ U[:, : 2 * H]), 2)
    n = torch.tanh(gx[:, 2 * H :] + (r * h) @ U[:, 2 * H :])
    h = z * h + (1 - z) * n
    return h, (h,)


def gru_reset_after(gx, U, states):
    U, b = U
    (h,) = states
    H = h.shape[-1]
    gh = h @ U
    z, r = gates(torch.sigmoid(gx[:, : 2 * H] + gh[:, : 2 * H]), 2)
    n = torch.tanh(gx[:, 2 * H :] + r * (gh[:, 2 * H :] + b))
    h = z * h + (1 - z) * n
    return h, (h,)


def elman(gx, U, states):
    h = torch.tanh(gx + states[0] @ U)
    return h, (h,)


# Cell: step, gates, states.
LOOPS = {"lstm": (lstm, 4, 2), "gru": (gru, 3, 1), "gru_reset_after": (gru_reset_after, 3, 1), "elman": (elman, 1, 1)}


def mut1(x, parameters, states):
    """MUT1 (Jozefowicz et al. 2015): its input is also added to the candidate without a weight."""
    W, b, Ur, Un, bn = parameters
    (h,) = states
    H = h.shape[-1]
    gx = x @ W + b  # all steps at once
    z = torch.sigmoid(gx[..., :H])
    tx = torch.tanh(x)
    outputs = []
    for t in range(x.shape[0]):
        r = torch.sigmoid(gx[t, :, H:] + h @ Ur)
        n = torch.tanh((r * h) @ Un + bn + tx[t])
        h = n * z[t] + h * (1 - z[t])
        outputs.append(h)
    return torch.stack(outputs)


def loop_of(step):
    def run(x, parameters, states):
        W, U, b, *rest = parameters
        gx = x @ W + b
        if rest:
            U = (U, *rest)
        outputs = []
        for t in range(x.shape[0]):
            output, states = step(gx[t], U, states)
            outputs.append(output)
        return torch.stack(outputs)

    return run


def both(forward, x, parameters, states, N, T, H):
    leaves = [x, *parameters, *states]
    adjoint = torch.full((T, N, H), 0.01)

    def run():
        output = forward(x, parameters, states)
        torch.autograd.grad(output, leaves, adjoint)

    return run


def leaf(*shape):
    return (torch.randn(*shape) * 0.1).requires_grad_()


def make(cell, I, H, N, T):
    x = leaf(T, N, I)
    if KIND == "nn":
        if cell not in MODULES:
            return None
        module = MODULES[cell](I, H)
        states = [leaf(1, N, H) for _ in range(2 if cell == "lstm" else 1)]

        def forward(x, _, states):
            return module(x, tuple(states) if cell == "lstm" else states[0])[0]

        return both(forward, x, list(module.parameters()), states, N, T, H)
    if cell == "mut1":
        forward, parameters, states = mut1, [leaf(I, 2 * H), leaf(2 * H), leaf(H, H), leaf(H, H), leaf(H)], [leaf(N, H)]
    elif cell in LOOPS:
        step, number, count = LOOPS[cell]
        forward = loop_of(step)
        parameters = [leaf(I, number * H), leaf(H, number * H), leaf(number * H)]
        if cell == "gru_reset_after":
            parameters.append(leaf(H))  # added to the product that is reset
        states = [leaf(N, H) for _ in range(count)]
    else:
        return None
    if KIND == "compile":
        forward = torch.compile(forward)
    return both(forward, x, parameters, tuple(states), N, T, H)


SYMBOLS, LAYERS, CLIP_NORM = 65, 2, 1.0  # as `cellwright bench --suite lm`


def make_lm(cell, H, N, T):
    """An update: one-hot symbols through two layers and a decoder, loss, backward, clipping, Adam; states go on from
    batch to batch without gradients."""
    if KIND != "nn" or cell not in ("lstm", "gru"):
        return None
    layers = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](SYMBOLS, H, LAYERS)
    decoder = torch.nn.Linear(H, SYMBOLS)
    parameters = [*layers.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters)
    inputs, targets = torch.randint(SYMBOLS, (T, N)), torch.randint(SYMBOLS, (T * N,))
    states = [torch.zeros(LAYERS, N, H) for _ in range(2 if cell == "lstm" else 1)]

    def run():
        optimizer.zero_grad()
        x = torch.nn.functional.one_hot(inputs, SYMBOLS).float()
        output, last = layers(x, tuple(states) if cell == "lstm" else states[0])
        states[:] = [value.detach() for value in (last if cell == "lstm" else [last])]
        loss = torch.nn.functional.cross_entropy(decoder(output).view(-1, SYMBOLS), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimizer.step()
        return loss.item()

    return run


serve(make, make_lm)
