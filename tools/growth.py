"""`tools/growth.py DUMP`: how stages 4 and 5 grow with the number of utterances.

The train set of `DUMP` (a `dump/raw` of stage 3) is repeated under other names until it is large enough: the tables
have that many lines, which lead to the same matrices again and again. Measured are core time and memory of stage 4,
and those of stage 5 up to the end of one training step, or one a part: reading, checking, label files, batches.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.provenance.notes import digests, file_digest
from espnet_mtl.system.files import write_text

CONFIG = Path(__file__).parents[1] / "egs2/mtl_tts/conf/train_fastspeech2.yaml"
NO_TABLES = ("spk2utt", "media.scp")
"""Tables that are not by utterance, or that no stage after 3 reads."""
SHORT = ("--max_epoch", "1", "--num_workers", "0", "--vocoder", "steps=0")
FIELDS = ("utterances", "stage", "core_seconds", "megabytes")


def main() -> None:
    """Prints the table, and writes it as CSV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", type=Path, help="dump/raw of stage 3")
    parser.add_argument("--config", type=Path, default=CONFIG, help="training YAML that the dump was made with")
    parser.add_argument("--utterances", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--work", type=Path, required=True, help="directory for the large tables; it may be deleted")
    parser.add_argument("--csv", type=Path, help="where the table goes")
    parser.add_argument("--num_splits", type=int, default=16, help="parts of the train set, for the last measurement")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="further options of stage 5")
    args = parser.parse_args()
    rows = []
    for number in args.utterances:
        work = args.work / str(number)
        shutil.rmtree(work, ignore_errors=True)
        repeat_dump(args.dump.absolute(), work / "dump/raw", number)
        for stage, command in commands(work, args.config, args.num_splits, args.options).items():
            seconds, megabytes = measured(command, work / f"{stage}.log")
            rows.append((number, stage, round(seconds, 1), round(megabytes)))
            print(*rows[-1], flush=True)
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([FIELDS, *rows])


def repeat_dump(source: Path, target: Path, number: int) -> None:
    """Writes a dump with `number` utterances in train; dev and test are those of the source."""
    for place in sorted(source.glob("*/*")):
        other = target / place.relative_to(source)
        other.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            other.symlink_to(place)
        elif place.name not in NO_TABLES:
            repeat_table(place, other, number if place.parent.name == "train" else None, (str(source), str(target)))
    for note in ("durations.json", "stage_2.json", "stage_3.json"):
        shutil.copy(source / note, target)
    for stage in (2, 3):
        renew_note(target, stage)


def repeat_table(source: Path, target: Path, number: int | None, moved: tuple[str, str]) -> None:
    """Writes the lines of a table again and again, each time under other names, `number` in all; None: once.

    Paths that begin with the first of `moved` begin with the second then.
    """
    table = {utt: line.replace(*moved) for utt, line in read_table(source).items()}
    number = len(table) if number is None else number
    with target.open("w", encoding="utf-8") as file:
        copies = -(-number // len(table)) if table else 0
        for copy in range(copies):
            left = number - copy * len(table)
            file.writelines(f"{copy:05}_{utt} {line}\n" for utt, line in islice(table.items(), left))


def renew_note(dump: Path, stage: int) -> None:
    """Notes the digests of the large tables as those that the stage read."""
    path = dump / f"stage_{stage}.json"
    note = json.loads(path.read_text(encoding="utf-8"))
    inside = [dump / place for place in note["inputs"] if not place.startswith("..")]
    note["inputs"] = digests(inside, dump)
    note["media"] = {}
    note["content"] = file_digest(dump / "train/durations")
    write_text(path, json.dumps(note))


def commands(work: Path, config: Path, num_splits: int, options: list[str]) -> dict[str, list[str]]:
    """Returns the commands that are measured."""
    dump, python = str(work / "dump"), sys.executable
    places = ["--dump", f"{dump}/raw", "--token_list", f"{dump}/token_list", "--tables", f"{dump}/tables"]
    places += ["--stats", str(work / "exp/stats"), "--train_config", str(config)]
    first = [python, "-m", "espnet_mtl.bin.stages.collect_stats", *places]
    fifth = [python, "-m", "espnet_mtl.bin.stages.train", *places]
    runs = {"4": first}
    for name, splits in {"5": 1, "5 again": 1, f"5 in {num_splits} parts": num_splits}.items():
        own = ["--output", str(work / "exp" / name.replace(" ", "_")), "--num_splits", str(splits)]
        runs[name] = [*fifth, *own, "--", *SHORT, "--num_iters_per_epoch", str(splits), *options]
    return runs


def measured(command: list[str], log: Path) -> tuple[float, float]:
    """Runs a command; returns its core-seconds, and the peak of its resident memory in MB, of its largest process."""
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed: {log}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
