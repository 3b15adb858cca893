"""Synthesis from a trained model: the Python API."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.registry import BACKBONES
from espnet_mtl.tasks.tts import MTLTTSTask, label_tables
from espnet_mtl.text.espeak import PUNCTUATION
from espnet_mtl.text.tokens import Tokenizer, unknown_tokens
from espnet_mtl.vocoder.build import build_vocoder

NEUTRAL = "neutral"


class Text2Speech:
    """Text to speech with a choice of speaker and emotion.

    Constructor arguments are those of ESPnet's `Text2Speech` where both have them, so that
    `Text2Speech(**ModelDownloader().download_and_unpack(...))` works.

        >>> tts = Text2Speech.from_pretrained("model.zip")
        >>> wav = tts("Good morning.", speaker="f2", emotion={"sad": 0.3, "neutral": 0.7})["wav"]

    Args:
        train_config: The model's config.yaml.
        model_file: The model's weights.
        speed_control_alpha: Factor on durations: above 1 is slower.
        griffin_lim_iters: Iterations of the default vocoder.
        vocoder_config: Configuration of another vocoder.
        vocoder_file: Checkpoint of a ParallelWaveGAN vocoder (.pkl); None: Griffin-Lim.
        device: "cpu" or "cuda".
        dtype: Numbers that the network computes in.
        use_teacher_forcing: Whether durations, pitch and energy are given rather than predicted.
        attention: Options of a backbone with attention (Tacotron2), as in ESPnet: threshold, minlenratio, maxlenratio,
            use_att_constraint, backward_window, forward_window.

    Raises:
        UserError: A file is missing or is not what it should be, or the backbone does not have an option.
    """

    def __init__(
        self,
        train_config: str | Path | None = None,
        model_file: str | Path | None = None,
        speed_control_alpha: float = 1.0,
        griffin_lim_iters: int = 32,
        vocoder_config: str | Path | None = None,
        vocoder_file: str | Path | None = None,
        device: str = "cpu",
        dtype: str = "float32",
        use_teacher_forcing: bool = False,
        **attention: float,
    ):
        model, self.train_args = MTLTTSTask.build_model_from_file(train_config, model_file, device)
        self.model = model.to(dtype=getattr(torch, dtype)).eval()
        self.device = device
        self.tables = label_tables(self.train_args)
        self.preprocess_fn = MTLTTSTask.build_preprocess_fn(self.train_args, False)
        self.vocoder = build_vocoder(
            self.model,
            vocoder_config or {"griffin_lim_iters": griffin_lim_iters},
            vocoder_file,
            device=device,
        )
        args = self.train_args
        punctuation = not set(PUNCTUATION.values()).isdisjoint(args.token_list)
        self.tokenizer = Tokenizer.from_config(vars(args), args.token_type, args.bpemodel, punctuation)
        self.decode_conf = {"alpha": speed_control_alpha, "use_teacher_forcing": use_teacher_forcing, **attention}
        self._check_options(attention)

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
        from espnet_mtl.zoo.archive import resolve

        if (model or model_tag) is None:
            return cls(**options)
        return cls(**{**resolve(str(model or model_tag)), **options})

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return int(self.vocoder.fs)  # type: ignore[arg-type]

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
    ) -> dict[str, Any]:
        """Synthesizes one text.

        Args:
            text: Text, or token ids (T_text,).
            speaker: Name of the speaker; None: `sids`, or the first.
            emotion: An emotion, a mixture such as `{"sad": 0.3, "neutral": 0.7}`, or None: as the text suggests where
                the model has learned to tell (a task with `tap: encoder, label: emotion`), else neutral where it knows
                that, else all alike.
            intensity: Pulls the emotion toward neutral: 1 is all of it, 0 is neutral; above 1 exaggerates.
            language: espeak's language; None: the only one of the model, or the one of its configuration.
            sids: Speaker number, as in ESPnet.
            spembs: Speaker embedding (D,), as in ESPnet.
            decode_conf: Overrides `alpha` and other options of decoding.
            vocode: Whether to make a waveform.

        Returns:
            `wav` (T_wav,), `feat_gen` and `feat_gen_denorm` (T, n_mels), `duration` in frames (T_text + 1,); of
            FastSpeech2 also `pitch` and `energy` per token (T_text + 1[, 1]), `pitch_denorm` in log Hz,
            `energy_denorm`; of Tacotron2 `att_w` (steps, T_text + 1) and `focus_rate`.

        Raises:
            ValueError: An unknown speaker, emotion or language (it names those there are), or an empty text.
            UserError: A control that the backbone does not have.
        """
        language = self._language(language)
        inputs: dict[str, Any] = {"text": self._tokens(text, language)}
        if self.model.style is not None:
            if emotion is None and self.model.text_predictor is not None:
                predicted = self.model.predict_style(inputs["text"])
                emotion = dict(zip(self.emotions, predicted.tolist(), strict=True))
            inputs["weights"] = torch.from_numpy(self.emotion_weights(emotion, intensity)).to(self.device)
        elif emotion is not None:
            raise ValueError(f"unknown emotion {emotion!r}: this model has no emotions")
        inputs["sids"] = self._sids(speaker, sids)
        if self.model.tts.langs is not None:
            inputs["lids"] = torch.tensor([self.languages.index(language)], device=self.device)
        if spembs is not None:
            inputs["spembs"] = torch.as_tensor(spembs, device=self.device)
        output = self.model.inference(**inputs, **{**self.decode_conf, **(decode_conf or {})})
        if vocode:
            output["wav"] = self.vocoder(output.get("feat_gen_denorm", output["feat_gen"]))
        return output

    def _check_options(self, options: Mapping[str, object]) -> None:
        backbone = self.train_args.tts
        valid = BACKBONES.spec(backbone).decoding_options
        for name in options:
            if name not in valid:
                raise one_of(f"decoding option of {backbone}", name, valid)

    def emotion_weights(self, emotion: str | Mapping[str, float] | None, intensity: float = 1.0) -> np.ndarray:
        """Turns an emotion, or a mixture, into weights (K,) that sum to 1."""
        if emotion is None:
            emotion = NEUTRAL if NEUTRAL in self.emotions else dict.fromkeys(self.emotions, 1.0)
        mixture = {emotion: 1.0} if isinstance(emotion, str) else dict(emotion)
        weights = np.zeros(len(self.emotions), dtype=np.float32)
        for name, weight in mixture.items():
            if name not in self.emotions:
                raise ValueError(f"unknown emotion {name!r}: this model has {', '.join(self.emotions)}")
            if weight < 0:
                raise ValueError(f"emotion {name!r}: a weight must not be negative, got {weight}")
            weights[self.emotions.index(name)] = weight
        if not weights.sum() > 0:
            raise ValueError("emotion: the weights of a mixture must sum to more than 0")
        weights /= weights.sum()
        if intensity == 1.0:
            return weights
        if NEUTRAL not in self.emotions:
            raise ValueError(
                f"intensity needs an emotion called {NEUTRAL!r}; this model has {', '.join(self.emotions)}"
            )
        neutral = np.eye(len(self.emotions), dtype=np.float32)[self.emotions.index(NEUTRAL)]
        return neutral + np.float32(intensity) * (weights - neutral)

    def _tokens(self, text: str | Tensor | np.ndarray, language: str) -> Tensor:
        if not isinstance(text, str):
            return torch.as_tensor(text, device=self.device)
        if not text.strip():
            raise ValueError("text: there is nothing to say")
        try:
            line = self.tokenizer.line(text, language)
            unknown = unknown_tokens(self.tokenizer.tokens(line), self.train_args.token_list)
        except UserError as error:
            raise ValueError(f"text: {error}") from error
        if unknown:
            logging.warning(f"text {text!r}: the model does not know {' '.join(unknown)}: read as <unk>")
        return torch.from_numpy(self.preprocess_fn("<text>", {"text": line})["text"]).to(self.device)

    def _language(self, language: str | None) -> str:
        """Returns the language to speak: the given one, the only one, or the one of the configuration."""
        if language is None:
            only = self.languages[0] if len(self.languages) == 1 else None
            language = only or self.train_args.language
        if self.model.tts.langs is not None and language not in self.languages:
            raise ValueError(f"language {language!r}: this model speaks {', '.join(self.languages)}")
        return language

    def _sids(self, speaker: str | None, sids: int | np.ndarray | Tensor | None) -> Tensor | None:
        if speaker is not None:
            if speaker not in self.speakers:
                raise ValueError(f"unknown speaker {speaker!r}: this model has {', '.join(self.speakers)}")
            sids = self.speakers.index(speaker)
        if self.model.tts.spks is None:
            return None
        sids = torch.as_tensor(0 if sids is None else sids, device=self.device).view(1)
        if not 0 <= int(sids) < len(self.speakers):
            raise ValueError(f"sids: expected 0 to {len(self.speakers) - 1}, got {int(sids)}")
        return sids
