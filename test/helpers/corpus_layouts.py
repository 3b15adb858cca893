"""Corpora as they are published, with noise in the place of speech and every trap of their formats."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from face_media import write_film, write_video

IEMOCAP_LABELS = """\
% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

"""
ESD_TEXTS = {"en": "the nine the eggs , I keep .", "zh": "打远一看，它们的确很是美丽。"}
ESD_ENCODINGS = {
    **{"0001": "gb18030", "0003": "utf-16-le", "0011": "ascii"},
    **{"0012": "utf-8", "0013": "utf-16-le", "0014": "utf-16", "0015": "ascii", "0016": "cp1252"},
}


def tone(path: Path) -> None:
    """Writes a tenth of a second of noise of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(zlib.crc32(str(path).encode())).uniform(-0.1, 0.1, 1600), 16000)


def ljspeech(root: Path) -> None:
    lines = [f'LJ001-{n:04d}|No. {n} "so|No. {n} "so' for n in range(1, 9)]
    for n in range(1, 9):
        tone(root / f"wavs/LJ001-{n:04d}.wav")
    (root / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")


def emodb(root: Path) -> None:
    for speaker in ("03", "10"):
        for sentence in ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"):
            for emotion in "WLEAFTN":
                tone(root / f"wav/{speaker}{sentence}{emotion}a.wav")
    tone(root / "wav/03a01Xa.wav")


CREMA_D_VOTES = """\
"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"
"1","1001_IEO_ANG_XX","N","69.1","A:D","68.75:52.25","A","64.78"
"2","1040_IEO_SAD_X","A:D:N","39.00:89.00:83.67","NA","NA","D","29.8"
"""
"""What most raters said by voice, by face and by both; ties have letters and levels with a colon between them."""


def crema_d(root: Path) -> None:
    names = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
    for name in names:
        tone(root / f"AudioWAV/1001_{name}_ANG_XX.wav")
        tone(root / f"AudioWAV/1040_{name}_SAD_X.wav")
        for level, emotion in zip(("LO", "MD", "HI", "XX"), ("DIS", "FEA", "HAP", "NEU"), strict=True):
            tone(root / f"AudioWAV/1091_{name}_{emotion}_{level}.wav")
    tone(root / "AudioWAV/1001_ABC_ANG_XX.wav")
    table = root / "processedResults/summaryTable.csv"
    table.parent.mkdir()
    table.write_text(CREMA_D_VOTES)


def film(path: Path, seconds: float = 0.4) -> None:
    """Writes a video with noise of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(zlib.crc32(str(path).encode())).uniform(-0.1, 0.1, (1, round(16000 * seconds)))
    write_film(path, noise)


def ravdess(root: Path) -> None:
    sound = root / "Audio_Speech_Actors_01-24"
    for actor in ("01", "02", "03", "04"):
        for number in range(1, 9):
            name = f"01-{number:02d}-01-0{number % 2 + 1}-01-{actor}"
            tone(sound / f"Actor_{actor}/03-{name}.wav")
    # The videos of one actor, seen and heard or seen alone; one without a recording, and one without any sound
    seen = root / "Video_Speech_Actor_01/Actor_01"
    film(seen / "01-01-03-01-02-01-01.mp4")
    write_video(seen / "02-01-03-01-02-01-01.mp4", [np.full((48, 64), 90, np.uint8)] * 5)
    write_video(seen / "02-01-04-01-01-01-01.mp4", [np.full((48, 64), 90, np.uint8)] * 5)
    film(seen / "01-01-05-02-01-02-01.mp4")
    write_video(seen / "02-01-06-02-01-02-01.mp4", [np.full((48, 64), 90, np.uint8)] * 5)
    # A distribution that holds everything twice, songs, and a name of another kind
    again = root / "audio_speech_actors_01-24/Actor_02/03-01-01-01-02-01-02.wav"
    again.parent.mkdir(parents=True)
    again.write_bytes((sound / "Actor_02/03-01-01-01-02-01-02.wav").read_bytes())
    tone(root / "Audio_Song_Actors_01-24/Actor_01/03-02-03-01-01-01-01.wav")
    tone(sound / "Actor_01/notes.wav")


MELD_HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
MELD_LINES = {
    "train": [
        ('"I\x92m late, he said: ""no""."', "Dr. Geller", "neutral", 0, 0),
        ("Hey!", "#ALL#", "joy", 0, 1),
        *((f"Line {number}.", "Joey", "sadness", 10, number) for number in range(2, 11)),
    ],
    "dev": [("What?", "Monica", "surprise", 0, 0), ("Hey!", "All", "disgust", 0, 1)],
    "test": [
        ("Get out!", "Ross", "anger", 0, 0),
        ("No.", "Mr. Geller/Ross", "fear", 1, 0),
        ("Gone.", "Joey", "joy", 1, 1),
    ],
}
"""Text, speaker, emotion, dialogue and utterance; the published files have control characters for quotation marks."""


def meld(root: Path) -> None:
    folders = {"train": "train/train_splits", "dev": "dev_splits_complete", "test": "test"}
    tables = {"train": "train", "dev": "", "test": ""}
    for split, lines in MELD_LINES.items():
        rows = [MELD_HEADER]
        for number, (text, speaker, emotion, dialogue, utterance) in enumerate(lines, 1):
            rows.append(f'{number},{text},{speaker},{emotion},neutral,{dialogue},{utterance},4,7,"0:20:57,256",0:21:00')
            # One line has no video, as of the published dev
            if text != "Gone.":
                film(root / folders[split] / f"dia{dialogue}_utt{utterance}.mp4")
        film(root / folders[split] / "dia99_utt9.mp4")
        table = root / tables[split] / f"{split}_sent_emo.csv"
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")


def jl(root: Path) -> None:
    for speaker in ("female1", "male2"):
        for number in range(1, 11):
            path = root / f"Raw JL corpus/{speaker}_angry_{number}a_1.wav"
            tone(path)
            path.with_suffix(".txt").write_text(f"Carl leaps into a jeep {number}.\n")
    tone(root / "Raw JL corpus/female1_angry_10a_1(1).wav")
    tone(root / "Raw JL corpus/male2_happy_1b_2.wav")


def esd(root: Path) -> None:
    for speaker, encoding in ESD_ENCODINGS.items():
        lines = []
        for place, label in enumerate(("Neutral", "Angry", "Happy", "Sad", "Surprise")):
            for sentence in range(1, 7):
                number = 350 * place + sentence
                utt = f"{speaker}_{number:06d}"
                text = ESD_TEXTS["zh" if int(speaker) <= 10 else "en"].replace("nine", f"nine {sentence}")
                gap = "  " if speaker == "0015" or sentence == 2 else "\t"
                lines.append(f"{utt}{gap}{text} {gap}{label}")
                deeper = ("train", "test", "evaluation")[sentence % 3] if speaker == "0012" else ""
                tone(root / speaker / label / deeper / f"{utt}.wav")
        if speaker == "0011":
            lines[0] = lines[0].replace("Neutral", "Angry")
            lines[1] = "0011_000002\t\tNeutral"
            (root / speaker / "Sad/0011_001053.wav").rename(root / speaker / "Happy/0011_001053.wav")
        if speaker == "0016":
            lines = [line.replace("the nine", "it’s nine") for line in lines]
        (root / speaker / f"{speaker}.txt").write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))


def markers(path: Path, frames: int = 12, start: float = 6.29) -> None:
    """Writes 55 markers of a face, 120 frames a second, some of them lost for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = " ".join(f"M{marker:02d}" for marker in range(1, 56))
    lines = [f"Frame# Time {names}", "0 0 " + " ".join(["X Y Z"] * 55)]
    for frame in range(frames):
        places = [f"{10 * column + np.sin(frame + column):.5f}" for column in range(165)]
        if 3 <= frame < 6:
            places[6:9] = ["NaN"] * 3
        lines.append(f"{754 + frame} {start + frame / 120:.5f} {' '.join(places)}")
    path.write_text("\n".join(lines) + "\n")


def iemocap(root: Path) -> None:
    labels = ("neu", "ang", "exc", "xxx", "fru", "hap")
    for session in (1, 2, 3):
        for scenario in ("impro01", "impro02", "script01_1", "script01_1b"):
            dialogue = f"Ses0{session}F_{scenario}"
            blocks, texts = IEMOCAP_LABELS, ""
            for number, label in enumerate(labels):
                utt = f"{dialogue}_{'FM'[number % 2]}{number:03d}"
                blocks += f"[{number}.2901 - {number + 1}.2357]\t{utt}\t{label}\t[2.5000, 3.0000, {number}.5000]\n"
                blocks += "C-E2:\tNeutral;\tSadness;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n" * (number % 2) + "\n"
                text = "[LAUGHTER]" if number == 5 and session == 1 else f"I am {number} [LAUGHTER] {scenario}."
                texts += f"{utt} [00{number}.2901-00{number + 1}.2357]: {text}\n"
                tone(root / f"Session{session}/sentences/wav/{dialogue}/{utt}.wav")
                # Of the two, the one that the dialogue is named after wears markers
                if utt.rpartition("_")[2].startswith(dialogue[5]):
                    markers(root / f"Session{session}/sentences/MOCAP_rotated/{dialogue}/{utt}.txt")
            texts += f"M: Yeah.\n{dialogue}_MXX0 [001.0000-002.0000]: Hm.\n"
            for kind, content in (("EmoEvaluation", blocks), ("transcriptions", texts)):
                path = root / f"Session{session}/dialog/{kind}/{dialogue}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="latin-1")
            for kind in ("Attribute", "Categorical", "Self-evaluation"):
                other = root / f"Session{session}/dialog/EmoEvaluation/{kind}/{dialogue}_e1.txt"
                other.parent.mkdir(exist_ok=True)
                other.write_text(f"[0.1 - 0.2]\t{dialogue}_F000\tang\t[1.0, 1.0, 1.0]\n")


def csv(root: Path) -> None:
    rows = ["path,text,speaker,emotion,language"]
    for number in range(8):
        tone(root / f"rec/one {number}.wav")
        emotion = ("Joy", "", '"ang:0.7,sad:0.3"')[number % 3]
        rows.append(f'rec/one {number}.wav,"Das ist, Nummer {number}.",Ann Lee,{emotion},de')
    (root / "metadata.csv").write_text("\ufeff" + "\n".join(rows), encoding="utf-8")


def nemo(root: Path) -> None:
    lines = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
    for speaker in ("EB0", "KD0"):
        for number in range(1, 16):
            for emotion in ("anger", "neutral") if (speaker, number) < ("KD0", 3) else ("neutral",):
                name = f"{speaker}_{emotion}_{number}.wav"
                tone(root / "samples" / name)
                lines.append(f'{name}\t{emotion}\t"Mama ma {number}, „tak”.\tmama\t  {speaker}\tfemale\t30')
    (root / "data.tsv").write_text("\n".join(lines), encoding="utf-8")


LAYOUTS: dict[str, Callable[[Path], None]] = {
    one.__name__: one for one in (ljspeech, emodb, crema_d, jl, esd, iemocap, csv, nemo, ravdess, meld)
}
"""Writes a corpus into a directory, by the corpus' name."""
