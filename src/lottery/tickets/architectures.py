"""The networks that a ticket can have, and the shapes of their arrays."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CNN:
    """``filters[i]`` filters of ``widths[i]`` tokens, those that were not pruned altogether."""

    dim: int
    widths: tuple[int, ...]
    filters: tuple[int, ...]

    @property
    def columns(self) -> int:
        """Products of an embedding with all filters, at every offset in them."""
        return sum(width * count for width, count in zip(self.widths, self.filters, strict=True))

    @property
    def features(self) -> int:
        """Numbers that the output layer reads."""
        return sum(self.filters)

    def matrices(self) -> dict[str, tuple[int, int]]:
        """The shapes of the matrices between embedding and output layer."""
        return {
            f"conv{width}_weight": (count, width * self.dim)
            for width, count in zip(self.widths, self.filters, strict=True)
        }

    def vectors(self) -> dict[str, int]:
        """The lengths of the vectors between embedding and output layer."""
        pairs = zip(self.widths, self.filters, strict=True)
        return {f"conv{width}_bias": count for width, count in pairs}


@dataclass(frozen=True)
class LSTM:
    """``layers`` bidirectional layers of ``hidden`` units per direction."""

    dim: int
    hidden: int
    layers: int

    @property
    def columns(self) -> int:
        """Products of an embedding with the gates of both directions of the first layer."""
        return 8 * self.hidden

    @property
    def features(self) -> int:
        """Numbers that the output layer reads."""
        return 2 * self.hidden

    def names(self) -> list[str]:
        """The end of the names of each layer's and direction's arrays, in order."""
        return [f"l{layer}{way}" for layer in range(self.layers) for way in ("", "_reverse")]

    def matrices(self) -> dict[str, tuple[int, int]]:
        """The shapes of the matrices between embedding and output layer."""
        shapes = {}
        for name in self.names():
            inputs = self.dim if name.startswith("l0") else 2 * self.hidden
            shapes[f"weight_ih_{name}"] = (4 * self.hidden, inputs)
            shapes[f"weight_hh_{name}"] = (4 * self.hidden, self.hidden)
        return shapes

    def vectors(self) -> dict[str, int]:
        """The lengths of the vectors between embedding and output layer."""
        return {f"bias_{name}": 4 * self.hidden for name in self.names()}


Architecture = CNN | LSTM
