"""Pictures: the same bytes each time, a band only where there are seeds to spread."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lottery.report import canvas, figures
from lottery.report.styles import LINES


def levels(seeds: int) -> pd.DataFrame:
    rows = [
        (strategy, seed, level, 100 * 0.6**level, 80 - level + seed, level == 2)
        for strategy in ("winning_ticket", "random_reinit")
        for seed in range(seeds)
        for level in range(5)
    ]
    columns = ["arm", "seed", "level", "remaining", "test_accuracy", "chosen"]
    return pd.DataFrame(rows, columns=columns)


def epochs(seeds: int) -> pd.DataFrame:
    rows = levels(seeds)
    return pd.concat(rows.assign(epoch=epoch, validation_accuracy=70 + epoch) for epoch in (1, 2))


def tensors(seeds: int) -> pd.DataFrame:
    rows = levels(seeds)
    return pd.concat(
        rows.assign(parameter=name, size=size, remaining=(size * 0.6**rows.level).astype(int))
        for name, size in (("embedding", 1000), ("output_bias", 1))
    )


def drawings(seeds: int) -> dict[str, Figure]:
    curve = levels(seeds)
    return {
        "accuracy": figures.accuracy({"a-cnn": curve, "a-lstm": curve, "b-cnn": curve}),
        "learning": figures.learning(epochs(seeds), curve, "a-cnn"),
        "density": figures.density(tensors(seeds), "a-cnn"),
    }


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        for name, figure in drawings(2).items():
            canvas.save(figure, tmp_path / folder / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{n}.{s}" for n in drawings(1) for s in ("png", "svg"))
    for name in files:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name
        assert len(one) > 5000


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_band_needs_seeds(seeds: int) -> None:
    panel = drawings(seeds)["accuracy"].axes[0]
    assert len(panel.collections) == (2 if seeds > 1 else 0)
    assert f"({seeds} seed" in panel.get_title()


@pytest.mark.parametrize("cells", [1, 2, 3])
def test_the_legend_is_not_cut_off(cells: int) -> None:
    names = ["late_rewinding", "reinit_same_mask", "random_mask_reinit", "last_epoch_rewinding"]
    curve = pd.concat([levels(2), *(levels(2).assign(arm=name) for name in names)])
    figure = figures.accuracy({f"rotten_tomatoes-{number}": curve for number in range(cells)})
    FigureCanvasAgg(figure).draw()
    assert len(figure.legends[0].get_texts()) == 7
    box = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= box.y0 < box.y1 < figure.axes[-1].get_window_extent().y0


def test_the_values_of_an_accuracy_curve() -> None:
    panel = drawings(1)["accuracy"].axes[0]
    lines = {line.get_label(): line for line in panel.lines}
    np.testing.assert_allclose(lines["winning ticket"].get_ydata(), [80, 79, 78, 77, 76])
    np.testing.assert_allclose(lines["winning ticket"].get_xdata(), 100 * 0.6 ** np.arange(5))
    assert panel.get_xscale() == "log"
    assert panel.xaxis_inverted()
    stars = [line for line in panel.lines if line.get_marker() == "*"]
    assert [line.get_ydata()[0] for line in stars] == [78, 78]
    assert [line.get_xdata()[0] for line in stars] == [pytest.approx(36), pytest.approx(36)]
    assert lines["dense"].get_ydata()[0] == 80


def test_a_network_of_a_few_weights_is_within_the_axis() -> None:
    """0.004 % of the weights; a level without any has no logarithm and is not drawn."""
    few = levels(1).assign(
        remaining=lambda rows: rows.level.map([100, 50, 1, 0.004, 0].__getitem__)
    )
    panel = figures.accuracy({"a-cnn": few}).axes[0]
    assert panel.get_xlim()[1] < 0.004
    assert [tick for tick in panel.get_xticks() if tick < 0.1] == [0.01]


def test_the_values_of_learning_curves() -> None:
    panels = drawings(1)["learning"].axes
    assert len(panels) == 2
    labels = [line.get_label() for line in panels[0].lines]
    assert labels == ["dense (100.0 %)", "ticket (36.0 %)", "last level (13.0 %)"]
    np.testing.assert_allclose(panels[0].lines[1].get_ydata(), [71, 72])


def test_the_values_of_densities() -> None:
    image = drawings(1)["density"].axes[0].images[0].get_array()
    share = 0.6 ** np.arange(5)
    remaining = np.array([(1000 * share).astype(int), share.astype(int)])
    expected = 100 * np.vstack([remaining[0] / 1000, remaining[1], remaining.sum(0) / 1001])
    np.testing.assert_allclose(image, np.maximum(expected, 1e-2))


def test_a_strategy_has_the_same_color_in_every_panel() -> None:
    """The legend is the first panel's, even if another cell lacks a strategy."""
    curve = levels(2)
    without = curve[curve.arm == "random_reinit"]
    panels = figures.accuracy({"a-cnn": curve, "b-cnn": without}).axes
    colors = [
        next(line.get_color() for line in panel.lines if line.get_label() == "random reinit")
        for panel in panels
    ]
    assert colors == [LINES[1].color] * 2
