"""Training of language models written once more, in double: cells from reference.py, one-hot vectors as
vectors, gradients as derivatives along the imaginary axis, optimizers from their papers."""

import cmath
import math

import reference
from reference import STEP, step_gru, step_lstm
from support import Tensor

STEPS = {"lstm": (step_lstm, ("h", "c")), "gru": (step_gru, ("h",))}


class Model:
    """Layers of cells between an optional embedding and the decoder."""

    def __init__(self, cells, tensors, is_residual=False):
        self.cells, self.is_residual = cells, is_residual
        self.params = {name.removeprefix("param."): tensor for name, tensor in tensors.items()
                       if name.startswith("param.")}
        self.symbols = self.params["decoder.b_y"].shape[0]

    def part(self, prefix):
        return {name.removeprefix(prefix + "."): tensor for name, tensor in self.params.items()
                if name.startswith(prefix + ".")}

    def zeros(self):
        """First states of one stream."""
        states = []
        for layer, cell in enumerate(self.cells):
            size = next(t.shape[0] for name, t in self.part(f"layer{layer}").items() if name.startswith("b_"))
            states.append({name: [0.0] * size for name in STEPS[cell][1]})
        return states

    def logits(self, symbol, states):
        """The logits of the next symbol, and the next states."""
        x = [float(i == symbol) for i in range(self.symbols)]
        if embedding := self.part("embedding"):
            x = reference.matrix(embedding, "W_y_x", x)
        after = []
        for layer, cell in enumerate(self.cells):
            y, state = STEPS[cell][0](self.part(f"layer{layer}"), {"x": x}, states[layer])
            after.append(state)
            x = [a + b for a, b in zip(x, y)] if self.is_residual and layer > 0 else y
        return reference.linear(self.part("decoder"), "y", x=x), after

    def loss(self, inputs, targets, states):
        """Mean nats per symbol of [stream][step], and each stream's last states."""
        total, after = 0, []
        for stream, (read, wanted) in enumerate(zip(inputs, targets)):
            state = states[stream]
            for symbol, target in zip(read, wanted):
                logits, state = self.logits(symbol, state)
                top = max(logit.real for logit in logits)
                total += cmath.log(sum(cmath.exp(logit - top) for logit in logits)) + top - logits[target]
            after.append(state)
        return total / (len(inputs) * len(inputs[0])), after

    def gradient(self, inputs, targets, states):
        """By each element of each parameter."""
        gradient = {}
        for name, tensor in self.params.items():
            original, gradient[name] = tensor.values, []
            for k in range(len(original)):
                tensor.values = original[:k] + [original[k] + 1j * STEP] + original[k + 1 :]
                gradient[name].append(self.loss(inputs, targets, states)[0].imag / STEP)
            tensor.values = original
        return gradient


def real_states(states):
    return [[{name: [complex(v).real for v in vector] for name, vector in state.items()} for state in stream]
            for stream in states]


# ---- Batches


class Streams:
    """Rows of a text that are read side by side: `length` steps of each from `first` on."""

    def __init__(self, text, streams, steps, row, first, length):
        self.text, self.streams, self.steps = text, streams, steps
        self.row, self.first, self.length = row, first, length

    def count(self):
        return -(-self.length // self.steps) if self.length else 0

    def batch(self, number):
        begin = self.first + number * self.steps
        size = min(self.steps, self.first + self.length - begin)
        places = [[stream * self.row + begin + step for step in range(size)] for stream in range(self.streams)]
        inputs = [[self.text[place] for place in stream] for stream in places]
        targets = [[self.text[(place + 1) % len(self.text)] for place in stream] for stream in places]
        return inputs, targets


def split_streams(text, streams, steps, train, validation):
    """char-rnn's: the batches are columns of the text laid out in rows."""
    batches = len(text) // (streams * steps)
    cut = text[: batches * streams * steps]
    first = math.floor(batches * train)
    second = batches - first if train + validation > 1 - 1e-9 else math.floor(batches * validation)
    return (Streams(cut, streams, steps, batches * steps, 0, first * steps),
            Streams(cut, streams, steps, batches * steps, first * steps, second * steps))


def split_text(text, streams, steps, train):
    """The end of the text validates."""
    size = math.floor(len(text) * train)
    head, tail = text[:size], text[size:]
    length = (size - 1) // (streams * steps) * steps
    tail_streams = min(streams, len(tail) - 1)
    tail_length = (len(tail) - 1) // tail_streams
    return (Streams(head, streams, steps, length, 0, length),
            Streams(tail, tail_streams, min(steps, tail_length), tail_length, 0, tail_length))


def evaluate(model, part):
    """Mean nats per symbol over all batches, states carried from zeros."""
    states = [model.zeros() for _ in range(part.streams)]
    total = symbols = 0
    for number in range(part.count()):
        inputs, targets = part.batch(number)
        loss, states = model.loss(inputs, targets, states)
        total += loss.real * len(inputs) * len(inputs[0])
        symbols += len(inputs) * len(inputs[0])
    return total / symbols


# ---- Updates of one number, from the papers


class Sgd:
    """Polyak 1964; Nesterov as Sutskever et al. 2013, in the form of PyTorch."""

    def __init__(self, momentum=0, nesterov=False):
        self.momentum, self.nesterov = momentum, nesterov
        self.velocity = 0

    def step(self, gradient, rate):
        self.velocity = self.momentum * self.velocity + gradient
        return rate * (gradient + self.momentum * self.velocity if self.nesterov else self.velocity)


class Rmsprop:
    """Tieleman & Hinton 2012, lecture 6.5."""

    def __init__(self, decay=0.95, epsilon=1e-8):
        self.decay, self.epsilon = decay, epsilon
        self.square = 0

    def step(self, gradient, rate):
        self.square = self.decay * self.square + (1 - self.decay) * gradient**2
        return rate * gradient / (math.sqrt(self.square) + self.epsilon)


class Adagrad:
    """Duchi et al. 2011."""

    def __init__(self, epsilon=1e-10):
        self.epsilon = epsilon
        self.square = 0

    def step(self, gradient, rate):
        self.square += gradient**2
        return rate * gradient / (math.sqrt(self.square) + self.epsilon)


class Adadelta:
    """Zeiler 2012, algorithm 1."""

    def __init__(self, decay=0.95, epsilon=1e-6):
        self.decay, self.epsilon = decay, epsilon
        self.square = self.moved = 0

    def step(self, gradient, rate):
        self.square = self.decay * self.square + (1 - self.decay) * gradient**2
        step = math.sqrt(self.moved + self.epsilon) / math.sqrt(self.square + self.epsilon) * gradient
        self.moved = self.decay * self.moved + (1 - self.decay) * step**2
        return rate * step


class Adam:
    """Kingma & Ba 2015, algorithm 1."""

    def __init__(self, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.mean = self.square = self.count = 0

    def step(self, gradient, rate):
        self.count += 1
        self.mean = self.beta1 * self.mean + (1 - self.beta1) * gradient
        self.square = self.beta2 * self.square + (1 - self.beta2) * gradient**2
        mean = self.mean / (1 - self.beta1**self.count)
        square = self.square / (1 - self.beta2**self.count)
        return rate * mean / (math.sqrt(square) + self.epsilon)


class Training:
    """Updates of a model in order, as `train lm` does them."""

    def __init__(self, model, part, make_optimizer, rate_at, clip_norm=0, clip_value=0, scale=1,
                 weight_decay=0, decoupled_decay=0, resets=True):
        self.model, self.part = model, part
        self.optimizers = {name: [make_optimizer() for _ in tensor.values]
                           for name, tensor in model.params.items()}
        self.rate_at, self.clip_norm, self.clip_value = rate_at, clip_norm, clip_value
        self.scale, self.resets = scale, resets
        self.weight_decay, self.decoupled_decay = weight_decay, decoupled_decay
        self.updates = 0

    def update(self):
        """One batch; gives its loss and the norm of its gradient."""
        batch = self.updates % self.part.count()
        if self.updates == 0 or (batch == 0 and self.resets):
            self.states = [self.model.zeros() for _ in range(self.part.streams)]
        inputs, targets = self.part.batch(batch)
        loss, after = self.model.loss(inputs, targets, self.states)
        gradient = self.model.gradient(inputs, targets, self.states)
        gradient = {name: [self.scale * g for g in values] for name, values in gradient.items()}
        norm = self.norm(gradient)
        if self.clip_value:
            limit = self.clip_value
            gradient = {name: [max(-limit, min(limit, g)) for g in values] for name, values in gradient.items()}
        if self.clip_norm and self.norm(gradient) > self.clip_norm:
            factor = self.clip_norm / self.norm(gradient)
            gradient = {name: [factor * g for g in values] for name, values in gradient.items()}
        rate = self.rate_at(self.updates)
        for name, tensor in self.model.params.items():
            tensor.values = [
                p - rate * self.decoupled_decay * p - optimizer.step(g + self.weight_decay * p, rate)
                for p, g, optimizer in zip(tensor.values, gradient[name], self.optimizers[name])]
        self.states = real_states(after)
        self.updates += 1
        return loss.real, norm

    @staticmethod
    def norm(gradient):
        return math.sqrt(sum(g**2 for values in gradient.values() for g in values))
