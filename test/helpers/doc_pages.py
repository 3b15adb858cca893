"""What the README and the pages of docs say, taken out of their Markdown."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs2/mtl_tts"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
PROGRAMS = (
    *("python", "run.sh", "test.sh", "setup.sh", "benchmark.py", "campaign.py", "expression.py", "growth.py"),
    *("load_server.py", "gpu_checks.sh", "path.sh", "pip", "pytest", "cp", "curl"),
)
"""What a command can begin with: the last part of its first word."""


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        page: The page.
        line: The command as it stands there.
    """

    page: Path
    line: str

    @property
    def words(self) -> list[str]:
        """Its words, without variables of the environment, `.` (source) and comments."""
        words = shlex.split(self.line, comments=True)
        while "=" in words[0] or words[0] == ".":
            words.pop(0)
        return words

    @property
    def program(self) -> str:
        return name_of(self.words[0])

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.line}"


def name_of(word: str) -> str:
    return word.rpartition("/")[2]


def name_of_page(page: Path) -> str:
    return str(page.relative_to(ROOT))


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """Returns the blocks of a page between ```language and ```."""
    return [text for name, text in FENCE.findall(read(page)) if name == language]


def prose(page: Path) -> str:
    """Returns a page without its blocks."""
    return FENCE.sub("", read(page))


def spans(page: Path) -> list[str]:
    """Returns what stands between backticks in the text of a page."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def commands() -> list[Command]:
    """Returns every command of every page, in blocks and in the text."""
    found = []
    for page in PAGES:
        for block in blocks(page, "bash"):
            found += [Command(page, line) for line in block.splitlines() if line]
        for span in spans(page):
            if is_command(span):
                found.append(Command(page, span))
    return found


def is_command(span: str) -> bool:
    """Tells whether a program of `PROGRAMS` is called, after variables of the environment."""
    first = re.sub(r"^(?:[A-Z]+=\S+ |\. )*", "", span).split()[0]
    is_path_alone = span == first and "." in span and "/" not in span
    return name_of(first) in PROGRAMS and not is_path_alone


def fragments() -> list[Command]:
    """Returns the pieces of command lines in the text: spans that begin with an option."""
    return [Command(page, span) for page in PAGES for span in spans(page) if span.startswith("--")]


def headings(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
