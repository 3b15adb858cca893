"""What lies where in `data/<set>` (stage 1) and `dump/raw/<set>` (stages 2 and 3): the name of every file, once.

Files are tables, `<utterance> <value>` a line, but for those that lie beside the sets.
"""

from __future__ import annotations

from espnet_mtl.labels import CLASS_LABELS

TRAIN_AND_DEV = ("train", "dev")
"""The sets that training reads; all of them: `espnet_mtl.corpora.split.SETS`."""

WAV_SCP = "wav.scp"
"""Path of the recording."""
TEXT = "text"
"""What is said."""
PHONES = "phones"
"""Phones, a space between two: written by stage 3 for the token type phn."""
VISUAL_SCP = "visual.scp"
"""What is seen, where something is: in `data/<set>` the path of a picture, a video or an array, in `dump/raw/<set>`
what stage 3 made of it, vectors (T_v, D)."""
MEDIA_SCP = "media.scp"
"""What stage 2 takes from the `visual.scp` of stage 1."""
SPK2UTT = "spk2utt"
"""Utterances of each speaker."""
UTT2SPK = CLASS_LABELS["speaker"].file
UTT2EMO = CLASS_LABELS["emotion"].file
UTT2LANG = CLASS_LABELS["language"].file
UTT2VAD = "utt2vad"
"""Labels that stages read by name; all of them: `espnet_mtl.labels.LABEL_FILES`."""
NUM_SAMPLES = "utt2num_samples"
"""Samples of the recording of stage 2."""
ALIGNMENT = "alignment"
"""Phones with their ends in seconds (`espnet_mtl.corpora.alignment`), where the corpus knows them."""
DURATIONS = "durations"
"""Frames per token, that of the end last."""
FEATS_SCP = "feats.scp"
"""Log-mel (T, n_mels)."""
PITCH_SCP = "pitch.scp"
"""Log-F0 per token (N + 1, 1)."""
UNVOICED = "unvoiced"
"""Utterances without a voiced frame, and the log-F0 that stands for theirs: no statistics count it."""
ENERGY_SCP = "energy.scp"
"""Energy per token (N + 1, 1)."""

DURATIONS_NOTE = "durations.json"
"""Beside the sets: where their durations are from, and what they were made for."""
VISUAL_NOTE = "visual.json"
"""Beside the sets: the extractor of `visual.scp` and its weights, the shape of a vector, and vectors a second."""
VISUAL_REPORT = "visual_report.txt"
"""Beside the sets: of which utterances stage 3 could make nothing visual, and why."""
REPORT = "report.txt"
"""Beside the sets: what stage 1 or 2 took and dropped."""
DROPPED = "dropped.txt"
"""Beside the sets: what stage 1 or 2 could not use, where it was too much."""


def text_file(token_type: str) -> str:
    """Names the file of a set that holds the text as this token type takes it (`Tokenizer.line`)."""
    return PHONES if token_type == "phn" else TEXT
