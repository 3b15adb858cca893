"""What a caller of `Text2Speech` gives it, checked and made into what the model takes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.numbers import INTENSITIES, finite_number, number_between
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.inference.request.network import Floats, Ids
from espnet_mtl.labels import NEUTRAL, mixture_weights, normalized_mixture, parse_mixture
from espnet_mtl.system.unicode import find_name, normal_name
from espnet_mtl.text.normal import check_unicode, normal_text
from espnet_mtl.text.tokens import Tokenizer, unknown_tokens

EMOTION_FORMS = "a name, or a mixture such as 'sad:0.3,neutral:0.7' or {'sad': 0.3, 'neutral': 0.7}"

FEWEST_FRAMES = 2
"""Of one frame, Griffin-Lim makes no sample."""


class InputError(UserError, ValueError):
    """A wrong argument of a call of `Text2Speech`: what is wrong, and what would be right.

    It is a `UserError`, like every user's mistake, and a `ValueError`, which is what Python's own functions raise for a
    wrong argument.
    """


@contextmanager
def input_errors() -> Iterator[None]:
    """Makes every `UserError` inside an `InputError`."""
    try:
        yield
    except UserError as error:
        raise InputError(str(error)) from error


@contextmanager
def at(place: str) -> Iterator[None]:
    """Names the place of what is wrong inside."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def token_line(text: str, language: str, tokenizer: Tokenizer, token_list: Collection[str]) -> str:
    """Returns the line of tokens of a text; tokens that the model does not know are logged.

    Args:
        text: What to say.
        language: espeak's language.
        tokenizer: The model's.
        token_list: The model's tokens.

    Raises:
        UserError: The text is no Unicode, or there is nothing to say.
    """
    if not normal_text(text):
        raise UserError("text: there is nothing to say")
    check_unicode("text", text)
    try:
        line = tokenizer.line(text, language)
        unknown = unknown_tokens(tokenizer.tokens(line), token_list)
    except UserError as error:
        raise UserError(f"text: {error}") from error
    if unknown:
        logging.warning(f"text {text!r}: the model does not know {' '.join(unknown)}: read as <unk>")
    return line


def seed_number(seed: Any) -> int:
    """Returns a seed of random numbers.

    Raises:
        UserError: It is no whole number from 0 to 2⁶³ - 1.
    """
    wanted = "seed: expected a whole number from 0 to 2^63 - 1"
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise UserError(f"{wanted}, got {seed!r}")
    if not 0 <= seed < 2**63:  # it is not in the message: Python refuses to write numbers of thousands of digits
        raise UserError(f"{wanted}, got {'a negative one' if seed < 0 else 'a larger one'}")
    return int(seed)


def token_ids(ids: Any, size: int) -> Ids:
    """Returns token ids as int64 (T_text,).

    Args:
        ids: A tensor, an array or a list.
        size: Number of tokens that the model has.

    Raises:
        UserError: They are no whole numbers, none at all, not in one row, or beyond the model's tokens.
    """
    array = as_array("text", ids, "a string, or token ids (T_text,)")
    if not is_integral(array):
        raise UserError(f"text: token ids must be whole numbers, got {array.dtype}")
    if array.ndim != 1 or not len(array):
        raise UserError(f"text: expected token ids of shape (T_text,), got {array.shape}")
    outside = array[(array < 0) | (array >= size)]
    if len(outside):
        raise UserError(f"text: expected token ids from 0 to {size - 1}, got {int(outside[0])}")
    return array.astype(np.int64)


def speaker_mixture(speaker: Any, sids: Any, names: Sequence[str]) -> Floats:
    """Returns the weight of each speaker, float32 (speakers,), which sum to 1; (1,) where the model names none.

    Args:
        speaker: Name of the speaker, or a mixture: `f2:0.7,m1:0.3` or `{"f2": 0.7, "m1": 0.3}`; None: `sids` is meant.
        sids: Number of the speaker, or an array of one number; None: the first.
        names: The model's speakers.

    Raises:
        UserError: An unknown speaker, a weight that cannot be, a number that is none or beyond the model's speakers, or
            both are given.
    """
    weights = np.zeros(max(1, len(names)), dtype=np.float32)  # a model without named speakers has one
    if speaker is None:
        weights[_speaker_number(sids, len(weights))] = 1.0
        return weights
    if sids is not None:
        raise UserError(f"speaker {speaker!r} and sids {sids!r}: both name the speaker: give one of them")
    for name, weight in _speaker_shares(speaker, names).items():
        weights[find_name("speaker", name, names)] += weight
    return weights


def _speaker_shares(speaker: Any, names: Sequence[str]) -> dict[str, float]:
    if isinstance(speaker, Mapping):
        return _shares("speaker", speaker)
    if not isinstance(speaker, str):
        raise one_of("speaker", speaker, names)
    # A name may have a comma or a colon of its own
    whole = normal_name(speaker) in map(normal_name, names) or not set(speaker) & set(",:")
    return {speaker: 1.0} if whole else parse_mixture(speaker)


def _speaker_number(sids: Any, count: int) -> int:
    array = as_array("sids", 0 if sids is None else sids, "the number of a speaker")
    if not is_integral(array) or array.size != 1:
        raise UserError(f"sids: expected one whole number, got {sids!r}")
    number = int(array.item())
    if not 0 <= number < count:
        raise UserError(f"sids: expected 0 to {count - 1}, got {number}")
    return number


def speaker_embedding(spembs: Any, size: int | None) -> Floats | None:
    """Returns a speaker embedding as float32 (size,); None where the model takes none.

    Args:
        spembs: The embedding; None: there is none.
        size: Size of the embeddings that the model takes; None: it takes none.

    Raises:
        UserError: It has another size or is not finite, or only one of the two is None.
    """
    if spembs is None and size is None:
        return None
    if size is None:
        raise UserError("spembs: this model takes no speaker embedding; choose a speaker by name")
    wanted = f"a speaker embedding of shape ({size},)"
    if spembs is None:
        raise UserError(f"spembs: this model needs {wanted}")
    array = as_array("spembs", spembs, wanted).astype(np.float32)
    if array.shape != (size,):
        raise UserError(f"spembs: expected {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        raise UserError("spembs: a speaker embedding must not hold NaN or infinity")
    return array


def emotion_mixture(emotion: Any) -> dict[str, float]:
    """Returns an emotion, or a mixture of several, as the weight of each; the weights sum to 1.

    Args:
        emotion: `happy`, `sad:0.3,neutral:0.7` or `{"sad": 0.3, "neutral": 0.7}`.

    Raises:
        UserError: A weight is negative or no finite number, or none is above 0; what `parse_mixture` refuses.
    """
    if isinstance(emotion, str):
        return parse_mixture(emotion)
    if not isinstance(emotion, Mapping):
        raise UserError(f"emotion: expected {EMOTION_FORMS}, got {emotion!r}")
    return _shares("emotion", emotion)


def _shares(kind: str, weights: Mapping[Any, Any]) -> dict[str, float]:
    """Returns the weights of a mixture divided by their sum."""
    mixture = {name: finite_number(f"{kind} {name!r}", weight) for name, weight in weights.items()}
    return normalized_mixture(mixture, weights)


def style_weights(mixture: Mapping[str, float], intensity: Any, names: Sequence[str]) -> np.ndarray:
    """Turns a mixture of emotions into the weights of the styles.

    Args:
        mixture: The weight of each emotion in it; they sum to 1.
        intensity: 1: the mixture as it is; 0: neutral; above 1: exaggerated. From -10 to 10; 0 to 2 is natural.
        names: The model's emotions, in the order of the weights.

    Returns:
        float32 (K,), which sum to 1.

    Raises:
        UserError: An unknown emotion, an intensity that is no number or beyond `INTENSITIES`, or one other than 1 where
            no emotion is called neutral.
    """
    weights = mixture_weights(mixture, names)
    if number_between("intensity", intensity, *INTENSITIES) == 1.0:
        return weights
    if NEUTRAL not in names:
        raise UserError(f"intensity needs an emotion called {NEUTRAL!r}; this model has {', '.join(names)}")
    neutral = mixture_weights({NEUTRAL: 1.0}, names)
    return neutral + np.float32(intensity) * (weights - neutral)


def as_array(name: str, value: Any, wanted: str) -> NDArray[Any]:
    """Returns an array, a list, or a tensor of PyTorch as an array of real numbers or truth values.

    Raises:
        UserError: It is none of these; `wanted` says what would be right.
    """
    if hasattr(value, "detach"):  # a tensor, which may be on a GPU
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise UserError(f"{name}: expected {wanted}, got {value!r}") from error
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name}: expected {wanted}, got {value!r}")
    return array


def is_integral(array: NDArray[Any]) -> bool:
    """Tells whether an array holds whole numbers."""
    return array.dtype.kind in "iu"


def check_finite(kind: str, finite: bool) -> None:
    """Raises UserError where a model's answer is no speech, for it is not finite."""
    if not finite:
        raise UserError(
            f"the model's {kind} holds NaN or infinity: its weights are damaged, or too much is asked of it: "
            "take an intensity nearer to 1, or dtype float32"
        )


def check_spoken(durations: NDArray[np.int64]) -> None:
    """Raises UserError where a model says nothing: it predicts no frames, of which ESPnet makes one for each token."""
    frames = int(durations.sum())
    if frames < FEWEST_FRAMES:
        raise UserError(
            f"the model predicts {frames} frames for {len(durations)} tokens, which is no speech: its training is too "
            "short, or its weights are damaged"
        )
