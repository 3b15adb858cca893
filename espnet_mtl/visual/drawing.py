"""Drawn faces with an expression: those of the demo corpus, and of tests.

The expressions are action units of Ekman & Friesen (1978, "Facial Action Coding System") in a few numbers: raised or
lowered brows (1+2, 4), wide or narrow eyes (5, 7), corners of the mouth (12, 15) and an open jaw (26).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float64]
"""Shares from 0 to 1 (H, W): how much of each pixel a shape covers."""


@dataclass(frozen=True)
class Look:
    """What one person's face looks like: sizes in parts of the picture's side, greys from 0 to 255."""

    width: float
    height: float
    eye_gap: float
    eye_size: float
    brow: float
    mouth_y: float
    skin: float
    hair: float
    hairline: float


@dataclass(frozen=True)
class Expression:
    """What a face does, as differences from a resting face.

    Attributes:
        brow_height: How far the brows are raised, in parts of the picture's side.
        brow_slope: How far their inner ends are raised above the outer ones.
        eye_open: Factor of the eyes' height.
        corners: How far the corners of the mouth are raised.
        jaw: Half of the height of the open mouth.
        mouth_width: Factor of its width.
        tilt: Angle of the head in degrees, clockwise.
    """

    brow_height: float = 0.0
    brow_slope: float = 0.0
    eye_open: float = 1.0
    corners: float = 0.0
    jaw: float = 0.004
    mouth_width: float = 1.0
    tilt: float = 0.0


REST = Expression()
EXPRESSIONS = {
    "neutral": REST,
    "happy": Expression(0.008, 0.0, 0.75, 0.055, 0.022, 1.25, 4.0),
    "sad": Expression(0.004, 0.045, 0.7, -0.04, 0.002, 0.85, -6.0),
    "angry": Expression(-0.022, -0.05, 0.8, -0.022, 0.004, 1.0, 0.0),
    "surprised": Expression(0.045, 0.0, 1.45, 0.0, 0.07, 0.65, 0.0),
}
"""The expression of each emotion of the demo corpus."""
SCATTER = Expression(0.006, 0.008, 0.08, 0.007, 0.004, 0.05, 3.0)
"""Standard deviation of each number between utterances; a third of it between the frames of one."""
STRENGTH = (0.6, 1.1)
"""Range of the share of an expression that an utterance shows."""
SPOKEN_JAW = 0.012
"""How far the jaw moves in speaking."""
NOISE = 5.0
"""Standard deviation of the pixels' noise."""
MOUTH = 0.105
"""Half of the width of a resting mouth."""


def look_of(person: str) -> Look:
    """Returns the look of whoever is called so: anybody has one, and always the same."""
    rng = np.random.default_rng(zlib.crc32(person.encode()))
    return Look(
        width=rng.uniform(0.27, 0.33),
        height=rng.uniform(0.38, 0.43),
        eye_gap=rng.uniform(0.115, 0.14),
        eye_size=rng.uniform(0.042, 0.052),
        brow=rng.uniform(0.012, 0.022),
        mouth_y=rng.uniform(0.7, 0.74),
        skin=rng.uniform(150, 215),
        hair=rng.uniform(20, 90),
        hairline=rng.uniform(0.16, 0.24),
    )


def draw_faces(
    emotion: str,
    person: str,
    frames: int,
    rng: np.random.Generator,
    style: str = "shaded",
    side: int = 48,
    strength: float | None = None,
) -> NDArray[np.uint8]:
    """Draws the frames of one utterance.

    Args:
        emotion: One of `EXPRESSIONS`.
        person: Whose face.
        frames: Their number T.
        rng: What decides on scatter and noise.
        style: One of `STYLES`.
        side: Height and width of a frame in pixels.
        strength: How strong the expression is, from 0 (the least of `STRENGTH`) to 1 (the most); None: at random.

    Returns:
        Grey frames (T, side, side).
    """
    drawn_strength = rng.uniform()  # drawn in any case, so that all else is the same with a strength and without
    share = np.interp(drawn_strength if strength is None else strength, (0, 1), STRENGTH)
    shown = _varied(_between(REST, EXPRESSIONS[emotion], float(share)), rng, 1.0)
    look, brightness = look_of(person), rng.uniform(0.9, 1.05)
    drawn = np.empty((frames, side, side), np.uint8)
    for index in range(frames):
        moved = _varied(shown, rng, 1 / 3)
        jaw = max(0.0, moved.jaw) + SPOKEN_JAW * rng.uniform() ** 2
        frame = draw_face(look, _with_jaw(moved, jaw), style, side) * brightness
        drawn[index] = np.clip(frame + NOISE * rng.standard_normal(frame.shape), 0, 255)
    return drawn


def draw_face(look: Look, expression: Expression, style: str = "shaded", side: int = 48) -> NDArray[np.float64]:
    """Draws one face: greys from 0 to 255 (side, side)."""
    canvas = Canvas(side, expression.tilt)
    STYLES[style](canvas, look, expression)
    return canvas.picture


class Canvas:
    """A picture that shapes are painted on, one over the other; coordinates go from 0 to 1, to the right and down.

    Args:
        side: Its height and width in pixels.
        tilt: Degrees by which all shapes are turned about the middle, clockwise.
    """

    def __init__(self, side: int, tilt: float):
        self.pixel = 1 / side
        centres = (np.arange(side) + 0.5) * self.pixel - 0.5
        right, down = np.meshgrid(centres, centres)
        angle = np.radians(tilt)
        self.x = right * np.cos(angle) + down * np.sin(angle) + 0.5
        self.y = down * np.cos(angle) - right * np.sin(angle) + 0.5
        self.picture = np.zeros((side, side))

    def paint(self, mask: Mask, grey: float, opacity: float = 1.0) -> None:
        """Covers what a mask covers."""
        share = opacity * mask
        self.picture = self.picture * (1 - share) + grey * share

    def ellipse(self, x: float, y: float, width: float, height: float) -> Mask:
        """Covers an ellipse of these half axes."""
        radius = np.hypot((self.x - x) / width, (self.y - y) / height)
        return self._covered((radius - 1) * min(width, height))

    def stroke(self, start: tuple[float, float], end: tuple[float, float], thickness: float) -> Mask:
        """Covers a straight line with round ends, of this half thickness."""
        (x0, y0), (x1, y1) = start, end
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        along = ((self.x - x0) * (x1 - x0) + (self.y - y0) * (y1 - y0)) / length
        along = np.clip(along, 0, 1)
        distance = np.hypot(self.x - x0 - along * (x1 - x0), self.y - y0 - along * (y1 - y0))
        return self._covered(distance - thickness)

    def mouth(self, look: Look, expression: Expression, lip: float) -> Mask:
        """Covers a bent mouth, open where the jaw is, with lips of this half thickness."""
        across = np.clip((self.x - 0.5) / (MOUTH * expression.mouth_width), -1.5, 1.5)
        bent = look.mouth_y + expression.corners * (0.5 - across**2)
        thickness = (lip + max(0.0, expression.jaw)) * np.sqrt(np.clip(1 - across**2, 0, 1))
        return self._covered(np.abs(self.y - bent) - thickness) * (np.abs(across) < 1)

    def _covered(self, distance: NDArray[np.float64]) -> Mask:
        """Turns signed distances from an edge, negative within, into shares of pixels."""
        return np.clip(0.5 - distance / self.pixel, 0, 1)


EYES_Y = 0.44
SIDES = (-1, 1)


def _shaded(canvas: Canvas, look: Look, expression: Expression) -> None:
    """Paints a face in greys, lit from the front."""
    canvas.paint(np.ones_like(canvas.x), 120)
    canvas.paint(canvas.ellipse(0.5, 0.46, look.width * 1.15, look.height * 1.08), look.hair)
    face = canvas.ellipse(0.5, 0.52, look.width, look.height)
    below_hair = np.clip((canvas.y - look.hairline) / canvas.pixel, 0, 1)
    canvas.paint(face * below_hair, look.skin)
    for side in SIDES:
        x = 0.5 + side * look.eye_gap
        # The socket is darker than cheek and forehead, and the nose between the two brighter: what a detector looks for
        canvas.paint(canvas.ellipse(x, EYES_Y - 0.01, 0.09, 0.055), look.skin * 0.72, 0.8)
        canvas.paint(canvas.ellipse(x, EYES_Y, look.eye_size, look.eye_size * 0.5 * expression.eye_open), 235)
        iris = canvas.ellipse(x, EYES_Y, look.eye_size * 0.45, look.eye_size * 0.5 * min(expression.eye_open, 1.0))
        canvas.paint(iris, 25)
        canvas.paint(canvas.ellipse(0.5 + side * 0.2, 0.6, 0.06, 0.07), min(255, look.skin * 1.08), 0.6)
    canvas.paint(canvas.stroke((0.5, 0.44), (0.5, 0.58), 0.02), min(255, look.skin * 1.1), 0.7)
    canvas.paint(canvas.ellipse(0.5, 0.615, 0.05, 0.012), look.skin * 0.6, 0.8)
    _paint_brows(canvas, look, expression, look.hair, look.brow)
    canvas.paint(canvas.mouth(look, expression, 0.018), look.skin * 0.5)
    canvas.paint(canvas.mouth(look, expression, 0.0), 25)


def _sketched(canvas: Canvas, look: Look, expression: Expression) -> None:
    """Draws a face with a dark pen on bright paper."""
    pen = 30
    canvas.paint(np.ones_like(canvas.x), 235)
    outer = canvas.ellipse(0.5, 0.5, look.width * 1.1, look.height)
    inner = canvas.ellipse(0.5, 0.5, look.width * 1.1 - 0.02, look.height - 0.02)
    canvas.paint(outer * (1 - inner), pen)
    for side in SIDES:
        x = 0.5 + side * look.eye_gap
        canvas.paint(canvas.ellipse(x, EYES_Y, 0.03, 0.022 * expression.eye_open), pen)
    canvas.paint(canvas.stroke((0.5, 0.48), (0.48, 0.6), 0.006), pen)
    _paint_brows(canvas, look, expression, pen, 0.009)
    canvas.paint(canvas.mouth(look, expression, 0.012), pen)


def _paint_brows(canvas: Canvas, look: Look, expression: Expression, grey: float, thickness: float) -> None:
    height = EYES_Y - 0.095 - expression.brow_height
    for side in SIDES:
        inner = (0.5 + side * (look.eye_gap - 0.055), height - expression.brow_slope / 2)
        outer = (0.5 + side * (look.eye_gap + 0.065), height + expression.brow_slope / 2)
        canvas.paint(canvas.stroke(inner, outer, thickness), grey)


STYLES: dict[str, Callable[[Canvas, Look, Expression], None]] = {"shaded": _shaded, "sketched": _sketched}
"""Ways of drawing by their names."""


def _between(start: Expression, end: Expression, share: float) -> Expression:
    """Goes a share of the way from one expression to another."""
    values = {}
    for field in fields(Expression):
        first, last = getattr(start, field.name), getattr(end, field.name)
        values[field.name] = first + share * (last - first)
    return Expression(**values)


def _varied(expression: Expression, rng: np.random.Generator, scale: float) -> Expression:
    values = {}
    for field in fields(Expression):
        deviation = scale * getattr(SCATTER, field.name) * np.clip(rng.standard_normal(), -2, 2)
        values[field.name] = getattr(expression, field.name) + deviation
    return Expression(**values)


def _with_jaw(expression: Expression, jaw: float) -> Expression:
    return Expression(**{**vars(expression), "jaw": jaw})
