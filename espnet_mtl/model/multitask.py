"""The multi-task loss of a batch: heads, their weighting, and the junctions of their gradients.

Nothing here knows of ESPnet's model classes, so that any of its tasks can train with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from espnet_mtl.errors import UserError
from espnet_mtl.model.gradients import branch
from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.host import on_host
from espnet_mtl.model.progress import TrainProgress
from espnet_mtl.model.taps import Tap
from espnet_mtl.model.targets import visible
from espnet_mtl.model.weighting.base import Weighting
from espnet_mtl.model.weighting.junction import GradStats, Junction


class MultiTask:
    """L = Σ_k λ_k w_k · ℓ_k(g_k(f(x; θ); φ_k), y_k), and the gradients of its tasks where they come together.

    It is no module: the model that it belongs to owns the heads and the weighting.

    Args:
        heads: Task heads g_k by task name.
        weighting: Gives the weights λ_k w_k, and combines gradients.
        branched_parts: Parts of the TTS loss that are tasks of their own, and whose gradients come back to the tap
            `shared` by branches of their own; none where the TTS loss is one task.

    Attributes:
        progress: How much of the training is done, which heads go by.
        grad_stats: What the last backward pass measured, by tap.
    """

    def __init__(self, heads: Mapping[str, Head], weighting: Weighting, branched_parts: Sequence[str] = ()):
        self.heads = dict(heads)
        self.weighting = weighting
        self.branched_parts = tuple(branched_parts)
        self.progress = TrainProgress()
        self.grad_stats: dict[str, GradStats] = {}
        weighting.capped = frozenset(name for name, head in heads.items() if head.grad_cap is not None)

    def __call__(
        self,
        taps: Mapping[str, Tap],
        labels: Mapping[str, Tensor],
        tts_losses: Mapping[str, Tensor],
        utts: Sequence[str] | None = None,
        others: Mapping[str, float | Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Computes the loss of a batch, and prepares its backward pass.

        Args:
            taps: What the network has for heads to read, by name.
            labels: What heads learn, by label; see `espnet_mtl.model.heads.base.Head.loss`.
            tts_losses: The TTS loss by task: `tts`, or `tts_<part>` where its parts are tasks.
            utts: The utterances, for the message of an error.
            others: Further figures to report.

        Returns:
            The loss L (a scalar), and figures to report, on the host (`espnet_mtl.model.host.on_host`): `others`, those
            of the heads and of the last backward pass, and loss and weight of each task.

        Raises:
            UserError: A loss is not a number.
        """
        head_losses, head_stats = self._head_losses(taps, labels)
        losses = {**tts_losses, **head_losses}
        loss, weights = self.weighting(losses)
        self._register_junctions(taps)

        stats = dict(others or {})
        stats |= self.grad_figures() if self.weighting.training else {}
        stats["tts_loss"] = torch.stack([*tts_losses.values()]).sum().detach()
        stats |= head_stats
        stats |= {f"{name}_loss": value.detach() for name, value in losses.items()}
        stats |= {f"{name}_weight": weight for name, weight in weights.items()}
        stats["loss"] = loss.detach()
        figures = on_host(stats)
        check_finite({name: figures[f"{name}_loss"] for name in losses}, utts)
        return loss, figures

    def _head_losses(
        self, taps: Mapping[str, Tap], labels: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Lets every head read its tap by a branch of its own; returns losses by task, and figures."""
        losses: dict[str, Tensor] = {}
        stats: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            tap = self._branch(taps[head.tap], name)
            if head.partner is not None:
                tap = replace(tap, partner=self._branch(taps[head.partner], name))
            losses[name], figures = head.loss(tap, visible(labels[head.label], head.label, tap), self.progress.fraction)
            stats |= {f"{name}_{key}": value for key, value in figures.items()}
        return losses, stats

    @staticmethod
    def _branch(tap: Tap, task: str) -> Tap:
        return replace(tap, values=branch(tap.values, task, tap.branch_grads))

    def _register_junctions(self, taps: Mapping[str, Tap]) -> None:
        """Puts a junction at every tap that several tasks send gradients to."""
        for tap, tasks in self.junction_tasks().items():
            # Not bound to this object: ESPnet's attention keeps the last batch's graph, which must not keep the model
            record = partial(self.grad_stats.__setitem__, tap)
            junction = Junction(tap, tasks, self.weighting, record)
            junction.register(taps[tap].values, taps[tap].branch_grads)

    def junction_tasks(self) -> dict[str, list[str]]:
        """Names the tasks at each junction; the first one's gradient comes back through the network behind the tap."""
        tasks: dict[str, list[str]] = {}
        if self.branched_parts:
            tasks["shared"] = ["tts_mel", *(f"tts_{part}" for part in self.branched_parts)]
        for name, head in self.heads.items():
            for tap in filter(None, (head.tap, head.partner)):
                tasks.setdefault(tap, ["tts"]).append(name)
        return tasks

    def grad_figures(self) -> dict[str, Tensor]:
        """Returns the figures of the last backward pass, at all junctions (`GradStats.figures`)."""
        figures: dict[str, Tensor] = {}
        for tap, stats in self.grad_stats.items():
            figures |= stats.figures(tap)
        return figures


def check_finite(losses: Mapping[str, Tensor], utts: Sequence[str] | None) -> None:
    """Raises UserError where the loss of a task, on the host, is not a number: it names the task and the utterances."""
    wrong = [f"{name} {loss.item()}" for name, loss in losses.items() if not loss.isfinite()]
    if not wrong:
        return
    raise UserError(
        f"the loss is not finite: {', '.join(wrong)}; utterances {', '.join(utts or ['of this batch'])}: "
        "look for broken features or labels among them, or take a lower learning rate"
    )
