"""The contract of a backbone: a TTS network of ESPnet with a style input and taps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.model.backbones.specs import BackboneSpec
from espnet_mtl.model.gradients import branch
from espnet_mtl.model.ranges import PROSODY, Ranges, with_mel_range, with_range
from espnet_mtl.model.taps import BackboneOutput, Tap
from espnet_mtl.system.networks import replica

Edits = Mapping[str, Callable[[Tensor], Tensor]]
"""By the name of a contour, `durations` (B, T) in frames, `pitch` or `energy` (B, T, 1), normalized: what is to be
spoken in place of what was predicted."""


@dataclass
class Call:
    """What one call of a backbone hands to its hooks, and what they bring back.

    Attributes:
        style: Style vectors (B, D), or (B, T_text, D) where the style changes along the text; None: no style.
        order: The utterances in the order in which the network takes them; None: that of the batch.
        taps: Tensors by the name of the tap, in the order of the batch.
        branch_grads: Gradients that branches of the tap `shared` collect (`espnet_mtl.model.gradients.branch`).
        losses: Parts of the loss.
        attention: Attention weights, in the order of the network.
        recorded: Other tensors that hooks recorded, by name.
        alpha: Factor on durations.
        segments: Whether segments will be cut out of the frames.
        generator: Draws the random numbers of this call; None: PyTorch's own, which all threads share.
        ranges: What gets another spread than it is predicted with (`espnet_mtl.model.ranges`).
        edits: What is made of durations, pitch and energy once they are predicted.
        speakers: Weights (B, speakers) of a mixture of voices; None: the one whose number is given.
        mask: What is real of the sequences that convolutions read, (B, 1, T); None: they read padding, too.
    """

    style: Tensor | None = None
    order: Tensor | None = None
    generator: torch.Generator | None = None
    ranges: Ranges = field(default_factory=dict)
    edits: Edits = field(default_factory=dict)
    speakers: Tensor | None = None
    mask: Tensor | None = None
    taps: dict[str, Tensor] = field(default_factory=dict)
    branch_grads: dict[str, Tensor] = field(default_factory=dict)
    losses: dict[str, Tensor] = field(default_factory=dict)
    attention: Tensor | None = None
    recorded: dict[str, Tensor] = field(default_factory=dict)
    alpha: float = 1.0
    segments: bool = False

    def record_tap(self, name: str, values: Tensor) -> Tensor:
        """Records a tap, and returns it for the network to go on with, so that every gradient passes through it."""
        if self.order is None:
            self.taps[name] = values
            return values
        self.taps[name] = self.in_batch_order(values)
        return self.taps[name][self.order]

    def in_batch_order(self, values: Tensor) -> Tensor:
        """Returns rows that the network has in its order in that of the batch."""
        return values if self.order is None else values[self.order.argsort()]

    def add_style(self, hidden: Tensor) -> Tensor:
        """Adds the style to the encoder's output (B, T_text + 1, D); one that changes along the text has none at its
        end."""
        if self.style is None:
            return hidden
        if self.style.dim() == 2:
            return hidden + self.style.unsqueeze(1)
        return hidden + functional.pad(self.style, [0, 0, 0, 1])

    def speaker_tap(self) -> dict[str, Tap]:
        """Returns the tap `speaker`, where it was recorded."""
        return {"speaker": Tap(self.taps["speaker"])} if "speaker" in self.taps else {}


_CALL: ContextVar[Call | None] = ContextVar("backbone_call", default=None)
"""The call that is going on in this thread. It is not kept on the network, which several threads may share."""


def current_call() -> Call:
    """Returns the call that is going on, for hooks; an empty one where a part of the network is used alone."""
    return _CALL.get() or Call()


def is_calling() -> bool:
    """Tells whether a call of a backbone is going on in this thread."""
    return _CALL.get() is not None


class Backbone(ABC):
    """A TTS network of ESPnet (same parameters, same names) that a style vector is added to, and that heads read.

    A subclass derives from ESPnet's class, whose forward runs as it is, and then from this one. Hooks on its modules
    reach into it (`register_forward_hook`): they take the style from `current_call()`, and put taps and losses there.
    ESPnet's own methods run on a `replica`, since its modules keep things of a call, and several threads may share a
    network. The tests that every backbone has to pass are in test/model/backbones/test_contract.py.

    Attributes:
        spec: What is known of it without importing it, such as its taps and the parts of its loss.
        split: Whether the parts of the loss are tasks of their own, and the gradients of its branches kept by task.
        token_table: Name of the parameter that has a row for each token.
        encoder_dim: Size of the encoder's output vectors, which a style has, too.
        shared_dim: Size of the vectors of the tap `shared`, the conditioned encoder output.
    """

    spec: ClassVar[BackboneSpec]
    split: bool = False
    token_table: str

    # ESPnet's
    eos: int
    odim: int
    spks: int | None
    langs: int | None
    sid_emb: nn.Module

    @property
    @abstractmethod
    def encoder_dim(self) -> int: ...

    @property
    @abstractmethod
    def shared_dim(self) -> int: ...

    @abstractmethod
    def forward(self, text: Tensor, text_lengths: Tensor, *, style: Tensor | None = None, **batch) -> BackboneOutput:
        """Computes the TTS loss of a batch.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            style: Style vectors (B, encoder_dim), or (B, T_text, encoder_dim) where the style changes along the text.
            batch: ESPnet's other arguments.
        """

    @abstractmethod
    def inference(self, text: Tensor, *, style: Tensor | None = None, seed: int = 0, **options) -> dict[str, Tensor]:
        """Synthesizes one utterance.

        Args:
            text: Token ids (T_text,).
            style: Style vector (1, encoder_dim), or vectors (1, T_text, encoder_dim).
            seed: Seed of a network that draws random numbers, which are then this call's own.
            options: `speakers`, and `ranges` (where `spec.ranges`) and `edits` (where `spec.contours`) of the `Call`;
                ESPnet's other arguments.

        Returns:
            ESPnet's outputs, with `duration` (T_text + 1,) in frames.
        """

    @abstractmethod
    def run_encoder(self, tokens: Tensor) -> None:
        """Runs the text encoder alone on tokens and the end (1, T_text + 1): its hook records the tap `encoder`."""

    @torch.no_grad()
    def encode(self, text: Tensor) -> Tensor:
        """Computes the tap `encoder` of one text: (T_text,) -> (1, T_text + 1, encoder_dim)."""
        assert isinstance(self, nn.Module)
        with self.call() as call:
            replica(self).run_encoder(functional.pad(text, [0, 1], value=self.eos)[None])
        return call.taps["encoder"]

    @contextmanager
    def call(
        self,
        style: Tensor | None = None,
        order: Tensor | None = None,
        **wishes: Any,
    ) -> Iterator[Call]:
        """Opens a call for the hooks, and closes it however it ends; `wishes` are other fields of it."""
        given = {name: value for name, value in wishes.items() if value is not None}
        with self.continued(Call(style, order, **given)) as call:
            yield call

    @contextmanager
    def continued(self, call: Call) -> Iterator[Call]:
        """Opens a call again, for what follows on the same batch."""
        token = _CALL.set(call)
        try:
            yield call
        finally:
            _CALL.reset(token)

    def register_position_tables(self) -> None:
        """Makes buffers of ESPnet's tables of positions: they move with the network, and no call has to move them."""
        assert isinstance(self, nn.Module)
        for module in self.modules():
            if isinstance(vars(module).get("pe"), Tensor):
                module.register_buffer("pe", vars(module).pop("pe"), persistent=False)

    def hook_contours(self) -> None:
        """Gives the contours that predictors make the range that a call wants of them, and changes them for it."""
        for contour in PROSODY:
            predictor = self.predictor(contour)
            if contour in self.spec.ranges:
                predictor.register_forward_hook(partial(_restore_contour, contour))
            if contour in self.spec.contours:
                predictor.register_forward_hook(partial(_edit_contour, contour))

    def predictor(self, feature: str) -> nn.Module:
        """Returns the predictor of `pitch`, `energy` or `duration`, where the network has one."""
        module = getattr(self, f"{feature}_predictor")
        assert isinstance(module, nn.Module)
        return module

    def hook_convolutions(self) -> None:
        """Keeps padding from convolutions over time, where a call says what it is: ESPnet's masks leave it to some."""
        assert isinstance(self, nn.Module)
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                module.register_forward_pre_hook(_without_padding)

    def hook_speaker_table(self) -> None:
        """Makes the rows of the table of speakers the tap `speaker`, where there is such a table."""
        if self.spks:
            self.sid_emb.register_forward_hook(_record_speaker)

    def _add_style(self, module, args, output):
        """Hook behind a transformer encoder."""
        hidden, masks = output
        call = current_call()
        return call.add_style(call.record_tap("encoder", hidden)), masks

    def _record_shared(self, module, args):
        """Hook in front of one of the variance predictors, which have the same input."""
        current_call().record_tap("shared", args[0])

    def _branch(self, part, module, args):
        """Hook in front of the variance predictor of a part of the loss."""
        if not self.split:
            return args
        hidden, *others = args
        return branch(hidden, f"tts_{part}", current_call().branch_grads), *others

    @property
    def branched_parts(self) -> tuple[str, ...]:
        """Parts of the loss that are tasks with branches of their own; none where the loss is one task."""
        return self.spec.branched_parts if self.split else ()

    def tap_dims(self) -> dict[str, int]:
        """Returns the sizes of the vectors of the taps that this network has."""
        dims = {"encoder": self.encoder_dim, "shared": self.shared_dim, "mel": self.odim}
        if self.spks:
            dims["speaker"] = self.encoder_dim
        return dims

    def row_tables(self) -> dict[str, str]:
        """Names the parameters that have a row for each token, speaker or language, and which of these."""
        tables = {self.token_table: "token"}
        if self.spks:
            tables["sid_emb.weight"] = "speaker"
        if self.langs:
            tables["lid_emb.weight"] = "language"
        return tables


def _restore_contour(contour: str, module, args, output: Tensor) -> Tensor:
    """Changes the output (B, T, 1) of a predictor of ESPnet's, whose arguments are the tap `shared` and its padding."""
    tell = current_call().ranges.get(contour)
    if tell is None:
        return output
    shared, padding = args
    lengths = (~padding).sum((1, 2))
    return with_range(output, lengths - 1, tell(Tap(shared, lengths)))


def _edit_contour(contour: str, module, args, output: Tensor) -> Tensor:
    edit = current_call().edits.get(contour)
    return output if edit is None else edit(output)


def edited_durations(durations: Tensor) -> Tensor:
    """Returns durations (B, T) in frames as the call wants them, in place of predicted ones."""
    edit = current_call().edits.get("durations")
    return durations if edit is None else edit(durations)


def restored_mel(mel: Tensor, tokens: int) -> Tensor:
    """Gives a spectrogram (T, n_mels) that the call has predicted, normalized, the range that the call wants of it.

    `tokens` are those of the text and its end: the tap may be padded (ESPNET_BUCKET_INFER).
    """
    call = current_call()
    tell = call.ranges.get("mel")
    if tell is None:
        return mel
    log_factor = tell(Tap(call.taps["shared"], torch.tensor([tokens], device=mel.device)))
    return with_mel_range(mel[None], torch.tensor([len(mel)], device=mel.device), log_factor)[0]


def _without_padding(module, args):
    mask = current_call().mask
    if mask is None:
        return args
    (values,) = args
    return (values * mask,)


def _record_speaker(module, args, output: Tensor) -> Tensor:
    call = current_call()
    if call.speakers is not None:
        output = call.speakers.to(module.weight) @ module.weight
    return call.record_tap("speaker", output)
