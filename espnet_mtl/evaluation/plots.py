"""Figures of the report, as PNG files that suit a light and a dark page."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from espnet_mtl.evaluation.features import FRAME_S, Speech

INK, COLORS = "#808080", ("#2a9d8f", "#e76f51", "#8f7ae5")


def speech_plot(systems: Sequence[tuple[str, Speech]]) -> bytes:
    """Draws the log-mel spectrogram of each (title, recording), and below their F0 in one plot."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    ink = {f"{part}.color": INK for part in ("xtick", "ytick", "text")}
    with rc_context({**ink, "axes.edgecolor": INK, "axes.labelcolor": INK, "font.size": 9}):
        figure = Figure(figsize=(6, 1.3 * len(systems) + 1.8), layout="constrained", facecolor="none")
        axes = figure.subplots(len(systems) + 1, sharex=True, height_ratios=[*[1.2] * len(systems), 1.5])
        for axis, (title, speech) in zip(axes[:-1], systems, strict=True):
            axis.imshow(speech.logmel.T, origin="lower", aspect="auto", cmap="magma", extent=_extent(speech))
            axis.set_title(title, loc="left", fontsize=9, pad=3)
            axis.set(yticks=[], ylabel="mel")
        axes[-1].set(ylabel="F0 (Hz)", xlabel="s", yscale="log", facecolor="none")
        for color, (title, speech) in zip(COLORS, systems, strict=False):
            seconds, f0 = np.arange(len(speech.f0)) * FRAME_S, np.where(speech.f0 > 0, speech.f0, np.nan)
            axes[-1].plot(seconds, f0, color=color, label=title)
        _plain_ticks(axes[-1], [f0 for _, speech in systems for f0 in speech.f0[speech.f0 > 0]])
        axes[-1].legend(frameon=False, ncols=len(systems), fontsize=8, loc="upper right")
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=110)
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
