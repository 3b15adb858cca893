"""Speech and phonemes from eSpeak NG, through the shared library of the wheel `espeakng-loader`.

One path gives both: the synthesizer reports every phoneme with the sample at which it starts. Tokens of
`phonemize` therefore equal the phones of speech made by `synthesize`, and phone times come for free.
"""

from __future__ import annotations

import _ctypes
import ctypes
import threading
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from espnet_mtl.errors import UserError
from espnet_mtl.text.normal import check_unicode, spoken_text

PAUSE = "pau"
PUNCTUATION = {
    **{",": ",", ".": ".", "?": "?", "!": "!", ";": ";", ":": ":"},
    **{"、": ",", "。": ".", "…": ".", "।": "."},
}
"""Marks that end a clause, and the token that each one becomes; any other mark at a clause's end reads as a comma."""

# Constants of espeak-ng/speak_lib.h.
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: the callback gets the samples before espeak_Synth returns
_PHONEME_EVENTS_IN_IPA = 1 | 2  # options of espeak_Initialize
_UTF8 = 1  # a flag of espeak_Synth
_LIST_END, _END, _PHONEME = 0, 5, 7  # espeak_EVENT_TYPE
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}


class SpokenText(NamedTuple):
    """Samples in [-1, 1] (float32), their rate in Hz, and (phone, end sample) in speaking order.

    The first phone starts at sample 0; what follows the last phone's end is silence.
    """

    samples: np.ndarray
    sample_rate: int
    phones: list[tuple[str, int]]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("languages", ctypes.c_char_p), ("identifier", ctypes.c_char_p)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Library:
    """The process-wide instance of libespeak-ng, which is not re-entrant: use it under its lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.chunks: list[np.ndarray] = []
        self.events: list[tuple[str, int]] = []
        self.clause_ends: dict[int, int] = {}  # number of the event: position in the text
        self._callback = _Callback(self._collect)  # kept alive: the library holds only a pointer
        self.handle: ctypes.CDLL | None = None

    def load(self, fresh: bool = False) -> ctypes.CDLL:
        """Returns the initialised library, newly loaded where `fresh`.

        Flutter and wave phase are static variables that run on from call to call, so only a freshly loaded
        library speaks a sentence the same way whatever was spoken before.
        """
        if fresh and self.handle is not None:
            self.handle.espeak_Terminate()
            getattr(_ctypes, "dlclose", lambda handle: None)(self.handle._handle)
            self.handle = None
        if self.handle is None:
            self.handle = self._open()
        return self.handle

    def _open(self) -> ctypes.CDLL:
        library, data = _paths()
        handle = ctypes.CDLL(library)
        handle.espeak_Info.restype = ctypes.c_char_p
        handle.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.sample_rate = handle.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _PHONEME_EVENTS_IN_IPA)
        if self.sample_rate <= 0:
            raise UserError(f"espeak cannot read its data in {data}: reinstall espeakng-loader")
        handle.espeak_ng_SetRandSeed(ctypes.c_long(1))  # else the clock seeds the noise of breathy voices
        handle.espeak_SetSynthCallback(self._callback)
        return handle

    def speak(self, text: str, voice: str, parameters: dict[str, int], fresh: bool) -> list[tuple[str, int]]:
        """Speaks into `chunks`; returns the events (phone or "" for a pause, start sample)."""
        handle = self.load(fresh)
        _choose_voice(handle, voice)
        for key, value in parameters.items():
            handle.espeak_SetParameter(_PARAMETERS[key], value, 0)
        self.chunks, self.events, self.clause_ends = [], [], {}
        data = text.encode()
        handle.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None)
        return self.events

    def _collect(self, wave: Any, n_samples: int, events: Any) -> int:
        if wave and n_samples > 0:
            self.chunks.append(np.ctypeslib.as_array(wave, (n_samples,)).copy())
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            if event.type == _PHONEME:
                # The field holds 8 bytes: a longer symbol may be cut inside a character.
                symbol = "".join(event.string.decode("utf-8", errors="ignore").split())
                if not symbol.startswith("("):  # (en): a foreign word begins
                    self.events.append((symbol, event.sample))
            elif event.type == _END:
                self.clause_ends[len(self.events)] = event.text_position
                self.events.append(("", event.sample))
            index += 1
        return 0


_library = _Library()


def _paths() -> tuple[str, str]:
    try:
        import espeakng_loader
    except ImportError as error:
        raise UserError("espeak needs the package espeakng-loader: pip install espeakng-loader") from error
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


def _choose_voice(handle: ctypes.CDLL, voice: str) -> None:
    """Makes espeak speak with a voice, such as `en-us` or `en-us+f2`."""
    if not (voice.isascii() and voice.isprintable()):
        raise _unknown_language(voice)
    language, plus, variant = voice.partition("+")
    if variant and variant not in variants():
        raise UserError(f"espeak has no voice variant {variant!r}: choose one of {', '.join(variants())}")
    # Voices are found by their file's name; the code of a language may be another (en-gb is in the file en).
    files = [language, _voices(handle).get(language)] if language else []
    suffix = f"{plus}{variant}" if variant else ""
    for file in files:
        if file and handle.espeak_SetVoiceByName(f"{file}{suffix}".encode()) == 0:
            return
    raise _unknown_language(language)


def _unknown_language(name: str) -> UserError:
    known = languages()
    alike = [language for language in known if language[:1] == name[:1].lower()]
    some = alike[:12] or known[::12]
    return UserError(f"espeak knows no language {name!r}; it knows {len(known)}, such as {', '.join(some)}, en-us, de")


def languages() -> list[str]:
    """Returns the language codes that `synthesize` and `phonemize` take."""
    with _library.lock:
        return sorted(_voices(_library.load()))


def _voices(handle: ctypes.CDLL) -> dict[str, str]:
    """Returns the file of each language's voice."""
    voices = handle.espeak_ListVoices(None)
    files: dict[str, str] = {}
    index = 0
    while voices[index]:
        voice = voices[index].contents
        # A priority byte, then the code of the voice's first language.
        files.setdefault(voice.languages[1:].decode(), voice.identifier.decode())
        index += 1
    files.pop("variant", None)
    return files


@lru_cache(maxsize=1)
def variants() -> tuple[str, ...]:
    """Returns the voice variants, as in `en-us+f2`."""
    return tuple(sorted(path.name for path in (Path(_paths()[1]) / "voices" / "!v").iterdir()))


def version() -> str:
    """Returns the library's version, such as "1.52.0"."""
    with _library.lock:
        return _library.load().espeak_Info(None).decode()


def synthesize(
    text: str, voice: str, *, rate: int = 160, pitch: int = 50, range: int = 50, volume: int = 60
) -> SpokenText:
    """Speaks a text; equal arguments give equal samples, whatever was spoken before.

    Args:
        text: What to say.
        voice: A language, optionally with a voice variant: `en-us`, `en-us+f2`.
        rate: Words per minute, 80 to 450.
        pitch: Voice pitch, 0 to 100.
        range: Pitch range, 0 (monotone) to 100.
        volume: 0 to 200; louder than about 80 may clip.

    Raises:
        UserError: The language or variant is unknown, or the text holds nothing that can be spoken.
    """
    text = _readable(text)
    parameters = {"rate": rate, "pitch": pitch, "range": range, "volume": volume}
    with _library.lock:
        phones = _phones(_library.speak(text, voice, parameters, fresh=True), text)
        samples = np.concatenate(_library.chunks).astype(np.float32) / 32768
        return SpokenText(samples, _library.sample_rate, phones)


def phonemize(text: str, language: str = "en-us", punctuation: bool = False) -> list[str]:
    """Returns the phones of a text (IPA with stress marks on vowels; `pau` for pauses inside the text).

    espeak itself reads out numbers, dates and abbreviations.

    Args:
        text: Plain text.
        language: A language code of espeak.
        punctuation: Whether the marks that end a clause (`, . ? ! ; :`) are tokens, in place of its pause.

    Raises:
        UserError: The language is unknown, or the text holds nothing that can be spoken.
    """
    text = _readable(text)
    with _library.lock:
        events = _library.speak(text, language, {}, fresh=False)
        phones = _phones(events, text)
        if punctuation:
            return _with_marks(events, _library.clause_ends, text)
        return [phone for phone, _ in phones]


def _readable(text: str) -> str:
    """Returns the form of a text that espeak reads best: the library gets no other."""
    check_unicode("text", text)
    return spoken_text(text)


def _with_marks(events: list[tuple[str, int]], clause_ends: dict[int, int], text: str) -> list[str]:
    """Puts a clause's final mark where espeak pauses for it."""
    tokens: list[str] = []
    silent = {PAUSE, *PUNCTUATION.values()}
    for number, (symbol, _) in enumerate(events):
        mark = _mark(text[: clause_ends[number]]) if number in clause_ends else ""
        if mark and tokens[-1:] == [PAUSE]:
            tokens.pop()  # the mark takes the place of the clause's pause
        token = symbol or mark or PAUSE
        # Silence neither begins an utterance nor follows silence.
        if token not in silent or (tokens and tokens[-1] not in silent):
            tokens.append(token)
    return tokens[:-1] if tokens[-1] == PAUSE else tokens


def _mark(clause: str) -> str:
    """Returns the token of the mark that ends a clause, or "" where it ends without one."""
    end = clause.rstrip().rstrip("\"'”’»“)]").rstrip()[-1:]
    return "" if not end or end.isalnum() else PUNCTUATION.get(end, ",")


def _phones(events: list[tuple[str, int]], text: str) -> list[tuple[str, int]]:
    """Turns start samples into end samples, joins pauses and drops leading and trailing ones."""
    phones: list[tuple[str, int]] = []
    # A phone ends where the next event starts; the last event is the end of the text.
    for (symbol, _), (_, end) in pairwise([*events, *events[-1:]]):
        symbol = symbol or PAUSE
        if symbol == PAUSE and phones and phones[-1][0] == PAUSE:
            phones.pop()  # joined with this one, which ends later
        if symbol != PAUSE or phones:
            phones.append((symbol, end))
    if phones and phones[-1][0] == PAUSE:
        phones.pop()
    if not phones:
        raise UserError(f"nothing to speak in the text {text!r}: it needs at least one word")
    return _share_time(phones)


def _share_time(phones: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Gives a phone that is spoken in one with its predecessor (the l of "silver") half of their time."""
    ends = [0, *(end for _, end in phones)]
    for index in range(2, len(ends)):
        if ends[index] == ends[index - 1]:
            ends[index - 1] = (ends[index - 2] + ends[index]) // 2
    return [(phone, end) for (phone, _), end in zip(phones, ends[1:], strict=True)]
