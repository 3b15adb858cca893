"""Synthesis of the test sentences by every speaker in every emotion (stage 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from espnet_mtl.config.decode import DECODE_OPTIONS, DecodeOptions, check_style_from, load_inference_config
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import VOCODER_WEIGHTS
from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.provenance.notes import file_digest, joined_digest, write_note
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.length import check_lines
from espnet_mtl.inference.sets.requests import Request, list_requests
from espnet_mtl.inference.sets.spoken import check_dump, speech_note
from espnet_mtl.inference.sets.style_sources import StyleSources, choose_sources
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import require, whole_directory, write_text
from espnet_mtl.system.parallel.mapping import parallel_map
from espnet_mtl.system.paths import file_name
from espnet_mtl.system.sound import encoded
from espnet_mtl.vocoder.choice import vocoder_arguments

if TYPE_CHECKING:
    from espnet_mtl.inference.text2speech import Text2Speech

ARKS = {"feats": "feat_gen_denorm", "pitch": "pitch_denorm"}
STYLE_SOURCES = "style_sources"
"""Beside decoded speech: the utterance of the set that gave each its emotion, where labels did not."""
TABLES = ("wav.scp", "durations", "focus_rates", "text", "utt2spk", "utt2emo", "utt2lang", STYLE_SOURCES)


@dataclass(frozen=True)
class Model:
    """What loads a model, in each process that speaks with it.

    Attributes:
        config: Its `config.yaml`.
        weights: Its checkpoint.
        device: "cpu" or "cuda".
        options: Those of decoding, as JSON.
        content: Digest of its files: workers of a cluster outlive a model that is trained again in the same place.
    """

    config: Path
    weights: Path
    device: str
    options: str
    content: str

    def load(self) -> Text2Speech:
        """Loads it, once in a process."""
        return _loaded(self)


@lru_cache(maxsize=1)
def _loaded(model: Model) -> Text2Speech:
    # Imports PyTorch and ESPnet, which takes seconds: mistakes of the user's are told before
    from espnet_mtl.inference.text2speech import Text2Speech

    return Text2Speech(model.config, model.weights, device=model.device, **json.loads(model.options))


@dataclass(frozen=True)
class Spoken:
    """A request that was spoken.

    Attributes:
        wav: The sound, as a WAV file.
        predicted: What the network predicted besides, by the archives that take it.
        entries: Its entry in each table that it has one in.
    """

    wav: bytes
    predicted: dict[str, np.ndarray]
    entries: dict[str, object]


def decode(
    exp: Path, dump: Path, inference_config: str, ngpu: int, overrides: Sequence[str], part: str = "test", nj: int = 1
) -> Path:
    """Synthesizes the test set, or another `part` of the dump; returns the directory, `exp/<tag>/<decode>/test`.

    Args:
        exp: Experiment of stage 5.
        dump: `dump/raw`.
        inference_config: The decoding YAML.
        ngpu: 0: the CPU.
        overrides: Options that override the YAML.
        part: The set.
        nj: Processes; each loads the model.

    Raises:
        UserError: The model or the test set is missing, an option is wrong, or a text is too long.
    """
    options = load_inference_config(inference_config, overrides)
    style_from = options.get("style_from")
    require([exp / "config.yaml"], "stage 5")
    config = read_yaml(exp / "config.yaml")
    check_style_from(style_from, config, str(exp))
    model_file = best_model(exp, config)
    require([dump / part / "durations"], "stage 3")
    check_dump(exp, config, dump, part)
    check_gpus(ngpu)
    token_type, emotions = config.get("token_type") or "phn", config.get("emotions") or []
    requests = list_requests(dump / part, token_type, config.get("speakers") or [], emotions)
    requests, sources = choose_sources(dump / part, style_from, requests)
    vocoder = vocoder_arguments(options, config.get(VOCODER_WEIGHTS))["vocoder_file"]
    files = [exp.resolve() / "config.yaml", model_file.resolve(), *([Path(vocoder)] if vocoder else [])]
    model = Model(
        config=files[0],
        weights=files[1],
        device="cuda" if ngpu else "cpu",
        options=json.dumps(_of_model(options)),
        content=joined_digest(map(file_digest, files)),
    )
    tts = model.load()
    lines = {request.utt: request.tokens for request in requests}
    check_lines(lines, tts.reader.tokenizer, tts.max_tokens, tts.decode_conf["alpha"])
    output = exp / Path(inference_config).stem / part
    note = speech_note(exp, config, model_file, dump / part, output, vocoder and Path(vocoder), sources)
    with whole_directory(output) as directory:
        write_note(directory, note)
        write_text(directory / DECODE_OPTIONS, yaml.safe_dump(options))
        _synthesize(model, requests, sources, directory, output.resolve(), nj)
    return output


def _of_model(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of decoding that are those of `Text2Speech`."""
    return {name: value for name, value in options.items() if name in DecodeOptions.model_fields}


def _synthesize(
    model: Model,
    requests: Sequence[Request],
    sources: StyleSources | None,
    directory: Path,
    final: Path,
    nj: int,
) -> None:
    """Writes the speech of all requests, what was predicted and their labels into `directory`, to be called `final`."""
    (directory / "wav").mkdir()
    tables: dict[str, dict[str, object]] = {name: {} for name in TABLES}
    predicted = BACKBONES.spec(model.load().train_args.tts).predicted
    work = [(request, sources.controls(request.utt) if sources else {}) for request in requests]
    say, description = partial(_say, model, predicted), f"decoding {final.parent.parent.name}"
    with closing(parallel_map(say, work, nj, description)) as spoken, ark_writers(directory, predicted) as arks:
        for request, one in zip(requests, spoken, strict=True):
            wav = Path("wav") / file_name(request.utt, ".wav")
            (directory / wav).write_bytes(one.wav)
            for name, values in one.predicted.items():
                arks[name](request.utt, values)
            entries = {**one.entries, "wav.scp": final / wav}
            if sources and request.utt in sources.chosen:
                entries[STYLE_SOURCES] = sources.chosen[request.utt]
            for name, entry in entries.items():
                tables[name][request.utt] = entry
    for name, table in tables.items():
        if table or name == "utt2emo":
            write_table(directory / name, table)
    for name in predicted:
        write_table(directory / f"{name}.scp", moved_scp(directory / f"{name}.scp", final))


def _say(model: Model, predicted: Sequence[str], work: tuple[Request, Mapping[str, Any]]) -> Spoken:
    """Speaks a request, in any process."""
    request, source = work
    tts = model.load()
    output = _speak(tts, request, source)
    return Spoken(
        wav=encoded(output["wav"].cpu().numpy(), tts.fs, "wav"),
        predicted={name: output[ARKS[name]].cpu().numpy() for name in predicted},
        entries=_entries(request, output),
    )


def _speak(tts: Text2Speech, request: Request, source: Mapping[str, Any]) -> Mapping[str, Any]:
    """Speaks a request, in the emotion of its label or of a control that names a source."""
    reader = tts.reader
    tokens = reader.numbers(reader.tokenizer.tokens(request.tokens))
    emotion = None if source else request.emotion
    try:
        return tts(tokens, speaker=request.speaker, emotion=emotion, language=request.language, **source)
    except UserError as error:
        raise UserError(f"utterance {request.utt}: {error}") from error


def _entries(request: Request, output: Mapping[str, Any]) -> dict[str, object]:
    """Returns an utterance's entry in each table that it has one in."""
    entries: dict[str, object] = {"text": request.text, "utt2spk": request.speaker}
    entries["durations"] = " ".join(map(str, output["duration"].tolist()))
    if "focus_rate" in output:
        entries["focus_rates"] = f"{float(output['focus_rate']):.5f}"
    if request.emotion is not None:
        entries["utt2emo"] = request.emotion
    if request.language is not None:
        entries["utt2lang"] = request.language
    return entries
