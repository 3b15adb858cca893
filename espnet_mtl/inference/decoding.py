"""Synthesis of the test sentences by every speaker in every emotion (stage 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
import torch
import yaml

from espnet_mtl.config.decode import DECODE_OPTIONS, load_inference_config
from espnet_mtl.config.load import read_yaml
from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.dump import text_file
from espnet_mtl.data.kaldi import read_optional, read_table, write_table
from espnet_mtl.inference.text2speech import Text2Speech
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import require, whole_directory, write_text
from espnet_mtl.system.progress import progress

ARKS = {"feats": "feat_gen_denorm", "pitch": "pitch_denorm"}
TABLES = ("wav.scp", "durations", "focus_rates", "text", "utt2spk", "utt2emo", "utt2lang")


@dataclass(frozen=True)
class Request:
    """One utterance to synthesize: its id, text, tokens (phones, or the text), speaker and emotion."""

    utt: str
    text: str
    tokens: str
    speaker: str
    emotion: str | None
    language: str | None = None


def requests(dump: Path, token_type: str, speakers: Sequence[str], emotions: Sequence[str]) -> list[Request]:
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
    spk = read_table(dump / "utt2spk")
    emo = read_optional(dump / "utt2emo")
    natural = {(texts[utt], spk[utt], emo.get(utt)): utt for utt in sorted(texts)}
    languages, speak = read_optional(dump / "utt2lang"), _speakers(dump)
    listed = []
    wanted: list[str | None] = list(emotions) or [None]
    for number, (text, first) in enumerate(sorted({texts[utt]: utt for utt in sorted(texts, reverse=True)}.items()), 1):
        language = languages.get(first)
        for speaker in [name for name in speakers if language is None or name in speak[language]]:
            plain = [None] if emotions and (text, speaker, None) in natural else []
            for emotion in [*wanted, *plain]:
                utt = natural.get((text, speaker, emotion))
                name = utt or "_".join(filter(None, [speaker, emotion, f"t{number:04d}"]))
                listed.append(Request(name, text, tokens[utt or first], speaker, emotion, language))
    return sorted(listed, key=lambda request: request.utt)


def _speakers(dump: Path) -> dict[str, set[str]]:
    """Names the speakers of each language in the training and test sets."""
    speak: dict[str, set[str]] = defaultdict(set)
    for directory in (dump, dump.with_name("train")):
        if directory.is_dir():
            spk = read_table(directory / "utt2spk")
            for utt, language in read_optional(directory / "utt2lang").items():
                speak[language].add(spk[utt])
    return speak


def decode(
    exp: Path, dump: Path, inference_config: str, ngpu: int, overrides: Sequence[str], part: str = "test"
) -> Path:
    """Synthesizes the test set, or another `part` of the dump; returns the directory, `exp/<tag>/<decode>/test`.

    Raises:
        UserError: The model or the test set is missing, or an option is wrong.
    """
    options = load_inference_config(inference_config, overrides)
    check_gpus(ngpu)
    require([exp / "config.yaml"], "stage 5")
    model_file = best_model(exp, read_yaml(exp / "config.yaml"))
    require([dump / part / "durations"], "stage 3")
    torch.manual_seed(0)
    tts = Text2Speech(exp / "config.yaml", model_file, device="cuda" if ngpu else "cpu", **options)
    work = requests(dump / part, tts.train_args.token_type, tts.speakers, tts.emotions)
    output = exp / Path(inference_config).stem / part
    with whole_directory(output) as directory:
        write_text(directory / DECODE_OPTIONS, yaml.safe_dump(options))
        _synthesize(tts, work, directory, output.resolve())
    return output


def _synthesize(tts: Text2Speech, work: Sequence[Request], directory: Path, final: Path) -> None:
    (directory / "wav").mkdir()
    tables: dict[str, dict[str, object]] = {name: {} for name in TABLES}
    written = ("feats", *BACKBONES.spec(tts.train_args.tts).token_features)
    predicted = {name: key for name, key in ARKS.items() if name in written}
    with ark_writers(directory, predicted) as arks:
        for request, output in progress(_outputs(tts, work), f"decoding {final.parent.parent.name}", len(work)):
            utt = request.utt
            soundfile.write(directory / "wav" / f"{utt}.wav", output["wav"].cpu().numpy(), tts.fs, "PCM_16")
            for name, key in predicted.items():
                arks[name](utt, output[key].cpu().numpy())
            tables["wav.scp"][utt] = final / "wav" / f"{utt}.wav"
            tables["durations"][utt] = " ".join(map(str, output["duration"].tolist()))
            if "focus_rate" in output:
                tables["focus_rates"][utt] = f"{float(output['focus_rate']):.5f}"
            tables["text"][utt] = request.text
            tables["utt2spk"][utt] = request.speaker
            if request.emotion is not None:
                tables["utt2emo"][utt] = request.emotion
            if request.language is not None:
                tables["utt2lang"][utt] = request.language
    for name, table in tables.items():
        if table or name == "utt2emo":
            write_table(directory / name, table)
    for name in predicted:
        write_table(directory / f"{name}.scp", moved_scp(directory / f"{name}.scp", final))


def _outputs(tts: Text2Speech, work: Sequence[Request]) -> Iterator[tuple[Request, Mapping[str, Any]]]:
    for request in work:
        text = tts.preprocess_fn(request.utt, {"text": request.tokens})["text"]
        yield request, tts(text, speaker=request.speaker, emotion=request.emotion, language=request.language)
