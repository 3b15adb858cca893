"""Synthesis of the test sentences by every speaker in every emotion (stage 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from espnet_mtl.config.decode import DECODE_OPTIONS, DecodeOptions, check_style_from, load_inference_config
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import VOCODER_WEIGHTS
from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.provenance.notes import write_note
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.length import check_lines
from espnet_mtl.inference.sets.requests import Request, list_requests
from espnet_mtl.inference.sets.spoken import check_dump, speech_note
from espnet_mtl.inference.sets.style_sources import StyleSources, choose_sources
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import require, whole_directory, write_text
from espnet_mtl.system.paths import file_name
from espnet_mtl.system.progress import progress
from espnet_mtl.system.sound import encoded
from espnet_mtl.vocoder.choice import vocoder_arguments

if TYPE_CHECKING:
    from espnet_mtl.inference.text2speech import Text2Speech

ARKS = {"feats": "feat_gen_denorm", "pitch": "pitch_denorm"}
STYLE_SOURCES = "style_sources"
"""Beside decoded speech: the utterance of the set that gave each its emotion, where labels did not."""
TABLES = ("wav.scp", "durations", "focus_rates", "text", "utt2spk", "utt2emo", "utt2lang", STYLE_SOURCES)


def decode(
    exp: Path, dump: Path, inference_config: str, ngpu: int, overrides: Sequence[str], part: str = "test"
) -> Path:
    """Synthesizes the test set, or another `part` of the dump; returns the directory, `exp/<tag>/<decode>/test`.

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
    # These import PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech(exp / "config.yaml", model_file, device="cuda" if ngpu else "cpu", **_of_model(options))
    lines = {request.utt: request.tokens for request in requests}
    check_lines(lines, tts.reader.tokenizer, tts.max_tokens, tts.decode_conf["alpha"])
    output = exp / Path(inference_config).stem / part
    vocoder = vocoder_arguments(options, config.get(VOCODER_WEIGHTS))["vocoder_file"]
    note = speech_note(exp, config, model_file, dump / part, output, vocoder and Path(vocoder), sources)
    with whole_directory(output) as directory:
        write_note(directory, note)
        write_text(directory / DECODE_OPTIONS, yaml.safe_dump(options))
        _synthesize(tts, requests, sources, directory, output.resolve())
    return output


def _of_model(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of decoding that are those of `Text2Speech`."""
    return {name: value for name, value in options.items() if name in DecodeOptions.model_fields}


def _synthesize(
    tts: Text2Speech, requests: Sequence[Request], sources: StyleSources | None, directory: Path, final: Path
) -> None:
    """Writes the speech of all requests, what was predicted and their labels into `directory`, to be called `final`."""
    (directory / "wav").mkdir()
    tables: dict[str, dict[str, object]] = {name: {} for name in TABLES}
    predicted = {name: ARKS[name] for name in BACKBONES.spec(tts.train_args.tts).predicted}
    with ark_writers(directory, predicted) as arks:
        for request in progress(requests, f"decoding {final.parent.parent.name}", len(requests)):
            output = _speak(tts, request, sources.controls(request.utt) if sources else {})
            wav = Path("wav") / file_name(request.utt, ".wav")
            (directory / wav).write_bytes(encoded(output["wav"].cpu().numpy(), tts.fs, "wav"))
            for name, key in predicted.items():
                arks[name](request.utt, output[key].cpu().numpy())
            entries = {**_entries(request, output), "wav.scp": final / wav}
            if sources and request.utt in sources.chosen:
                entries[STYLE_SOURCES] = sources.chosen[request.utt]
            for name, entry in entries.items():
                tables[name][request.utt] = entry
    for name, table in tables.items():
        if table or name == "utt2emo":
            write_table(directory / name, table)
    for name in predicted:
        write_table(directory / f"{name}.scp", moved_scp(directory / f"{name}.scp", final))


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
