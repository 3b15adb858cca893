"""Figures of the report, as PNG files that suit a light and a dark page."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.features import FRAME_S, Speech
from espnet_mtl.evaluation.measures.intervals import Interval
from espnet_mtl.evaluation.report.curves import Curve

INK = "#808080"
COLORS = ("#2a9d8f", "#e76f51", "#8f7ae5", "#c9a227", "#4a90d9", "#d05a9b", "#7fb03c", "#9b6b43")
MARKERS = "osD^vP*X"


@contextmanager
def _drawing(width: float, height: float, rows: int, columns: int = 1, **options: Any) -> Iterator[tuple]:
    """Gives axes (rows, columns) to draw on and a file that holds the PNG afterwards."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    ink = {f"{part}.color": INK for part in ("xtick", "ytick", "text")}
    with rc_context({**ink, "axes.edgecolor": INK, "axes.labelcolor": INK, "font.size": 9}):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        axes, file = figure.subplots(rows, columns, squeeze=False, **options), io.BytesIO()
        for axis in axes.flat:
            axis.set_facecolor("none")
        yield axes, file
        figure.savefig(file, format="png", dpi=110)


def curves_plot(panels: Sequence[tuple[str, Mapping[str, Curve]]], logarithmic: Collection[str] = ()) -> bytes:
    """Draws a panel for each (title, curves by name): values (N, 2) over steps; some titles' on a logarithmic scale."""
    with _drawing(11, 2.6 * -(-len(panels) // 2), -(-len(panels) // 2), 2) as (axes, file):
        for axis in axes.flat[len(panels) :]:
            axis.axis("off")
        for axis, (title, curves) in zip(axes.flat, panels, strict=False):
            for number, (name, curve) in enumerate(curves.items()):
                style = {"color": COLORS[number % len(COLORS)], "linestyle": ("-", "--")[number // len(COLORS) % 2]}
                axis.plot(*curve.T, label=name, linewidth=1.4, **style)
            axis.set_title(title, loc="left", fontsize=9)
            axis.set(xlabel="step", yscale="log" if title in logarithmic else "linear")
            axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return file.getvalue()


def map_plot(points: NDArray[np.floating], colourings: Mapping[str, Sequence[str]]) -> bytes:
    """Draws points (N, 2) once for each colouring by label."""
    with _drawing(4.5 * len(colourings), 4, 1, len(colourings)) as (axes, file):
        for axis, (title, labels) in zip(axes.flat, colourings.items(), strict=True):
            for number, name in enumerate(sorted(set(labels))):
                chosen = points[np.array(labels) == name]
                look = {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number % len(MARKERS)]}
                axis.scatter(*chosen.T, s=14, alpha=0.8, linewidths=0, label=name or "unlabelled", **look)
            axis.set_title(title, loc="left", fontsize=9)
            axis.set(xticks=[], yticks=[])
            axis.legend(frameon=False, fontsize=8)
    return file.getvalue()


def pareto_plot(points: Sequence[tuple[str, Interval, Interval]], labels: tuple[str, str]) -> bytes:
    """Draws (name, x, y), each with its interval."""
    with _drawing(7.5, 4.6, 1) as (axes, file):
        axis = axes[0, 0]
        for number, (name, x, y) in enumerate(points):
            color, marker = COLORS[number % len(COLORS)], MARKERS[(number + number // len(COLORS)) % len(MARKERS)]
            axis.plot([x.low, x.high], [y.value] * 2, color=color, linewidth=0.8, alpha=0.6)
            axis.plot([x.value] * 2, [y.low, y.high], color=color, linewidth=0.8, alpha=0.6)
            axis.plot(x.value, y.value, marker=marker, color=color, linestyle="none", label=name)
        axis.set(xlabel=labels[0], ylabel=labels[1])
        axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return file.getvalue()


def speech_plot(systems: Sequence[tuple[str, Speech]]) -> bytes:
    """Draws the log-mel spectrogram of each (title, recording), and below their F0 in one plot."""
    heights = [*[1.2] * len(systems), 1.5]
    with _drawing(6, 1.3 * len(systems) + 1.8, len(heights), sharex=True, height_ratios=heights) as (axes, file):
        *spectrograms, contours = axes[:, 0]
        for axis, (title, speech) in zip(spectrograms, systems, strict=True):
            axis.imshow(speech.logmel.T, origin="lower", aspect="auto", cmap="magma", extent=_extent(speech))
            axis.set_title(title, loc="left", fontsize=9, pad=3)
            axis.set(yticks=[], ylabel="mel")
        contours.set(ylabel="F0 (Hz)", xlabel="s", yscale="log")
        for color, (title, speech) in zip(COLORS, systems, strict=False):
            seconds, f0 = np.arange(len(speech.f0)) * FRAME_S, np.where(speech.f0 > 0, speech.f0, np.nan)
            contours.plot(seconds, f0, color=color, label=title)
        _plain_ticks(contours, [f0 for _, speech in systems for f0 in speech.f0[speech.f0 > 0]])
        contours.legend(frameon=False, ncols=len(systems), fontsize=8, loc="upper right")
    return file.getvalue()


def _extent(speech: Speech) -> tuple[float, float, float, float]:
    return 0, len(speech.f0) * FRAME_S, 0, speech.logmel.shape[1]


def _plain_ticks(axis: object, f0: Sequence[float]) -> None:
    """Labels a logarithmic F0 axis in plain Hz."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    low, high = (min(f0), max(f0)) if f0 else (100, 200)
    axis.set(ylim=(low * 0.9, high * 1.4))  # type: ignore[attr-defined]
    y_axis = axis.yaxis  # type: ignore[attr-defined]
    y_axis.set_ticks(np.unique(np.round(np.geomspace(low, high, 4), -1)))
    y_axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    y_axis.set_minor_locator(NullLocator())
