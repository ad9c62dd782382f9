"""The LSTM of a ticket: NumPy for a few documents, compiled for many."""

import math

import numpy as np

from lottery.tickets.architectures import LSTM
from lottery.tickets.compressed_rows import SparseMatrix
from lottery.tickets.format import Contents
from lottery.tickets.header import EMBEDDING
from lottery.tickets.word_table import WordTable

LANES = 64
"""Documents that are computed side by side when compiled."""
SIGMOID_SCALE, TANH_SCALE = -1 / math.log(2), -2 / math.log(2)
"""sigmoid(x) is 1 / (1 + e) for e = 2**(SIGMOID_SCALE x), and tanh(x) is (1 - e) / (1 + e) for e =
2**(TANH_SCALE x). All weights and biases of a gate are multiplied by its scale in advance."""
LIMIT = 62
"""Of the scaled numbers on both sides: beyond it both functions are constant, and the product of
two powers is still a float32."""


class LSTMNetwork:
    """The bidirectional layers of :mod:`lottery.models.lstm`, read at both last states.

    The first layer's product with a word is looked up (:mod:`lottery.tickets.word_table`).
    """

    def __init__(self, contents: Contents) -> None:
        model = contents.header.model
        assert isinstance(model, LSTM)
        self.model = model
        names = model.names()
        # The gates' order is input, forget, cell, output.
        of_gates = [SIGMOID_SCALE, SIGMOID_SCALE, TANH_SCALE, SIGMOID_SCALE]
        scales = np.repeat(np.array(of_gates, np.float32), model.hidden)

        def by_column(name: str) -> SparseMatrix:
            return contents.matrices[name].scaled(scales).transposed()

        self.recurrent = [by_column(f"weight_hh_{name}") for name in names]
        self.inputs = [by_column(f"weight_ih_{name}") for name in names]
        self.biases = [contents.vectors[f"bias_{name}"] * scales for name in names]
        projection = np.concatenate([matrix.dense() for matrix in self.inputs[:2]], 1)
        self.table = WordTable(contents.matrices[EMBEDDING], projection)

    def features(self, ids: np.ndarray, offsets: np.ndarray, compiled: bool) -> np.ndarray:
        """What the output layer reads, float32 ``[documents, 2 hidden]``; see ``CNNNetwork``."""
        lengths = np.diff(offsets)
        # Documents of about the same length together; the longest first, so that those which have
        # not ended come first.
        order = np.argsort(-lengths, kind="stable")
        rows, slots = self.table.looked_up(ids) if compiled else self.table.products(ids)
        if not compiled:
            result = np.empty((len(lengths), 2 * self.model.hidden), np.float32)
            result[order] = self._last_states(rows, slots, offsets[order], lengths[order])
            return result
        return self._compiled_last_states(rows, slots, offsets, order)

    def _last_states(
        self, rows: np.ndarray, slots: np.ndarray, firsts: np.ndarray, lengths: np.ndarray
    ) -> np.ndarray:
        """The last states of documents that begin at ``firsts``, longest first."""
        steps = np.arange(lengths[0])
        inside = steps[:, None] < lengths
        positions = np.where(inside, firsts + steps[:, None], firsts)
        states = rows[slots[positions]]  # [steps, documents, columns]
        for layer in range(self.model.layers):
            outputs, last = [], []
            for way in range(2):
                number = 2 * layer + way
                gates = 4 * self.model.hidden
                if layer == 0:
                    summed = states[:, :, way * gates : (way + 1) * gates]
                else:
                    summed = states @ self.inputs[number].dense()
                bias, recurrent = self.biases[number], self.recurrent[number].dense()
                output = _direction(summed + bias, recurrent, lengths, backwards=way == 1)
                outputs.append(output)
                last.append(output[0] if way else output[lengths - 1, np.arange(len(lengths))])
            states = np.concatenate(outputs, 2)
        return np.concatenate(last, 1)

    def _compiled_last_states(
        self, rows: np.ndarray, slots: np.ndarray, offsets: np.ndarray, order: np.ndarray
    ) -> np.ndarray:
        """The last states of all documents; ``order`` has the longest first."""
        lengths, hidden = np.diff(offsets), self.model.hidden
        result = np.empty((len(order), 2 * hidden), np.float32)
        # Of a layer that has one above it, for all groups of documents, since memory that is new is
        # slow when it is first written to.
        shape = (min(2, self.model.layers - 1), int(lengths[order[0]]), 2 * hidden, LANES)
        memory = np.empty(shape, np.float32)
        for first in range(0, len(order), LANES):
            group = order[first : first + LANES]
            states = self._group(rows, slots, offsets[group], lengths[group], memory)
            result[group] = states[:, : len(group)].T
        return result

    def _group(
        self,
        rows: np.ndarray,
        slots: np.ndarray,
        firsts: np.ndarray,
        lengths: np.ndarray,
        memory: np.ndarray,
    ) -> np.ndarray:
        """The last states of up to :data:`LANES` documents, ``[2 hidden, LANES]``."""
        from lottery.tickets import lstm_kernels as kernels

        hidden, steps = self.model.hidden, int(lengths[0])
        last = np.zeros((2 * hidden, LANES), np.float32)
        states = np.empty((steps, 0, LANES), np.float32)
        for layer in range(self.model.layers):
            is_last = layer == self.model.layers - 1
            outputs = states[:, :0] if is_last else memory[layer % 2, :steps]
            for way in range(2):
                number, half = 2 * layer + way, slice(way * hidden, (way + 1) * hidden)
                arguments = (*_entries(self.recurrent[number]), self.biases[number], lengths)
                written = outputs[:, half], last[half]
                if layer == 0:
                    first = way * 4 * hidden
                    kernels.first_layer(rows, slots, firsts, first, *arguments, way == 1, *written)
                else:
                    entries = _entries(self.inputs[number])
                    kernels.next_layer(states, *entries, *arguments, way == 1, *written)
            states = outputs
        return last


def _entries(matrix: SparseMatrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return matrix.starts, matrix.columns, matrix.values


def _direction(
    summed: np.ndarray, recurrent: np.ndarray, lengths: np.ndarray, backwards: bool
) -> np.ndarray:
    """The states ``[steps, documents, hidden]`` of one direction of one layer.

    ``summed`` ``[steps, documents, 4 hidden]`` is what the gates get from below.
    """
    steps, documents, gates = summed.shape
    state = np.zeros((documents, gates // 4), np.float32)
    cell = np.zeros((documents, gates // 4), np.float32)
    outputs = np.empty((steps, documents, gates // 4), np.float32)
    for step in reversed(range(steps)) if backwards else range(steps):
        powers = _exp2(summed[step] + state @ recurrent)
        i, f, g, o = np.split(powers, 4, 1)
        cell = cell / (1 + f) + (1 - g) / ((1 + i) * (1 + g))
        c = _exp2(np.float32(TANH_SCALE) * cell)
        state = (1 - c) / ((1 + o) * (1 + c))
        if backwards:  # before a document's last token nothing has been read
            ended = step >= lengths
            cell[ended], state[ended] = 0, 0
        outputs[step] = state
    return outputs


def _exp2(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.exp2(np.clip(values, -LIMIT, LIMIT))
    return result
