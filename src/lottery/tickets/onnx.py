"""A ticket as a dense ONNX network, for other runtimes; needs the package ``onnx``.

Inputs ``tokens`` int64 ``[documents, longest]``, each word's row in the ticket, and ``lengths``
int32 ``[documents]``; what is behind a document's end may be any row. Output ``logits`` float32.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lottery.errors import LotteryError
from lottery.storage import files
from lottery.tickets.architectures import CNN, LSTM
from lottery.tickets.format import Contents
from lottery.tickets.header import EMBEDDING

OPSET = 17


def write(contents: Contents, path: Path) -> None:
    """Write the network as ONNX. Raises LotteryError if ``onnx`` is not installed."""
    try:
        from onnx import checker
    except ImportError:
        raise LotteryError(
            "writing ONNX needs the package onnx; install the extra 'onnx'"
        ) from None
    model = _Graph(contents).build()
    checker.check_model(model)
    files.write_bytes(path, model.SerializeToString())


class _Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The name of a new node's first output."""
        from onnx import helper

        name = f"{kind}_{len(self.nodes)}"
        outputs = ["", name] if kind == "LSTM" else [name]  # of an LSTM its last states
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return name

    def constant(self, values: Any, dtype: type = np.float32) -> str:
        """The name of a constant."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array: np.ndarray = np.ascontiguousarray(values, dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def build(self) -> Any:
        """The whole model."""
        from onnx import TensorProto, helper

        matrices, vectors = self.contents.matrices, self.contents.vectors
        embedding = self.constant(matrices[EMBEDDING].dense())
        embedded = self.add("Gather", embedding, "tokens")
        model = self.contents.header.model
        features = (
            self._cnn(model, embedded) if isinstance(model, CNN) else self._lstm(model, embedded)
        )
        weight = self.constant(matrices["output_weight"].dense())
        bias = self.constant(vectors["output_bias"])
        logits = self.add("Gemm", features, weight, bias, transB=1)
        self.nodes.append(helper.make_node("Identity", [logits], ["logits"]))
        graph = helper.make_graph(
            self.nodes,
            "ticket",
            [
                helper.make_tensor_value_info(
                    "tokens", TensorProto.INT64, ["documents", "longest"]
                ),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["documents"]),
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["documents", "outputs"])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def _cnn(self, model: CNN, embedded: str) -> str:
        """Each filter's maximum over the windows that lie in the document."""
        from onnx import TensorProto

        widest = max(model.widths)
        shape = self.add("Shape", "tokens")
        longest = self.add("Gather", shape, self.constant(1, np.int64))
        zero, one = self.constant(0, np.int64), self.constant(1, np.int64)
        positions = self.add("Range", zero, longest, one)
        lengths = self.add(
            "Unsqueeze", self.add("Cast", "lengths", to=7), self.constant([1], np.int64)
        )
        inside = self.add("Cast", self.add("Less", positions, lengths), to=TensorProto.FLOAT)
        inside = self.add("Unsqueeze", inside, self.constant([2], np.int64))
        embedded = self.add("Mul", embedded, inside)
        # Zeros behind the end, so that a document shorter than the widest filter has a window.
        pads = self.constant([0, 0, 0, 0, widest, 0], np.int64)
        embedded = self.add("Transpose", self.add("Pad", embedded, pads), perm=[0, 2, 1])
        at_least = self.add("Max", lengths, self.constant(widest, np.int64))
        features = []
        for width, count in zip(model.widths, model.filters, strict=True):
            if not count:
                continue
            weight = self.contents.matrices[f"conv{width}_weight"].dense()
            weight = weight.reshape(count, width, model.dim).transpose(0, 2, 1)
            sums = self.add("Conv", embedded, self.constant(weight))
            windows = self.add("Gather", self.add("Shape", sums), self.constant(2, np.int64))
            starts = self.add("Range", zero, windows, one)
            last = self.add("Sub", at_least, self.constant(width, np.int64))
            outside = self.add("Greater", starts, last)
            outside = self.add("Unsqueeze", outside, self.constant([1], np.int64))
            sums = self.add("Where", outside, self.constant(-np.inf), sums)
            maximum = self.add("ReduceMax", sums, axes=[2], keepdims=0)
            bias = self.constant(self.contents.vectors[f"conv{width}_bias"])
            features.append(self.add("Relu", self.add("Add", maximum, bias)))
        return self.add("Concat", *features, axis=1)

    def _lstm(self, model: LSTM, embedded: str) -> str:
        """The last states of both directions, as ONNX's LSTM gives them."""
        states = self.add("Transpose", embedded, perm=[1, 0, 2])
        names = model.names()
        for layer in range(model.layers):
            pair = names[2 * layer : 2 * layer + 2]
            arrays = [
                self.constant(np.stack([self._in_order(f"{kind}_{name}") for name in pair]))
                for kind in ("weight_ih", "weight_hh", "bias")
            ]
            node = self.add(
                "LSTM", states, *arrays, "lengths", hidden_size=model.hidden,
                direction="bidirectional",
            )  # fmt: skip
            if layer < model.layers - 1:  # all states: steps, directions, documents, units
                self.nodes[-1].output[0] = f"{node}_all"
                states = self.add("Transpose", f"{node}_all", perm=[0, 2, 1, 3])
                states = self.add("Reshape", states, self.constant([0, 0, -1], np.int64))
        last = self.add("Transpose", node, perm=[1, 0, 2])
        return self.add("Reshape", last, self.constant([0, -1], np.int64))

    def _in_order(self, name: str) -> np.ndarray:
        """An array of the four gates in ONNX's order, which is input, output, forget, cell; a bias
        followed by zeros, since ONNX has two."""
        if name in self.contents.vectors:
            i, f, g, o = np.split(self.contents.vectors[name], 4)
            return np.concatenate([i, o, f, g, np.zeros(4 * len(i), np.float32)])
        i, f, g, o = np.split(self.contents.matrices[name].dense(), 4)
        return np.concatenate([i, o, f, g])
