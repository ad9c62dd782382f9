"""Where labels and marks go so that none covers another, and what is inside a frame."""

from collections.abc import Sequence


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """A position for each label, as near to where it is ``wanted`` as the others let it be.

    Labels keep their order and are at least ``gap`` apart. All are from ``low`` to ``high`` if
    there is room; otherwise they start at ``low`` and go on beyond ``high``.

    Labels that touch form a group, which moves as one to the mean of what its members want: the
    least sum of squared moves (isotonic regression by pooling neighbors).
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[tuple[float, int]] = []  # each group's sum of (wanted - rank * gap), and its size
    for rank, index in enumerate(order):
        total, size = wanted[index] - rank * gap, 1
        while groups and groups[-1][0] / groups[-1][1] >= total / size:
            other, others = groups.pop()
            total, size = total + other, size + others
        groups.append((total, size))
    top = high - gap * (len(wanted) - 1)
    starts = [max(low, min(total / size, top)) for total, size in groups for _ in range(size)]
    positions = [0.0] * len(wanted)
    for rank, (index, start) in enumerate(zip(order, starts, strict=True)):
        positions[index] = start + rank * gap
    return positions


def clipped(
    points: list[tuple[float, float]], low: float, high: float
) -> list[tuple[float, float]]:
    """The part of a polygon whose y is from ``low`` to ``high`` (Sutherland and Hodgman 1974)."""
    for edge, sign in ((low, 1), (high, -1)):
        inside = []
        for (x, y), (next_x, next_y) in zip(points, [*points[1:], *points[:1]], strict=True):
            is_inside, is_next_inside = sign * (y - edge) >= 0, sign * (next_y - edge) >= 0
            if is_inside:
                inside.append((x, y))
            if is_inside != is_next_inside:
                share = (edge - y) / (next_y - y)
                inside.append((x + share * (next_x - x), edge))
        points = inside
    return points
