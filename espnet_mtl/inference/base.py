"""The Python API of synthesis, whatever runs the network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.numbers import whole_number_from
from espnet_mtl.errors import UserError, memory_needed, shown
from espnet_mtl.inference.buckets import buckets
from espnet_mtl.inference.contours import Edits, edits_of, gain_factors
from espnet_mtl.inference.loaded import LoadedModel
from espnet_mtl.inference.prosody import Prosody, utterance_of
from espnet_mtl.inference.reading import plan, read_parts, with_edits
from espnet_mtl.inference.request.controls import (
    Amount,
    Controls,
    Numbers,
    check_backbone,
    check_sayable,
    chosen_controls,
)
from espnet_mtl.inference.request.inputs import at, input_errors, seed_number
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.inference.request.utterance import Utterance
from espnet_mtl.inference.word_edits import WordEdit, checked_edits
from espnet_mtl.text.markup.reader import is_markup


class Request(NamedTuple):
    """What is said, and how.

    Attributes:
        utterance: What is said.
        edits: What the controls make of what is predicted.
        gain: In dB, of each token (T_text + 1,); None: none.
        stretch: About how many times as long the controls make it.
    """

    utterance: Utterance
    edits: Edits
    gain: Numbers | None
    stretch: float = 1.0


class BaseText2Speech(LoadedModel):
    """Text to speech with a choice of speaker and emotion: what is asked for, checked, and made into sound.

    A subclass runs the network and the vocoder. Several threads may share one.

    Attributes:
        max_tokens: The most tokens of one text at the model's own speed.
        decode_conf: Options of decoding, `alpha` among them.
        package: Where users import it from.
    """

    package = "espnet_mtl"

    max_tokens: int
    decode_conf: dict[str, Any]

    @input_errors()
    @memory_needed("speak shorter texts, one sentence at a time, or on the CPU")
    def __call__(
        self,
        text: Any,
        speaker: str | Mapping[str, float] | None = None,
        emotion: str | Mapping[str, float] | None = None,
        intensity: float = 1.0,
        language: str | None = None,
        sids: Any = None,
        spembs: Any = None,
        decode_conf: Mapping[str, Any] | None = None,
        vocode: bool = True,
        seed: int = 0,
        *,
        controls: Controls | None = None,
        reference: str | Path | None = None,
        visual: str | Path | NDArray[Any] | None = None,
        **prosody: Amount | None,
    ) -> dict[str, Any]:
        """Synthesizes one text.

        Args:
            text: Text, or token ids (T_text,) as a tensor, an array or a list.
            speaker: Name of the speaker, or a mixture of voices such as `{"f2": 0.7, "m1": 0.3}` or `f2:0.7,m1:0.3`;
                None: `sids`, or the first.
            emotion: An emotion, a mixture such as `{"sad": 0.3, "neutral": 0.7}` or `sad:0.3,neutral:0.7`, or None: as
                the text suggests where the model has learned to tell (a task with `tap: encoder, label: emotion`), else
                neutral where it knows that, else all alike.
            intensity: Pulls the emotion toward neutral: 1 is all of it, 0 is neutral; above 1 exaggerates. From -10 to
                10; natural speech is from 0 to 2.
            language: espeak's language; None: the speaker's own, of several the one of the model's configuration.
            sids: Speaker number, as in ESPnet.
            spembs: Speaker embedding (D,), as in ESPnet.
            decode_conf: Overrides `alpha` and other options of decoding; for teacher forcing also the natural `speech`
                (T_wav,) and, for FastSpeech2, its `durations` in frames (T_text + 1,), which sum to those of the
                speech; tensors, arrays or lists. None: nothing.
            vocode: Whether to make a waveform (JETS makes nothing else).
            seed: Seed of what the network draws while it speaks (Tacotron2's dropout; FastSpeech2 draws nothing): the
                same call says the same, whatever else goes on; another seed says it a little differently.
            controls: All controls in one, in place of arguments of the same names.
            reference: A recording whose emotion is taken (of a model with a reference encoder), with the voice of
                `speaker`; `intensity` acts on it, too.
            visual: A picture or video of a face whose emotion is taken (of a model with a visual encoder), or face
                crops (T_v, H, W), embeddings (T_v, D) or one (D,), as the model's training had them.
            prosody: `rate`, `pitch`, `pitch_range`, `energy` and `pause`, see `Controls`: numbers, or rows of numbers
                (T_text,).

        Returns:
            `wav` (T_wav,), `feat_gen` and `feat_gen_denorm` (T, n_mels), which JETS does without, `duration` in frames
            (T_text + 1,), and all that is known of how each token and word is said (`prosody`); of FastSpeech2 and JETS
            also `pitch` and `energy` per token (T_text + 1[, 1]), `pitch_denorm` in log Hz, `energy_denorm`; of
            Tacotron2 `att_w` (steps, T_text + 1) and `focus_rate`.

        Raises:
            UserError: Every mistake in an argument: an unknown speaker, emotion, language or option of decoding (it
                names those there are), a number out of its range, a text that is empty or longer than `max_tokens`, a
                control that the backbone does not have; or the model's answer is not finite, or no speech. It is an
                `InputError`, which is a ValueError, too.
        """
        named = {"speaker": speaker, "emotion": emotion, "intensity": intensity, "language": language}
        controls = chosen_controls(controls, {**named, "reference": reference, "visual": visual, **prosody})
        options = self._options(decode_conf)
        return self._speak(self._read(text, controls, sids, spembs, options), options, vocode, seed)

    @input_errors()
    @memory_needed("speak shorter texts, one sentence at a time, or on the CPU")
    def say(self, prosody: Prosody, vocode: bool = True, seed: int = 0) -> dict[str, Any]:
        """Says an utterance again, as its prosody was changed.

            >>> prosody = tts("Good morning.")["prosody"]
            >>> prosody.pitch[:5] *= 1.1
            >>> wav = tts.say(prosody)["wav"]

        Args:
            prosody: What a call returned as `prosody`, changed or not.
            vocode: As in a call.
            seed: As in a call.

        Returns:
            As a call.

        Raises:
            UserError: It is not of this model, an array has another length or cannot be said, or the backbone takes no
                prosody (Tacotron2).
        """
        utterance = utterance_of(prosody, self.reader.known)
        check_sayable(self.train_args.tts)
        checked = prosody.checked()
        options = self._options(None)
        return self._speak(Request(utterance, checked.edits(), checked.gain), options, vocode, seed)

    @memory_needed("speak shorter texts, one sentence at a time, or on the CPU")
    def speak(self, utterance: Utterance, controls: Controls, seed: int = 0) -> dict[str, Any]:
        """Says what was read already: voice and emotion are the utterance's, the rest the controls'."""
        options = self._options(None)
        return self._speak(self._requested(utterance, controls), options, True, seed)

    @input_errors()
    @memory_needed("take a smaller batch_size, or speak shorter texts")
    def batch(
        self,
        texts: Sequence[Any],
        *,
        controls: Controls | Sequence[Controls] | None = None,
        batch_size: int = 16,
        vocode: bool = True,
        seed: int = 0,
        **named: Any,
    ) -> list[dict[str, Any]]:
        """Synthesizes several texts; each is said as it is alone.

            >>> waves = [output["wav"] for output in tts.batch(["Good morning.", "Good night."], speaker="f2")]

        FastSpeech2 with PyTorch runs on texts of similar length at a time, which pays most on a GPU; others run on one
        after the other.

        Args:
            texts: Texts, or token ids (T_text,).
            controls: How they are said, or a list of it, one for each text.
            batch_size: The most texts at a time; fewer of long ones, so that memory does not grow.
            vocode: As in a call.
            seed: As in a call.
            named: `speaker`, `emotion` and the other controls, as in a call, for all of them.

        Returns:
            What a call returns for each text, in their order.

        Raises:
            UserError: As a call; the message names the text.
        """
        if isinstance(texts, (str, bytes)) or not isinstance(texts, Sequence):
            raise UserError(f"texts: expected a list of texts, got {shown(texts)}")
        whole_number_from("batch_size", batch_size, 1)
        options, seed = self._options(None), seed_number(seed)
        requests = [
            self._listed(f"texts[{index}]", text, one, options)
            for index, (text, one) in enumerate(zip(texts, _each(controls, named, len(texts)), strict=True))
        ]
        outputs: dict[int, dict[str, Any]] = {}
        lengths = [round(len(one.utterance.ids) * max(1.0, one.stretch)) for one in requests]
        for group in buckets(lengths, batch_size, self.max_tokens):
            own = {f"texts[{index}]": requests[index] for index in group}
            outputs |= zip(group, self._synthesize_all(own, options, vocode, seed), strict=True)
        return [self._amplified(outputs[index], request.gain) for index, request in enumerate(requests)]

    def stream(
        self,
        text: str,
        *,
        controls: Controls | None = None,
        seed: int = 0,
        edits: Sequence[WordEdit] = (),
        **named: Any,
    ) -> Iterator[dict[str, Any]]:
        """Reads a text of any length sentence by sentence; memory does not grow with it.

            >>> for part in tts.stream(book, speaker="f2", rate=1.1):
            ...     play(part["wav"])

        Sentences are split as `espnet_mtl.text.sentences` says, and longer ones than `max_tokens` between clauses. Each
        has the silence behind it, so that the waveforms, one behind the other, are the speech of the whole.

        Args:
            text: The text; a blank line ends a paragraph. If it begins with `<speak`, it is markup (docs/markup.md).
            controls: As in a call.
            seed: As in a call.
            edits: Words that are said otherwise than predicted: higher, longer or louder.
            named: `speaker`, `emotion` and the other controls, as in a call; one number each for the whole text.

        Yields:
            What a call returns, with the sentence (`text`), when it begins in the whole (`start`), and how much silence
            it begins with (`before`), both in seconds.

        Raises:
            UserError: As a call; what can be known before the first sentence is told at once.
        """
        with input_errors():
            edits = checked_edits(edits)
            if edits:
                check_sayable(self.train_args.tts)
            parts = plan(self, text, chosen_controls(controls, named))
            if edits:
                parts = with_edits(self, parts, edits)
        return read_parts(self, parts, seed)

    def _listed(self, place: str, text: Any, controls: Controls, options: Mapping[str, Any]) -> Request:
        with at(place):
            return self._read(text, controls, None, None, options)

    def _read(self, text: Any, controls: Controls, sids: Any, spembs: Any, options: Mapping[str, Any]) -> Request:
        if isinstance(text, str) and is_markup(text):
            raise UserError("text: this is markup, which Text2Speech.stream reads")
        check_backbone(controls, self.train_args.tts)
        return self._requested(self.reader.read(text, controls, sids, spembs, options["alpha"]), controls)

    def _requested(self, utterance: Utterance, controls: Controls) -> Request:
        edits = edits_of(controls, utterance.tokens, self.frame)
        gain = controls.per_token("energy", len(utterance.tokens))
        return Request(utterance, edits, gain, float(np.mean(1 / np.asarray(controls.rate))))

    def _speak(self, request: Request, options: Mapping[str, Any], vocode: bool, seed: Any) -> dict[str, Any]:
        return self._amplified(self._synthesize(request, options, vocode, seed_number(seed)), request.gain)

    def _amplified(self, output: dict[str, Any], gain: Numbers | None) -> dict[str, Any]:
        """Gives what was said a gain in dB of each token (T_text + 1,); None: none."""
        if gain is None:
            return output
        prosody: Prosody = output["prosody"]
        prosody.gain = gain
        if "wav" in output:
            wave = output["wav"]
            output["wav"] = self.scaled(wave, gain_factors(gain, prosody.durations, len(wave)))
            self.check_wave(output["wav"])
        return output

    def _synthesize_all(
        self, requests: Mapping[str, Request], options: Mapping[str, Any], vocode: bool, seed: int
    ) -> list[dict[str, Any]]:
        """Runs the network on requests of similar length, by their places; here, on one after the other."""
        outputs = []
        for place, request in requests.items():
            with at(place):
                outputs.append(self._synthesize(request, options, vocode, seed))
        return outputs

    @abstractmethod
    def _options(self, decode_conf: Any) -> dict[str, Any]:
        """Returns the options of decoding as the `decode_conf` of a call changes them; None: it does not.

        Raises:
            UserError: One that there is not, or whose value cannot be.
        """

    @abstractmethod
    def _synthesize(self, request: Request, options: Mapping[str, Any], vocode: bool, seed: int) -> dict[str, Any]:
        """Runs the network and, where `vocode`, the vocoder; returns what `__call__` does, without a gain."""

    @abstractmethod
    def scaled(self, wave: Any, factors: Numbers) -> Any:
        """Returns a waveform (T_wav,) times factors (T_wav,)."""

    @abstractmethod
    def padded(self, wave: Any, before: int, behind: int) -> Any:
        """Returns a waveform with samples of silence before and behind it."""

    @abstractmethod
    def samples(self, wave: Any) -> Floats:
        """Returns a waveform (T_wav,) as an array of NumPy."""

    @abstractmethod
    def check_wave(self, wave: Any) -> None:
        """Raises UserError where a waveform is not finite."""


def _each(controls: Any, named: Mapping[str, Any], count: int) -> Sequence[Controls]:
    """Returns the controls of each of `count` texts.

    Raises:
        UserError: They are for another number of texts, or cannot be.
    """
    if not isinstance(controls, (list, tuple)):
        return [chosen_controls(controls, named)] * count
    if len(controls) != count:
        raise UserError(f"controls: expected one, or {count}: one a text, got {len(controls)}")
    return [chosen_controls(one, named) for one in controls]
