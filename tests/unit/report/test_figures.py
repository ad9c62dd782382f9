"""Pictures: the same bytes each time, a band only where there are seeds to spread."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lottery.report import canvas, figures
from lottery.report.difference_figure import differences
from lottery.report.names import display_name
from lottery.report.styles import LINES

CELLS = ("a-cnn", "a-lstm", "reuters_r8-cnn")


def levels(seeds: int) -> pd.DataFrame:
    rows = [
        (strategy, seed, level, 100 * 0.6**level, 80 - level + seed, level == 2)
        for strategy in ("winning_ticket", "random_reinit")
        for seed in range(seeds)
        for level in range(5)
    ]
    columns = ["arm", "seed", "level", "remaining", "test_accuracy", "chosen"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        sparsity=1 - table.remaining / 100,
        test_majority=25.0,
        test_balanced_accuracy=table.test_accuracy,
        test_macro_f1=table.test_accuracy,
    )


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
        "accuracy": differences(dict.fromkeys(CELLS, curve), 0.5, {"a-cnn": 81.0}),
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
    """And is a t interval, as the picture says. Here all seeds have the same differences to dense,
    but for the winning ticket at the last level."""
    curve = levels(seeds)
    is_last = (curve.arm == "winning_ticket") & (curve.level == 4)
    curve.loc[is_last, "test_accuracy"] += [0.0, 1.0, 2.0][:seeds]
    figure = differences({"a-cnn": curve}, 0.5, {})
    panel = figure.axes[0]
    bands = [band.get_paths()[0].vertices for band in panel.collections]
    assert len(bands) == (1 if seeds > 1 else 0)
    assert f"{seeds} seed" in panel.get_title(loc="left")
    (note,) = (text for text in figure.texts if "95 % t intervals over seeds" in text.get_text())
    assert "±0.5 points, the margin" in note.get_text()
    for band in bands:
        half = 4.302653 * 1 / np.sqrt(3)  # t of 0.975 with two degrees of freedom
        at_end = band[np.isclose(band[:, 0], 100 * 0.6**4)][:, 1]
        assert at_end.max() == pytest.approx(-3 + half, abs=1e-4)
        assert at_end.min() == pytest.approx(-3 - half, abs=1e-4)


@pytest.mark.parametrize("cells", [1, 2, 3])
def test_each_line_is_named_inside_the_picture_and_no_name_covers_another(cells: int) -> None:
    names = ["late_rewinding", "reinit_same_mask", "permuted_values", "last_epoch_rewinding"]
    one = levels(2).query("arm == 'winning_ticket'")
    curve = pd.concat([levels(2), *(one.assign(arm=name) for name in names)])
    curves = {f"rotten_tomatoes-{number}": curve for number in range(cells)}
    figure = differences(curves, 0.5, {})
    FigureCanvasAgg(figure).draw()
    for panel in figure.axes[:cells]:
        texts = {text.get_text(): text.get_window_extent() for text in panel.texts}
        expected = ["winning_ticket", "random_reinit", *names]
        assert set(texts) == {
            *map(display_name, expected),
            *("dense, 80.5 %", "↓ majority, 25.0 %"),
        }
        boxes = sorted(texts.values(), key=lambda box: box.y0)
        assert all(one.y1 <= other.y0 + 1 for one, other in pairwise(boxes))
        assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_the_values_of_a_curve_are_differences_to_dense() -> None:
    panel = drawings(1)["accuracy"].axes[0]
    lines = {line.get_label(): line for line in panel.lines}
    np.testing.assert_allclose(lines["winning ticket"].get_ydata(), [0, -1, -2, -3, -4])
    np.testing.assert_allclose(lines["winning ticket"].get_xdata(), 100 * 0.6 ** np.arange(5))
    assert panel.get_xscale() == "log"
    assert panel.xaxis_inverted()
    assert panel.get_title(loc="left") == "a\u00a0·\u00a0CNN, 1 seed"
    assert "TF-IDF, 81.0 %" in [text.get_text() for text in panel.texts]
    assert "TF-IDF" not in "".join(
        text.get_text() for text in drawings(1)["accuracy"].axes[1].texts
    )


def test_the_stars_of_two_tickets_stand_side_by_side() -> None:
    panel = drawings(1)["accuracy"].axes[0]
    stars = sorted(line.get_xdata()[0] for line in panel.lines if line.get_marker() == "*")
    assert len(stars) == 2
    assert stars[1] - stars[0] >= 0.045 - 1e-9
    first, last = (np.log10(end) for end in panel.get_xlim())
    level = (np.log10(36) - first) / (last - first)
    assert np.mean(stars) == pytest.approx(level)


def test_a_control_with_another_mask_does_not_pull_the_axis() -> None:
    shuffled = levels(1).query("arm == 'winning_ticket' and level == 2")
    both = pd.concat([levels(1), shuffled.assign(arm="shuffled_mask", test_accuracy=30.0)])
    for curve in (levels(1), both):
        panel = differences({"a-cnn": curve}, 0.5, {}).axes[0]
        assert panel.get_ylim()[0] > -7
        assert "shuffled mask" not in [text.get_text() for text in panel.texts]


def test_a_network_of_a_few_weights_is_within_the_axis() -> None:
    """0.004 % of the weights; a level without any has no logarithm and is not drawn."""
    few = levels(1).assign(
        remaining=lambda rows: rows.level.map([100, 50, 1, 0.004, 0].__getitem__),
        sparsity=lambda rows: 1 - rows.remaining / 100,
    )
    panel = differences({"a-cnn": few}, 0.5, {}).axes[0]
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
    """Even if another cell lacks one."""
    curve = levels(2)
    without = curve[curve.arm == "random_reinit"]
    panels = differences({"a-cnn": curve, "b-cnn": without}, 0.5, {}).axes
    name = display_name("random_reinit")
    colors = [
        next(line.get_color() for line in panel.lines if line.get_label() == name)
        for panel in panels
    ]
    assert colors == [LINES[1].color] * 2
