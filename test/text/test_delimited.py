"""Delimited tables: what a line is, and what is refused with its line."""

import re

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.registry import CORPORA
from espnet_mtl.text.delimited import read_rows

UNCLOSED = 'path{0}text\nwav/1.wav{0}We went.\nwav/2.wav{0}"Please close it.\nwav/3.wav{0}He called it "blue" paint.\n'
SENTENCES = ["We went.", '"Please close it.', 'He called it "blue" paint.']
ROWS = [(2, {"path": "a.wav", "text": "One."}), (3, {"path": "b.wav", "text": "Two."})]
PLAIN = "path,text\na.wav,One.\nb.wav,Two.\n"


def table(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "metadata.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", ["|", "\t"])
def test_a_quotation_mark_that_is_not_closed_swallows_no_lines(tmp_path, delimiter):
    rows = read_rows(table(tmp_path, UNCLOSED.format(delimiter)), ("path", "text"), delimiter)
    assert [row["text"] for _, row in rows] == SENTENCES
    assert [number for number, _ in rows] == [2, 3, 4]


@pytest.mark.parametrize(("delimiter", "name"), [(",", "a comma"), (";", "a semicolon")])
def test_where_values_may_be_quoted_it_is_an_error_that_names_the_line(tmp_path, delimiter, name):
    message = rf"metadata.csv:3: .*a value that begins with a quotation mark must end with .* before {name} or the end"
    with pytest.raises(UserError, match=message):
        read_rows(table(tmp_path, UNCLOSED.format(delimiter)), ("path", "text"), delimiter)


def test_a_table_with_semicolons_as_excel_writes_it(tmp_path):
    content = 'path;text\r\na.wav;"Er sagte ""nein""."\r\nb.wav;"Eins; zwei."\r\n'
    rows = read_rows(table(tmp_path, content), ("path", "text"), ";")
    assert [row["text"] for _, row in rows] == ['Er sagte "nein".', "Eins; zwei."]


@pytest.mark.parametrize(
    "lines",
    ['b.wav,"Two\nlines."', 'b.wav,"Open.', 'b.wav,"Two" words', '"b.wav', 'b.wav,"Two.\nc.wav,Three."'],
)
def test_a_value_over_several_lines_is_named_with_its_first(tmp_path, lines):
    with pytest.raises(UserError, match=r"metadata.csv:3: .*on the same line"):
        read_rows(table(tmp_path, f"path,text\na.wav,One.\n{lines}\n"), ("path", "text"))


def test_values_may_be_quoted_between_commas(tmp_path):
    content = 'path,"text"\n"a.wav","One, ""two""."\nb.wav,5" of rain\n'
    assert [row["text"] for _, row in read_rows(table(tmp_path, content), ("path", "text"))] == [
        'One, "two".',
        '5" of rain',
    ]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.removesuffix("\n"),
        "\ufeff" + PLAIN,
        ("\ufeff" + PLAIN).encode("utf-16-le"),
        ("\ufeff" + PLAIN).encode("utf-16-be"),
        "path,text,,\na.wav,One.,,\nb.wav,Two.,,\n",
        "path,text\na.wav,One.,,\nb.wav,Two.,\n",
        " path , text\n a.wav , One.\nb.wav,Two.\n",
        'path, "text"\n"a.wav",  "One."\nb.wav, Two.\n',
        PLAIN + "\n \n",
        PLAIN + ",\n",
    ],
    ids=range(13),
)
def test_what_editors_and_spreadsheets_add_is_no_part_of_a_table(tmp_path, content):
    assert read_rows(table(tmp_path, content), ("path", "text")) == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r":1: an empty table: expected a header with path, text"),
        ("\n\n", r":1: an empty table"),
        ("a.wav,One.\nb.wav,Two.\n", r":1: the header 'a.wav,One.' lacks path, text: the first line must name the col"),
        ("path;text\na.wav;One.\n", r":1: .*lacks path, text: it has a semicolon .*set delimiter=;"),
        ("path\ttext\na.wav\tOne.\n", r":1: .*it has a tab between its columns: set delimiter=\\t"),
        ("path|text\na.wav|One.\n", r":1: .*set delimiter=\|"),
        ("sep=,\npath,text\n", r":1: .*delete this line, which is Excel's"),
        ("path,text,text\na.wav,One.,Two.\n", r":1: the column 'text' comes twice"),
        ("path,text\na.wav\n", r":2: 1 values, but the header names 2"),
        ("path,text\na.wav,One, two.\n", r":2: 3 values, but the header names 2: quote a value that holds ','"),
        ("path,text\na.wav,One\0.\n", r":2: a NUL character"),
        (PLAIN.encode("utf-16-le"), r":1: a NUL character: no text, or text in UTF-16"),
        ("path,text\na.wav,Grüße.\n".encode("cp1252"), r":2: not UTF-8: .*save it as UTF-8"),
        (b"PK\x03\x04" + bytes(60), r": no text, but a ZIP file, such as an Excel workbook: save it as"),
        (b"\xd0\xcf\x11\xe0" + bytes(60), r": no text, but an old Excel"),
        (b"RIFF\x24\x00\x00\x00WAVE", r": no text, but a recording"),
        (b"\xff\xfeabc", r":1: not UTF-16"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path, content, message):
    with pytest.raises(UserError, match=rf"metadata\.csv{message}") as error:
        read_rows(table(tmp_path, content), ("path", "text"))
    assert "\n" not in str(error.value)


def test_quoted_names_where_nothing_is_quoted(tmp_path):
    with pytest.raises(UserError, match=r":1: the header .* lacks path, text: values are not quoted where .* is a tab"):
        read_rows(table(tmp_path, '"path"\t"text"\n"a.wav"\t"One."\n'), ("path", "text"), "\t")


def test_a_column_without_a_name_has_a_number(tmp_path):
    rows = read_rows(table(tmp_path, ",path,text\n0,a.wav,One.\n"), ("path", "text"))
    assert rows == [(2, {"column 1": "0", "path": "a.wav", "text": "One."})]


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_no_file(tmp_path, kind):
    path = tmp_path / "metadata.csv"
    if kind == "directory":
        path.mkdir()
    with pytest.raises(UserError, match=r"metadata.csv is (missing|no file)"):
        read_rows(path, ("path",))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("|One.", "'' is no id"),
        (f"{'9' * 400}|One.", f"'{'9' * 40}' is no id: it names a file"),
        ("LJ1|One.|Two.|Three.", "expected 'id|text|normalized text', got 4 values"),
        ("LJ1", "got 1 values"),
    ],
)
def test_a_table_without_a_header_names_its_lines_too(tmp_path, line, message):
    table(tmp_path, f'LJ0|"Open.|"Open.\n\n{line}\n')
    with pytest.raises(UserError, match=f"metadata.csv:3: .*{re.escape(message)}"):
        CORPORA.load("ljspeech")(root=tmp_path).utterances()


def test_a_table_that_a_program_quoted_is_refused_where_quotes_are_letters(tmp_path):
    (tmp_path / "quoted.tsv").write_text('path\ttext\tspeaker\na.wav\t"Hello."\t"ann"\n')
    with pytest.raises(UserError, match=r'quoted.tsv:2: every value is in quotation marks, as "ann"'):
        read_rows(tmp_path / "quoted.tsv", ("path",), "\t")
    (tmp_path / "said.tsv").write_text('path\ttext\tspeaker\na.wav\t"Hello."\tann\n')
    assert read_rows(tmp_path / "said.tsv", ("path",), "\t")[0][1]["text"] == '"Hello."'
