"""Figures of the report, as PNG files that suit a light and a dark page."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.features import AcousticFeatures
from espnet_mtl.evaluation.measures.intervals import Interval
from espnet_mtl.evaluation.measures.prosody import F0_FRAME_S
from espnet_mtl.evaluation.report.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#808080"
"""Of text and lines: readable on white and on black."""
COLORS = ("#2a9d8f", "#e76f51", "#8f7ae5", "#c9a227", "#4a90d9", "#d05a9b", "#7fb03c", "#9b6b43")
MARKERS = "osD^vP*X"


@contextmanager
def _drawing(width: float, height: float, rows: int, columns: int = 1, **options: Any) -> Iterator[tuple]:
    """Gives axes (rows, columns) to draw on and a file that holds the PNG afterwards."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    inked = ("xtick.color", "ytick.color", "text.color", "axes.edgecolor", "axes.labelcolor")
    # Names are no formulas: a dollar sign is one
    with rc_context({**dict.fromkeys(inked, INK), "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
        file = io.BytesIO()
        for axis in axes.flat:
            axis.set_facecolor("none")
        yield axes, file
        figure.savefig(file, format="png", dpi=110)


def curves_plot(
    panels: Sequence[tuple[str, Mapping[str, Curve]]], logarithmic: Collection[str] = (), x: str = "step"
) -> bytes:
    """Draws panels in two columns.

    Args:
        panels: Title and curves by name of each.
        logarithmic: Titles of panels with a logarithmic scale.
        x: What their curves run over.
    """
    n_rows = math.ceil(len(panels) / 2)
    with _drawing(11, 2.6 * n_rows, n_rows, 2) as (axes, file):
        for axis in axes.flat[len(panels) :]:
            axis.axis("off")
        for axis, (title, curves) in zip(axes.flat, panels, strict=False):
            for number, (name, curve) in enumerate(curves.items()):
                steps, values = curve.T
                # Where colours are used up, the same ones come again as dashed lines.
                dash = ("-", "--")[number // len(COLORS) % 2]
                axis.plot(steps, values, label=_shown(name), linewidth=1.4, color=_color(number), linestyle=dash)
            axis.set_title(title, loc="left", fontsize=9)
            axis.set(xlabel=x, yscale="log" if title in logarithmic else "linear")
            axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return file.getvalue()


def map_plot(points: NDArray[np.floating], colourings: Mapping[str, Sequence[str]]) -> bytes:
    """Draws points (N, 2) once for each colouring by label."""
    with _drawing(4.5 * len(colourings), 4, 1, len(colourings)) as (axes, file):
        for axis, (title, labels) in zip(axes.flat, colourings.items(), strict=True):
            for number, name in enumerate(sorted(set(labels))):
                x, y = points[np.array(labels) == name].T
                look = {"color": _color(number), "marker": MARKERS[number % len(MARKERS)]}
                axis.scatter(x, y, s=14, alpha=0.8, linewidths=0, label=_shown(name or "unlabelled"), **look)
            axis.set_title(title, loc="left", fontsize=9)
            axis.set(xticks=[], yticks=[])
            axis.legend(frameon=False, fontsize=8)
    return file.getvalue()


def pareto_plot(points: Sequence[tuple[str, Interval, Interval]], labels: tuple[str, str]) -> bytes:
    """Draws (name, x, y), each with its interval."""
    with _drawing(7.5, 4.6, 1) as (axes, file):
        axis = axes[0, 0]
        for number, (name, x, y) in enumerate(points):
            color = _color(number)
            # In the next round of colours each has another marker.
            marker = MARKERS[(number + number // len(COLORS)) % len(MARKERS)]
            axis.plot([x.low, x.high], [y.value] * 2, color=color, linewidth=0.8, alpha=0.6)
            axis.plot([x.value] * 2, [y.low, y.high], color=color, linewidth=0.8, alpha=0.6)
            axis.plot(x.value, y.value, marker=marker, color=color, linestyle="none", label=_shown(name))
        axis.set(xlabel=labels[0], ylabel=labels[1])
        axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return file.getvalue()


def speech_plot(systems: Sequence[tuple[str, AcousticFeatures]]) -> bytes:
    """Draws the log-mel spectrogram of each (title, recording), and below their F0 in one plot."""
    heights = [*[1.2] * len(systems), 1.5]
    with _drawing(6, 1.3 * len(systems) + 1.8, len(heights), sharex=True, height_ratios=heights) as (axes, file):
        *spectrograms, contours = axes[:, 0]
        for axis, (title, features) in zip(spectrograms, systems, strict=True):
            axis.imshow(features.logmel.T, origin="lower", aspect="auto", cmap="magma", extent=_extent(features))
            axis.set_title(title, loc="left", fontsize=9, pad=3)
            axis.set(yticks=[], ylabel="mel")
        contours.set(ylabel="F0 (Hz)", xlabel="s", yscale="log")
        for color, (title, features) in zip(COLORS, systems, strict=False):
            seconds = np.arange(len(features.f0)) * F0_FRAME_S
            f0 = np.where(features.f0 > 0, features.f0, np.nan)
            contours.plot(seconds, f0, color=color, label=title)
        all_f0 = np.concatenate([features.f0 for _, features in systems])
        _plain_ticks(contours, all_f0[all_f0 > 0])
        contours.legend(frameon=False, ncols=len(systems), fontsize=8, loc="upper right")
    return file.getvalue()


def _extent(features: AcousticFeatures) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a spectrogram: seconds and mel bands."""
    return 0, len(features.f0) * F0_FRAME_S, 0, features.logmel.shape[1]


def _shown(name: str) -> str:
    """Returns a name for a legend, which leaves out those that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _plain_ticks(axis: Axes, f0: NDArray[np.floating]) -> None:
    """Labels a logarithmic F0 axis in plain Hz; `f0` (N,) is what it shows."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    low, high = (f0.min(), f0.max()) if len(f0) else (100, 200)
    axis.set(ylim=(low * 0.9, high * 1.4))
    axis.yaxis.set_ticks(np.unique(np.round(np.geomspace(low, high, 4), -1)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axis.yaxis.set_minor_locator(NullLocator())
