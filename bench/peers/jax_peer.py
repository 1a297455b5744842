"""JAX: lax.scan with the input product hoisted out of the loop, under jit and vjp: the gradients of weights,
biases, inputs and initial states.

Use: jax_peer.py THREADS, requests on standard input; the caller limits the processors.
"""

import jax
import jax.numpy as jnp
from peer_worker import serve


def lstm(states, gx, U):
    h, c = states
    i, f, g, o = jnp.split(gx + h @ U, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru(states, gx, U):
    (h,) = states
    H = h.shape[-1]
    z, r = jnp.split(jax.nn.sigmoid(gx[:, : 2 * H] + h @ U[:, : 2 * H]), 2, -1)
    n = jnp.tanh(gx[:, 2 * H :] + (r * h) @ U[:, 2 * H :])
    h = z * h + (1 - z) * n
    return (h,), h


def gru_reset_after(states, gx, U):
    U, b = U
    (h,) = states
    H = h.shape[-1]
    gh = h @ U
    z, r = jnp.split(jax.nn.sigmoid(gx[:, : 2 * H] + gh[:, : 2 * H]), 2, -1)
    n = jnp.tanh(gx[:, 2 * H :] + r * (gh[:, 2 * H :] + b))
    h = z * h + (1 - z) * n
    return (h,), h


def elman(states, gx, U):
    h = jnp.tanh(gx + states[0] @ U)
    return (h,), h


# Cell: step, gates, states.
CELLS = {"lstm": (lstm, 4, 2), "gru": (gru, 3, 1), "gru_reset_after": (gru_reset_after, 3, 1), "elman": (elman, 1, 1)}


def run_cell(step):
    def run(x, parameters, states):
        W, U, b, *rest = parameters
        if rest:
            U = (U, *rest)
        return jax.lax.scan(lambda s, gx: step(s, gx, U), states, x @ W + b)[1]

    return run


def run_mut1(x, parameters, states):
    W, b, Ur, Un, bn = parameters
    H = states[0].shape[-1]
    gx = x @ W + b
    z, gr, tx = jax.nn.sigmoid(gx[..., :H]), gx[..., H:], jnp.tanh(x)

    def step(h, inputs):
        z, gr, tx = inputs
        r = jax.nn.sigmoid(gr + h @ Ur)
        h = jnp.tanh((r * h) @ Un + bn + tx) * z + h * (1 - z)
        return h, h

    return jax.lax.scan(step, states[0], (z, gr, tx))[1]


def make(cell, I, H, N, T):
    key = jax.random.PRNGKey(1)

    def leaf(*shape):
        return 0.1 * jax.random.normal(key, shape, jnp.float32)

    if cell == "mut1":
        forward, parameters = run_mut1, (leaf(I, 2 * H), leaf(2 * H), leaf(H, H), leaf(H, H), leaf(H))
        states = (leaf(N, H),)
    elif cell in CELLS:
        step, gates, count = CELLS[cell]
        forward, parameters = run_cell(step), (leaf(I, gates * H), leaf(H, gates * H), leaf(gates * H))
        if cell == "gru_reset_after":
            parameters = (*parameters, leaf(H))  # added to the product that is reset
        states = tuple(leaf(N, H) for _ in range(count))
    else:
        return None
    x, adjoint = leaf(T, N, I), jnp.full((T, N, H), 0.01, jnp.float32)

    @jax.jit
    def both(x, parameters, states, adjoint):
        output, backward = jax.vjp(forward, x, parameters, states)
        return output, backward(adjoint)

    def run():
        jax.block_until_ready(both(x, parameters, states, adjoint))

    return run


serve(make)
