"""Synthesis of the test sentences by every speaker in every emotion (stage 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from espnet_mtl.config.decode import DECODE_OPTIONS, DecodeOptions, StyleFrom, load_inference_config
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import VOCODER_WEIGHTS
from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.dump import text_file
from espnet_mtl.data.kaldi import Table, read_labels, read_table, write_table
from espnet_mtl.data.provenance.notes import write_note
from espnet_mtl.data.utterances import languages_of_speakers
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.length import check_lines
from espnet_mtl.inference.sets.spoken import check_dump, speech_note
from espnet_mtl.inference.sets.style_sources import StyleSources, read_sources
from espnet_mtl.labels import CLASS_LABELS, UNLABELLED
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import require, whole_directory, write_text
from espnet_mtl.system.paths import file_name
from espnet_mtl.system.progress import progress
from espnet_mtl.system.sound import encoded
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.vocoder.choice import vocoder_arguments

if TYPE_CHECKING:
    from espnet_mtl.inference.text2speech import Text2Speech

ARKS = {"feats": "feat_gen_denorm", "pitch": "pitch_denorm"}
STYLE_SOURCES = "style_sources"
"""Beside decoded speech: the utterance of the set that gave each its emotion, where labels did not."""
TABLES = ("wav.scp", "durations", "focus_rates", "text", "utt2spk", "utt2emo", "utt2lang", STYLE_SOURCES)


@dataclass(frozen=True)
class Request:
    """One utterance to synthesize: its id, text, tokens (phones, or the text), speaker and emotion."""

    utt: str
    text: str
    tokens: str
    speaker: str
    emotion: str | None
    language: str | None = None


def list_requests(dump: Path, token_type: str, speakers: Sequence[str], emotions: Sequence[str]) -> list[Request]:
    """Lists every test sentence by every speaker of its language in every emotion.

    A request takes the id of the natural utterance where there is one, with that utterance's own phones, so that both
    can be compared token by token. An unlabelled natural utterance is spoken without an emotion, too.

    Args:
        dump: `dump/raw/test`.
        token_type: "phn", "char" or "bpe".
        speakers: The model's speakers.
        emotions: The model's emotions; empty: each sentence is read once per speaker.
    """
    texts, tokens = read_table(dump / "text", "stage 2"), read_table(dump / text_file(token_type), "stage 3")
    require([dump / "utt2spk"], "stage 2")
    speaker_of, emotion_of, language_of = (_labels(dump, name) for name in ("speaker", "emotion", "language"))
    for table in (tokens, speaker_of):
        table.check_has(texts, texts.path)
    for table in (speaker_of, emotion_of, language_of):
        table.check_only(texts, texts.path)
    natural: dict[tuple[str, str, str | None], str] = {}
    first: dict[str, str] = {}  # the first utterance of each sentence, whose phones those take who never said it
    for utt in sorted(texts):
        label = emotion_of.get(utt, UNLABELLED)
        natural[texts[utt], speaker_of[utt], None if label == UNLABELLED else label] = utt
        first.setdefault(texts[utt], utt)

    requests = []
    taken = set(texts)
    spoken = languages_of_speakers((dump, dump.with_name("train")))
    for number, text in enumerate(sorted(first), 1):
        language = language_of.get(first[text])
        for speaker in speakers:
            name = normal_name(speaker)  # a model of before may have another form
            if language is not None and language not in spoken.get(name, ()):
                continue
            wanted: list[str | None] = list(emotions)
            if not emotions or (text, name, None) in natural:
                wanted.append(None)
            for emotion in wanted:
                said = natural.get((text, name, emotion and normal_name(emotion)))
                utt = said or _new_id([speaker, emotion, f"t{number:04d}"], taken)
                requests.append(Request(utt, text, tokens[said or first[text]], speaker, emotion, language))
    return sorted(requests, key=lambda request: request.utt)


def _new_id(parts: Sequence[str | None], taken: set[str]) -> str:
    """Makes an id of names; it is none of those that are taken, to which it is added."""
    name = normal_name("_".join(filter(None, parts)))
    while name in taken:  # as of speaker a_b in emotion c and of speaker a in emotion b_c
        name += "_"
    taken.add(name)
    return name


def _labels(directory: Path, name: str) -> Table:
    label = CLASS_LABELS[name]
    return read_labels(directory / label.file, label)


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
    model_file = best_model(exp, config)
    require([dump / part / "durations"], "stage 3")
    check_dump(exp, config, dump, part)
    check_gpus(ngpu)
    sources = read_sources(dump / part, style_from)
    # These import PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech(exp / "config.yaml", model_file, device="cuda" if ngpu else "cpu", **_of_model(options))
    _check_has_encoder(tts, style_from)
    requests = list_requests(dump / part, tts.train_args.token_type, tts.speakers, tts.emotions)
    lines = {request.utt: request.tokens for request in requests}
    check_lines(lines, tts.reader.tokenizer, tts.max_tokens, tts.decode_conf["alpha"])
    output = exp / Path(inference_config).stem / part
    vocoder = vocoder_arguments(options, config.get(VOCODER_WEIGHTS))["vocoder_file"]
    note = speech_note(exp, config, model_file, dump / part, output, vocoder and Path(vocoder), style_from)
    with whole_directory(output) as directory:
        write_note(directory, note)
        write_text(directory / DECODE_OPTIONS, yaml.safe_dump(options))
        _synthesize(tts, requests, sources, directory, output.resolve())
    return output


def _of_model(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of decoding that are those of `Text2Speech`."""
    return {name: value for name, value in options.items() if name in DecodeOptions.model_fields}


def _check_has_encoder(tts: Text2Speech, style_from: StyleFrom | None) -> None:
    """Raises UserError where a model cannot take the emotion from a recording or a face."""
    style = tts.model.style
    lacking = {
        "recording": style is None or style.reference is None,
        "face": style is None or style.visual is None,
    }
    if style_from and lacking.get(style_from, False):
        encoder = {"recording": "reference", "face": "visual"}[style_from]
        raise UserError(
            f"style_from: {style_from}: this model has no {encoder} encoder (style_conf.{encoder} of its training YAML)"
        )


def _synthesize(
    tts: Text2Speech, requests: Sequence[Request], sources: StyleSources | None, directory: Path, final: Path
) -> None:
    """Writes the speech of all requests, what was predicted and their labels into `directory`, to be called `final`."""
    (directory / "wav").mkdir()
    tables: dict[str, dict[str, object]] = {name: {} for name in TABLES}
    predicted = {name: ARKS[name] for name in BACKBONES.spec(tts.train_args.tts).predicted}
    with ark_writers(directory, predicted) as arks:
        for request in progress(requests, f"decoding {final.parent.parent.name}", len(requests)):
            source = source_of(sources, request)
            output = _speak(tts, request, sources.controls(source) if sources and source else {})
            wav = Path("wav") / file_name(request.utt, ".wav")
            (directory / wav).write_bytes(encoded(output["wav"].cpu().numpy(), tts.fs, "wav"))
            for name, key in predicted.items():
                arks[name](request.utt, output[key].cpu().numpy())
            entries = {**_entries(request, output), "wav.scp": final / wav}
            if source:
                entries[STYLE_SOURCES] = source
            for name, entry in entries.items():
                tables[name][request.utt] = entry
    for name, table in tables.items():
        if table or name == "utt2emo":
            write_table(directory / name, table)
    for name in predicted:
        write_table(directory / f"{name}.scp", moved_scp(directory / f"{name}.scp", final))


def source_of(sources: StyleSources | None, request: Request) -> str | None:
    """Chooses the utterance that a request takes its emotion from; None where a label gives it, or there is none."""
    if sources is None or request.emotion is None:
        return None
    return sources.of(request.utt, request.text, request.speaker, request.emotion)


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
