"""The shared library of eSpeak NG, which the wheel `espeakng-loader` brings, through ctypes."""

from __future__ import annotations

import _ctypes
import ctypes
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from espnet_mtl.errors import UserError

# Constants of espeak-ng/speak_lib.h.
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: the callback gets the samples before espeak_Synth returns
_PHONEME_EVENTS_IN_IPA = 1 | 2  # options of espeak_Initialize
_UTF8 = 1  # a flag of espeak_Synth
_LIST_END, _WORD, _END, _PHONEME = 0, 1, 5, 7  # espeak_EVENT_TYPE
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}


class Event(NamedTuple):
    """A phone that begins, or a pause.

    Attributes:
        symbol: The phone in IPA; "" of a pause.
        sample: Where it begins in the speech.
        word: Of a phone, where the word that it belongs to is in the text: first character, and the one behind it.
        clause_end: Of a pause at the end of a clause, where that is in the text.
    """

    symbol: str
    sample: int
    word: tuple[int, int] | None = None
    clause_end: int | None = None


class _CEvent(ctypes.Structure):
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


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_CEvent))


class Library:
    """The process-wide instance of libespeak-ng, which is not re-entrant: use it under its lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.chunks: list[np.ndarray] = []
        self.events: list[Event] = []
        self._word: tuple[int, int] | None = None
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
        path, data = _paths()
        handle = ctypes.CDLL(path)
        handle.espeak_Info.restype = ctypes.c_char_p
        handle.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.sample_rate = handle.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _PHONEME_EVENTS_IN_IPA)
        if self.sample_rate <= 0:
            raise UserError(f"espeak cannot read its data in {data}: reinstall espeakng-loader")
        handle.espeak_ng_SetRandSeed(ctypes.c_long(1))  # else the clock seeds the noise of breathy voices
        handle.espeak_SetSynthCallback(self._callback)
        return handle

    def speak(self, text: str, voice: str, parameters: dict[str, int], fresh: bool) -> list[Event]:
        """Speaks into `chunks`; returns the phones and pauses."""
        handle = self.load(fresh)
        _choose_voice(handle, voice)
        for key, value in parameters.items():
            handle.espeak_SetParameter(_PARAMETERS[key], value, 0)
        self.chunks, self.events, self._word = [], [], None
        data = text.encode()
        handle.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None)
        return self.events

    def _collect(self, wave: Any, n_samples: int, events: Any) -> int:
        if wave and n_samples > 0:
            self.chunks.append(np.ctypeslib.as_array(wave, (n_samples,)).copy())
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            if event.type == _WORD:
                self._begin_word(event.text_position - 1, event.length)
            elif event.type == _PHONEME:
                # The field holds 8 bytes: a longer symbol may be cut inside a character.
                symbol = "".join(event.string.decode("utf-8", errors="ignore").split())
                if not symbol.startswith("("):  # (en): a foreign word begins
                    self.events.append(Event(symbol, event.sample, self._word if symbol else None))
            elif event.type == _END:
                self.events.append(Event("", event.sample, clause_end=event.text_position))
            index += 1
        return 0

    def _begin_word(self, start: int, length: int) -> None:
        # A number is read as several words, all of which begin within it
        if self._word is None or start >= self._word[1]:
            self._word = (start, start + length)


library = Library()


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
    with library.lock:
        return sorted(_voices(library.load()))


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
    with library.lock:
        return library.load().espeak_Info(None).decode()
