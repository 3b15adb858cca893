"""Synthesis from a trained model: the Python API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.config.decode import DecodeOptions
from espnet_mtl.config.fields import build
from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.errors import UserError, memory_needed
from espnet_mtl.inference.loaded import LoadedModel
from espnet_mtl.inference.options import (
    check_attention_options,
    check_device,
    check_paths,
    check_switch,
    decoding_options,
    without_none,
)
from espnet_mtl.inference.prosody import Edits, Prosody, edits_of, prosody_of, utterance_of, with_gain
from espnet_mtl.inference.reading import plan, read_parts
from espnet_mtl.inference.request.controls import (
    Amount,
    Controls,
    Numbers,
    check_backbone,
    check_sayable,
    chosen_controls,
)
from espnet_mtl.inference.request.inputs import check_finite, check_spoken, input_errors, seed_number
from espnet_mtl.inference.request.natural import natural_inputs
from espnet_mtl.inference.request.utterance import Utterance, UtteranceReader
from espnet_mtl.inference.vocoding import vocoder_of, waveform
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.forks import HomeProcess
from espnet_mtl.tasks.tts import MTLTTSTask
from espnet_mtl.text.markup.reader import is_markup


class Text2Speech(LoadedModel):
    """Text to speech with a choice of speaker and emotion. Several threads may share one.

    Constructor arguments are those of ESPnet's `Text2Speech` where both have them, so that
    `Text2Speech(**ModelDownloader().download_and_unpack(...))` works.

        >>> tts = Text2Speech.from_pretrained("model.zip")
        >>> wav = tts("Good morning.", speaker="f2", emotion={"sad": 0.3, "neutral": 0.7})["wav"]

    Args:
        train_config: The model's config.yaml.
        model_file: The model's weights.
        speed_control_alpha: Factor on durations, 0.1 to 10: above 1 is slower.
        griffin_lim_iters: Iterations of Griffin-Lim.
        vocoder_config: Configuration of another vocoder.
        vocoder_file: Weights of another vocoder (.pth), or a ParallelWaveGAN checkpoint (.pkl).
        device: "cpu" or "cuda".
        dtype: Numbers that the network computes in.
        use_teacher_forcing: Whether natural speech, which every call then gives (`decode_conf`), takes the place of
            what is predicted.
        max_tokens: The most tokens (phones, for the token type phn) of one text at the model's own speed, 1000: about a
            minute of speech.
        vocoder: "griffin_lim", "source_filter" or "parallel_wavegan"; None: that of `vocoder_file`; without one, the
            vocoder that was trained with the model; without one, see `espnet_mtl.vocoder.build.build_vocoder`.
        attention: Options of a backbone with attention (Tacotron2), as in ESPnet: threshold, minlenratio, maxlenratio,
            use_att_constraint, backward_window, forward_window.

    An option that is None has its default.

    Raises:
        UserError: A file is missing or is not what it should be, or the backbone does not have an option.
    """

    def __init__(
        self,
        train_config: str | Path | None = None,
        model_file: str | Path | None = None,
        speed_control_alpha: float | None = None,
        griffin_lim_iters: int | None = None,
        vocoder_config: str | Path | Mapping[str, Any] | None = None,
        vocoder_file: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        use_teacher_forcing: bool | None = None,
        max_tokens: int | None = None,
        vocoder: str | None = None,
        **attention: float | None,
    ):
        given = {"speed_control_alpha": speed_control_alpha, "dtype": dtype, "max_tokens": max_tokens}
        of_vocoder: dict[str, Any] = {"vocoder": vocoder, "griffin_lim_iters": griffin_lim_iters}
        build(DecodeOptions, {**given, **of_vocoder}, "Text2Speech")
        alpha = 1.0 if speed_control_alpha is None else speed_control_alpha
        device = "cpu" if device is None else device
        dtype = dtype or "float32"
        forced = False if use_teacher_forcing is None else use_teacher_forcing
        check_device(device)
        check_switch("use_teacher_forcing", forced)
        check_paths({"train_config": train_config, "model_file": model_file, "vocoder_file": vocoder_file})
        if not isinstance(vocoder_config, Mapping):
            check_paths({"vocoder_config": vocoder_config})
        model, self.train_args = MTLTTSTask.build_model_from_file(train_config, model_file, device)
        self.model = model.to(dtype=getattr(torch, dtype)).eval()
        self.device = device
        self._process = HomeProcess()
        self.max_tokens = max_tokens or MAX_TOKENS
        self.reader = UtteranceReader(self.model, self.train_args, device, self.max_tokens)
        of_vocoder |= {"vocoder_config": vocoder_config, "vocoder_file": vocoder_file}
        self.vocoder = vocoder_of(self.model, self.train_args, of_vocoder, device)
        check_attention_options(self.train_args.tts, attention)
        self.decode_conf = {"alpha": alpha, "use_teacher_forcing": forced, **without_none(attention)}

    @classmethod
    def from_pretrained(
        cls, model: str | Path | None = None, *, model_tag: str | None = None, **options
    ) -> Text2Speech:
        """Loads a packed model.

        Args:
            model: A zip (or tar), a URL, a model directory, or "user/repo" of the Hugging Face hub.
            model_tag: ESPnet's name for `model`.
            options: Arguments of the constructor.

        Raises:
            UserError: There is no such model, or its archive is refused.
        """
        from espnet_mtl.zoo.archive import naming, resolve

        if (model or model_tag) is None:
            return cls(**options)
        name = str(model or model_tag)
        files = resolve(name)
        with naming(name, files):
            return cls(**{**files, **options})

    @torch.no_grad()
    @input_errors()
    @memory_needed("speak shorter texts, one sentence at a time, or on the CPU")
    def __call__(
        self,
        text: str | Tensor | np.ndarray,
        speaker: str | Mapping[str, float] | None = None,
        emotion: str | Mapping[str, float] | None = None,
        intensity: float = 1.0,
        language: str | None = None,
        sids: int | np.ndarray | Tensor | None = None,
        spembs: np.ndarray | Tensor | None = None,
        decode_conf: Mapping[str, Any] | None = None,
        vocode: bool = True,
        seed: int = 0,
        *,
        controls: Controls | None = None,
        reference: str | Path | None = None,
        **prosody: Amount | None,
    ) -> dict[str, Any]:
        """Synthesizes one text.

        Args:
            text: Text, or token ids (T_text,).
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
        if isinstance(text, str) and is_markup(text):
            raise UserError("text: this is markup, which Text2Speech.stream reads")
        named = {"speaker": speaker, "emotion": emotion, "intensity": intensity, "language": language}
        controls = chosen_controls(controls, {**named, "reference": reference, **prosody})
        backbone = self.train_args.tts
        check_backbone(controls, backbone)
        options = decoding_options(self.model.tts, backbone, self.decode_conf, decode_conf)
        utterance = self.reader.read(text, controls, sids, spembs, options["alpha"])
        return self._controlled(utterance, controls, options, vocode, seed)

    @torch.no_grad()
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
        options = decoding_options(self.model.tts, self.train_args.tts, self.decode_conf, None)
        return self._speak(utterance, checked.edits(), checked.gain, options, vocode, seed)

    @torch.no_grad()
    @memory_needed("speak shorter texts, one sentence at a time, or on the CPU")
    def speak(self, utterance: Utterance, controls: Controls, seed: int = 0) -> dict[str, Any]:
        """Says what was read already: voice and emotion are the utterance's, the rest the controls'."""
        options = decoding_options(self.model.tts, self.train_args.tts, self.decode_conf, None)
        return self._controlled(utterance, controls, options, True, seed)

    def stream(
        self, text: str, *, controls: Controls | None = None, seed: int = 0, **named: Any
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
            named: `speaker`, `emotion` and the other controls, as in a call; one number each for the whole text.

        Yields:
            What a call returns, with the sentence (`text`), and when it begins in the whole, in seconds (`start`).

        Raises:
            UserError: As a call; what can be known before the first sentence is told at once.
        """
        with input_errors():
            parts = plan(self, text, chosen_controls(controls, named))
        return read_parts(self, parts, seed)

    def _controlled(
        self, utterance: Utterance, controls: Controls, options: Mapping[str, Any], vocode: bool, seed: Any
    ) -> dict[str, Any]:
        edits = edits_of(controls, utterance.tokens, self.frame)
        gain = controls.per_token("energy", len(utterance.tokens))
        return self._speak(utterance, edits, gain, options, vocode, seed)

    def _speak(
        self,
        utterance: Utterance,
        edits: Edits,
        gain: Numbers | None,
        options: Mapping[str, Any],
        vocode: bool,
        seed: Any,
    ) -> dict[str, Any]:
        self._process.check(self.device)
        token_features = BACKBONES.spec(self.train_args.tts).token_features
        options = natural_inputs(self.model, options, token_features, len(utterance.ids))
        inputs = {**utterance.voice, **options, "seed": seed_number(seed)}
        output = self.model.inference(utterance.ids, weights=utterance.weights, edits=edits, **inputs)
        if "feat_gen" in output:
            check_finite("spectrogram", output["feat_gen"])
        check_spoken(output["duration"])
        prosody = prosody_of(output, utterance, gain, self.frame)
        if vocode and self.vocoder is not None:
            output["wav"] = waveform(self.vocoder, output)
        if "wav" in output:
            if gain is not None:
                output["wav"] = with_gain(output["wav"], gain, prosody.durations)
            check_finite("waveform", output["wav"])
        return output | {"prosody": prosody}
