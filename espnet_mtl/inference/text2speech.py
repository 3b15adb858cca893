"""Synthesis from a trained model: the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.config.decode import DecodeOptions
from espnet_mtl.config.fields import build
from espnet_mtl.config.numbers import MAX_TOKENS, finite_number
from espnet_mtl.errors import UserError, memory_needed
from espnet_mtl.inference.inputs import (
    NEUTRAL,
    check_finite,
    check_spoken,
    emotion_mixture,
    input_errors,
    seed_number,
    speaker_embedding,
    speaker_id,
    style_weights,
    token_ids,
    token_line,
)
from espnet_mtl.inference.language import choose_language, spoken_languages
from espnet_mtl.inference.length import check_length, check_words
from espnet_mtl.inference.natural import natural_inputs
from espnet_mtl.inference.options import (
    check_attention_options,
    check_device,
    check_paths,
    check_switch,
    decoding_options,
    without_none,
)
from espnet_mtl.inference.vocoding import vocoder_of, waveform
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.forks import HomeProcess
from espnet_mtl.system.unicode import find_name
from espnet_mtl.tasks.tts import MTLTTSTask, label_tables
from espnet_mtl.text.espeak import PUNCTUATION
from espnet_mtl.text.tokens import Tokenizer


class Text2Speech:
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
        self.tables = label_tables(self.train_args)
        self.speaker_languages = spoken_languages(self.train_args)
        self.max_tokens = max_tokens or MAX_TOKENS
        self.preprocess_fn = MTLTTSTask.build_preprocess_fn(self.train_args, False)
        of_vocoder |= {"vocoder_config": vocoder_config, "vocoder_file": vocoder_file}
        self.vocoder = vocoder_of(self.model, self.train_args, of_vocoder, device)
        args = self.train_args
        punctuation = not set(PUNCTUATION.values()).isdisjoint(args.token_list)
        self.tokenizer = Tokenizer.from_config(vars(args), args.token_type, args.bpemodel, punctuation)
        # Both read a model of pieces at their first text: now, and not in two threads at a time
        self.tokenizer.tokens("")
        self.preprocess_fn("<text>", {"text": ""})
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

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return int(self.train_args.feats_extract_conf["fs"] if self.vocoder is None else self.vocoder.fs)

    @property
    def speakers(self) -> list[str]:
        """Names of the speakers; `sids` counts in this order."""
        return self.tables["speaker"]

    @property
    def emotions(self) -> list[str]:
        """Names of the emotions, in the order of emotion weights."""
        return self.tables["emotion"]

    @property
    def languages(self) -> list[str]:
        """espeak's names of the languages that it was trained on."""
        return self.tables["language"]

    @torch.no_grad()
    @input_errors()
    @memory_needed("speak shorter texts, one sentence at a time, or on the CPU")
    def __call__(
        self,
        text: str | Tensor | np.ndarray,
        speaker: str | None = None,
        emotion: str | Mapping[str, float] | None = None,
        intensity: float = 1.0,
        language: str | None = None,
        sids: int | np.ndarray | Tensor | None = None,
        spembs: np.ndarray | Tensor | None = None,
        decode_conf: Mapping[str, Any] | None = None,
        vocode: bool = True,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Synthesizes one text.

        Args:
            text: Text, or token ids (T_text,).
            speaker: Name of the speaker; None: `sids`, or the first.
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

        Returns:
            `wav` (T_wav,), `feat_gen` and `feat_gen_denorm` (T, n_mels), which JETS does without, `duration` in frames
            (T_text + 1,); of FastSpeech2 and JETS also `pitch` and `energy` per token (T_text + 1[, 1]), `pitch_denorm`
            in log Hz, `energy_denorm`; of Tacotron2 `att_w` (steps, T_text + 1) and `focus_rate`.

        Raises:
            UserError: Every mistake in an argument: an unknown speaker, emotion, language or option of decoding (it
                names those there are), a number out of its range, a text that is empty or longer than `max_tokens`, a
                control that the backbone does not have; or the model's answer is not finite, or no speech. It is an
                `InputError`, which is a ValueError, too.
        """
        self._process.check(self.device)
        options = decoding_options(self.model.tts, self.train_args.tts, self.decode_conf, decode_conf)
        number = speaker_id(speaker, sids, self.speakers)
        language = self._language(language, int(number))
        tokens = self._tokens(text, language, options["alpha"])
        weights = self._style_weights(tokens, emotion, intensity)
        token_features = BACKBONES.spec(self.train_args.tts).token_features
        options = natural_inputs(self.model, options, token_features, len(tokens))
        voice = self._voice(number, language, spembs)
        output = self.model.inference(tokens, weights=weights, seed=seed_number(seed), **voice, **options)
        if "feat_gen" in output:
            check_finite("spectrogram", output["feat_gen"])
        check_spoken(output["duration"])
        if vocode and self.vocoder is not None:
            output["wav"] = waveform(self.vocoder, output)
        if "wav" in output:
            check_finite("waveform", output["wav"])
        return output

    @input_errors()
    def emotion_weights(self, emotion: str | Mapping[str, float] | None, intensity: float = 1.0) -> np.ndarray:
        """Turns an emotion, or a mixture, into weights (K,) that sum to 1.

        Args:
            emotion: As in a call; None: neutral where the model knows that, else all alike.
            intensity: As in a call.

        Raises:
            UserError: An unknown emotion, a weight or an intensity that cannot be; also a ValueError.
        """
        if emotion is None:
            emotion = NEUTRAL if NEUTRAL in self.emotions else dict.fromkeys(self.emotions, 1.0)
        return style_weights(emotion_mixture(emotion), intensity, self.emotions)

    def _style_weights(self, tokens: Tensor, emotion: Any, intensity: Any) -> Tensor | None:
        """Returns the weights (K,) of the styles; None where the model has none."""
        if self.model.style is None:
            if emotion is not None:
                raise UserError(f"unknown emotion {emotion!r}: this model has no emotions")
            if finite_number("intensity", intensity) != 1.0:
                raise UserError(f"intensity {intensity!r}: this model has no emotions")
            return None
        if emotion is None and self.model.text_predictor is not None:
            suggested = self.model.predict_style(tokens)
            emotion = dict(zip(self.emotions, suggested.tolist(), strict=True))
        return torch.from_numpy(self.emotion_weights(emotion, intensity)).to(self.device)

    def _tokens(self, text: Any, language: str, alpha: float = 1.0) -> Tensor:
        """Returns the token ids (T_text,) of a text, or the given ones."""
        if isinstance(text, str):
            check_words(text, self.max_tokens, alpha)
            line = token_line(text, language, self.tokenizer, self.train_args.token_list)
            ids = torch.from_numpy(self.preprocess_fn("<text>", {"text": line})["text"])
        else:
            ids = token_ids(text, len(self.train_args.token_list))
        check_length("text", len(ids), self.max_tokens, alpha)
        return ids.to(self.device)

    def _language(self, language: str | None, speaker: int) -> str:
        """Returns the language to speak, one of the model's: the given one, or that of the speaker of this number."""
        name = self.speakers[speaker] if self.speakers else ""
        language = choose_language(language, name, self.train_args, self.speaker_languages, self.languages)
        known = self.languages or [self.train_args.language]
        return known[find_name("language", language, known)]

    def _voice(self, speaker: Tensor, language: str, spembs: Any) -> dict[str, Tensor | None]:
        """Returns the numbers (1,) of speaker and language, and the embedding (D,); None: the model takes none."""
        voice: dict[str, Tensor | None] = dict.fromkeys(("sids", "lids", "spembs"))
        if self.model.tts.spks is not None:
            voice["sids"] = speaker.to(self.device)
        if self.model.tts.langs is not None:
            voice["lids"] = torch.tensor([self.languages.index(language)], device=self.device)
        embedding = speaker_embedding(spembs, self.model.tts.spk_embed_dim)
        if embedding is not None:
            voice["spembs"] = embedding.to(self.device, next(self.model.parameters()).dtype)
        return voice
