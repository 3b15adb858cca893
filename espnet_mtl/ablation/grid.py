"""Ablations: the same data trained under several configurations and seeds, judged together."""

from __future__ import annotations

import csv
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path

import yaml

from espnet_mtl.config.decode import ENCODER_OF, StyleFrom, has_encoder, load_inference_config
from espnet_mtl.config.load import load_train_config, read_train_config, read_yaml
from espnet_mtl.config.overrides import check_same_data, override
from espnet_mtl.data.kaldi import read_labels
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.evaluation.cache import digest
from espnet_mtl.evaluation.evaluate import REFERENCES
from espnet_mtl.inference.sets.style_sources import source_files
from espnet_mtl.labels import CLASS_LABELS
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.system.files import naming, require, write_text
from espnet_mtl.system.kaldi.matrix import file_and_offset

CONFIG = "ablation.yaml"
"""In the experiment of each run: its configuration, whole."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        variant: Name of the configuration.
        seed: Seed of the training.
    """

    variant: str
    seed: int

    @property
    def tag(self) -> str:
        """Name of the experiment."""
        return f"{self.variant}_seed{self.seed}"


@dataclass(frozen=True)
class Grid:
    """What is trained on what.

    Attributes:
        configs: Training YAMLs by the name of the variant; the first is what the others are compared with.
        seeds: Seeds of each.
        dump: `dump/raw`, with `token_list` and `tables` beside it.
        exp: Where the experiments go; `stats` of stage 4 is in it.
        inference_configs: Decoding YAMLs; with several, every model speaks by each of them.
        part: The set that is synthesized and judged: dev to choose settings, test to report.
        token_type: "phn", "char" or "bpe".
        train_args: Options of ESPnet's training for all runs, which override the YAMLs.
        command: What the commands are run by, such as a scheduler's wrapper; empty: this machine.
        jobs: Runs side by side.
        environment: Variables of the commands, beside those of this process.
        natural: `dump/raw` of the natural speech that judges; None: `dump`. Another one has labels that training lacks.
        speakers: Whose speech is judged; none: that of all.
    """

    configs: Mapping[str, Path]
    seeds: Sequence[int]
    dump: Path
    exp: Path
    inference_configs: Sequence[Path]
    part: str = "test"
    token_type: str = "phn"
    train_args: Sequence[str] = ()
    command: Sequence[str] = ()
    jobs: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    natural: Path | None = None
    speakers: Sequence[str] = ()

    @cached_property
    def variants(self) -> dict[str, tuple[str, Path]]:
        """By its title, what is compared: a name of `configs`, and a decoding YAML that its models can speak by.

        Raises:
            UserError: Two have one title, or one has that of natural speech; a decoding YAML is wrong, or no model can
                speak by it.
        """
        several = len(self.inference_configs) > 1
        variants: dict[str, tuple[str, Path]] = {}
        for decoding, config in self._spoken():
            title = f"{config} {decoding.stem}" if several else config
            if title in (*variants, *REFERENCES):
                raise UserError(f"two rows of the table would be called {title!r}: give a configuration another name")
            variants[title] = config, decoding
        return variants

    def _spoken(self) -> Iterator[tuple[Path, str]]:
        """Yields decodings and configurations that go together; others are told."""
        for decoding in self.inference_configs:
            style_from = load_inference_config(decoding).get("style_from")
            able = [name for name in self.configs if self._can_speak(name, style_from)]
            if not able:
                raise UserError(f"{decoding}: style_from: {style_from}: no configuration has an encoder for it")
            for name in self.configs:
                if name in able:
                    yield decoding, name
                else:
                    print(f"{name} has no encoder for {decoding} (style_from: {style_from}): left out", file=sys.stderr)

    def _can_speak(self, name: str, style_from: StyleFrom | None) -> bool:
        encoder = ENCODER_OF.get(style_from or "label")
        if encoder is None:
            return True
        path = self.configs[name]
        return has_encoder(override(path, load_train_config(path), self.train_args), encoder)

    @property
    def runs(self) -> list[Run]:
        """All runs, the first seed of every variant first."""
        return [Run(variant, seed) for seed, variant in product(self.seeds, self.configs)]


def name_variants(paths: Sequence[Path]) -> dict[str, Path]:
    """Names configurations by their files.

    Raises:
        UserError: Two have one name.
    """
    by_name = {path.stem: path for path in paths}
    if len(by_name) < len(paths):
        raise UserError(f"two configurations have one name: {', '.join(map(str, paths))}")
    return by_name


def train_all(grid: Grid) -> None:
    """Trains every run of a grid and synthesizes its speech, some side by side; one that is done costs seconds.

    Raises:
        UserError: A configuration is wrong, before anything is trained; or runs failed, which it names with their logs.
    """
    paths = list(grid.configs.values())
    check_same_data({path: override(path, load_train_config(path), grid.train_args) for path in paths})
    _check_judging(grid)
    require([grid.dump / grid.part / "durations"], "stage 3")
    # Copies, since a file may be edited while the grid is trained.
    copies = {name: yaml.safe_dump(read_train_config(path), sort_keys=False) for name, path in grid.configs.items()}
    for run in grid.runs:
        write_text(grid.exp / run.tag / CONFIG, copies[run.variant])
    with ThreadPoolExecutor(grid.jobs) as pool:
        succeeded = list(pool.map(lambda run: _run(grid, run), grid.runs))
    failed = [run.tag for run, ok in zip(grid.runs, succeeded, strict=True) if not ok]
    if failed:
        logs = ", ".join(str(grid.exp / tag / "ablation.log") for tag in failed)
        raise UserError(f"{len(failed)} of {len(grid.runs)} runs failed; call again to go on. See {logs}")


def _check_judging(grid: Grid) -> None:
    """Makes sure that what is to be said can be said and judged, before anything is trained."""
    name_variants(grid.inference_configs)  # its name names the directory of what is said
    _ = grid.variants  # raises
    judged = (grid.natural or grid.dump) / grid.part
    require([judged / name for name in ("wav.scp", "utt2spk")], "stage 2")
    valid = sorted(set(read_labels(judged / "utt2spk", CLASS_LABELS["speaker"]).values()))
    for speaker in grid.speakers:
        if speaker not in valid:
            raise one_of("speakers", speaker, valid)


def _run(grid: Grid, run: Run) -> bool:
    """Trains a run and synthesizes its speech, each where it is not done yet; tells whether both succeeded."""
    print(f"{run.tag}: begins", flush=True)
    decodings = [decoding for config, decoding in grid.variants.values() if config == run.variant]
    succeeded = _train(grid, run) and all(_decode(grid, run, path) for path in decodings)
    print(f"{run.tag}: {'done' if succeeded else 'failed'}", flush=True)
    return succeeded


def _train(grid: Grid, run: Run) -> bool:
    exp, beside = grid.exp / run.tag, grid.dump.parent
    options = [
        *("--train_config", exp / CONFIG, "--dump", grid.dump),
        *("--token_list", beside / "token_list", "--tables", beside / "tables", "--stats", grid.exp / "stats"),
        *("--output", exp, "--token_type", grid.token_type, "--", *grid.train_args, "--seed", run.seed),
    ]
    return _command(grid, exp, "train", options)


def _decode(grid: Grid, run: Run, inference_config: Path) -> bool:
    """Synthesizes the speech of a run; not where the speech that is there was made from the same files."""
    exp = grid.exp / run.tag
    note = exp / inference_config.stem / grid.part / "ablation.key"
    key = _speech_key(grid, exp, inference_config)
    if note.is_file() and note.read_text(encoding="utf-8") == key:
        return True
    options = ["--exp", exp, "--dump", grid.dump, "--inference_config", inference_config, "--part", grid.part]
    if not _command(grid, exp, "decode", options):
        return False
    write_text(note, key)
    return True


def _command(grid: Grid, exp: Path, module: str, options: Sequence[object]) -> bool:
    """Runs the command of a stage, with its output in the experiment's log; tells whether it succeeded."""
    command = [*grid.command, sys.executable, "-m", f"espnet_mtl.bin.stages.{module}", *map(str, options)]
    environment = {**os.environ, **grid.environment}
    path = exp / "ablation.log"
    with naming(path), path.open("a", encoding="utf-8") as log:
        log.write(f"$ {shlex.join(command)}\n")
        log.flush()
        done = subprocess.run(command, stdout=log, stderr=log, env=environment, check=False)
    return done.returncode == 0


def _speech_key(grid: Grid, exp: Path, inference_config: Path) -> str:
    """Hashes what speech is made from: the model, the options of decoding and the sentences with their labels."""
    model = best_model(exp, read_yaml(exp / "config.yaml"))
    tables = [grid.dump / grid.part / name for name in ("text", "phones", "utt2spk", "utt2emo", "utt2lang")]
    style_from = load_inference_config(inference_config).get("style_from")
    places = source_files(grid.dump / grid.part, style_from).values()
    sources = sorted({file_and_offset(place)[0] for place in places})
    return digest([model, inference_config], {}, optional=[*tables, *sources])


def to_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Lays out rows that have the same keys."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
