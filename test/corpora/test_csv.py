"""The user's own recordings: what metadata.csv may hold, and what of it is a mistake."""

import pytest
from corpus_layouts import LAYOUTS

from espnet_mtl.errors import UserError
from espnet_mtl.registry import CORPORA


def read(root, **settings):
    """The corpus and its utterances by id."""
    corpus = CORPORA.load("csv")(root=root, **settings)
    return corpus, {utterance.id: utterance for utterance in corpus.utterances()}


def test_csv_with_soft_labels_spaces_and_a_mark_at_the_start(tmp_path):
    LAYOUTS["csv"](tmp_path / "c")
    _, utterances = read(tmp_path / "c")
    one = utterances["Ann_Lee_rec_one_2"]
    assert (one.speaker, one.text, one.emotion, one.language) == (
        "Ann_Lee",
        "Das ist, Nummer 2.",
        "angry:0.7,sad:0.3",
        "de",
    )
    assert [utterances[f"Ann_Lee_rec_one_{n}"].emotion for n in (0, 1)] == ["joy", None]


def test_csv_with_path_and_text_alone(tmp_path):
    (tmp_path / "metadata.csv").write_text("text;path\nOne.;a.wav\nTwo.;b.wav\n")
    _, utterances = read(tmp_path, delimiter=";", speaker="me")
    assert list(utterances) == ["me_a", "me_b"]
    assert (utterances["me_a"].language, utterances["me_a"].vad) == ("en-us", None)


def test_csv_with_valence_arousal_and_dominance(tmp_path):
    (tmp_path / "metadata.csv").write_text(
        "path,text,vad\na.wav,One.,3.5 2 4\nb.wav,Two.,-\nc.wav,Three.,3.3 1.1 0.7\n"
    )
    _, utterances = read(tmp_path, speaker="me")
    assert [utterances[f"me_{name}"].vad for name in "abc"] == [(3.5, 2.0, 4.0), None, (3.3, 1.1, 0.7)]


def test_csv_with_intensities_and_what_raters_said(tmp_path):
    lines = ("path,text,emotion,intensity,emotion_voice,emotion_face", 'a.wav,One.,,HIGH,"ang:0.6,neu:0.4",joy')
    (tmp_path / "metadata.csv").write_text("\n".join([*lines, "b.wav,Two.,sad,-,,\n"]))
    _, utterances = read(tmp_path, speaker="me")
    one, two = utterances["me_a"], utterances["me_b"]
    assert (one.emotion, one.intensity, one.emotion_voice, one.emotion_face) == (
        *(None, "high", "angry:0.6,neutral:0.4", "joy"),
    )
    assert (two.emotion, two.intensity, two.emotion_voice, two.emotion_face) == ("sad", None, None, None)


def test_a_column_beside_emotion_is_not_taken_for_what_raters_said(tmp_path, capsys):
    (tmp_path / "metadata.csv").write_text("path,text,emotion,emotion_label\na.wav,One.,sad,3\n")
    read(tmp_path)
    assert "metadata.csv:1: not read: 'emotion_label'" in capsys.readouterr().err


def test_csv_with_videos_and_pictures_of_some(tmp_path):
    lines = ("path,text,video,image,age", "a.wav,One.,a.mp4,-,30", "b.wav,Two.,,faces/b.png,", "c.wav,Three.,,-,", "")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    _, utterances = read(tmp_path, speaker="me")
    seen = [utterances[f"me_{name}"].visual for name in "abc"]
    assert seen == [tmp_path / "a.mp4", tmp_path / "faces/b.png", None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,words\na.wav,One.\n", r"metadata.csv:1: the header .* lacks text"),
        ("path,text\na.wav,One, two.\n", r"metadata.csv:2: 3 values, but the header names 2: quote a value"),
        ("path,text,split\na.wav,One.,valid\n", r"metadata.csv:2: unknown split 'valid': Valid: dev, test, train"),
        ("path,text,split\na.wav,One.,train\nb.wav,Two.,\n", "column split: fill in every line, or none"),
        ("path,text,emotion\na.wav,One.,happy:much\n", r"metadata.csv:2: emotion: label 'happy:much': 'much' is not"),
        ("path,text,emotion\na.wav,One.,happy:-1\n", r"metadata.csv:2: emotion: label 'happy:-1': the weight of"),
        ('path,text,emotion\na.wav,One.,"hap,happy"\n', r"metadata.csv:2: emotion 'hap,happy': two of its names"),
        ("path,text,intensity\na.wav,One.,--\n", r"metadata.csv:2: intensity '--': expected a name"),
        ("path,text,emotion_face\na.wav,One.,sad:x\n", r"metadata.csv:2: emotion_face: .* 'x' is not a number"),
        ('path,text,emotion_voice\na.wav,One.,"hap,happy"\n', r"metadata.csv:2: emotion_voice 'hap,happy': two of its"),
        ("path,text,vad\na.wav,One.,3 high 2\n", r"metadata.csv:2: vad '3 high 2': expected 3 numbers"),
        ("path,text,vad\na.wav,One.,3 nan 2\n", r"metadata.csv:2: vad '3 nan 2': expected 3 numbers"),
        ("path,text,vad\na.wav,One.,3 2\n", r"metadata.csv:2: vad '3 2': expected 3 numbers"),
        ("path,text,language\na.wav,One.,qqq\n", "espeak knows no language 'qqq'"),
        ("path,text,video,image\na.wav,One.,a.mp4,a.png\n", "metadata.csv:2: video and image: name one of them"),
        ("path,text,video\na.wav,One.,.\n", r"metadata.csv:2: video '.' is a directory: name the video"),
        ("path,text,videos\na.wav,One.,a.mp4\n", r"unknown column 'videos': did you mean video"),
        ("path,text,image_path\na.wav,One.,a.png\n", r"unknown column 'image_path': did you mean image"),
        ("path,text,gender\na.wav,One.,foo\n", "metadata.csv:2: unknown gender 'foo': .*Valid: f, female, m, male"),
        ("path,text,gender\na.wav,One.,mutton\n", "metadata.csv:2: unknown gender 'mutton'"),
        ("path,text,speaker\na.wav,One.,-\n", "metadata.csv:2: speaker '-': this means no label"),
        ("path,text,speaker\na.wav,One.,–\n", "metadata.csv:2: speaker '–': this means no label"),
        ("path,text,speaker\na.wav,One.,--\n", "metadata.csv:2: speaker '--': this means no label"),
        (
            "path,text,speaker\na.wav,One.,a b\nb.wav,Two.,a_b\n",
            r"metadata.csv:3: speaker 'a_b': 'a b' \(.*metadata.csv:2\) would have the same name, a_b",
        ),
        ("path,text,vad\na.wav,One.,1_0 3 2\n", r"metadata.csv:2: vad '1_0 3 2': expected 3 numbers"),
        ("path,text,Emotion\na.wav,One.,sad\n", r"metadata.csv:1: unknown column 'Emotion': did you mean emotion\?"),
        ("path,text,emotions\na.wav,One.,sad\n", r"metadata.csv:1: unknown column 'emotions': did you mean emotion\?"),
        ("path,text,speaker_id\na.wav,One.,x\n", "unknown column 'speaker_id': did you mean speaker"),
        ("path,text,lang\na.wav,One.,de\n", "unknown column 'lang': did you mean language"),
        ("path,text,text\na.wav,One.,Two.\n", "metadata.csv:1: the column 'text' comes twice"),
        ("path,text\n.,One.\n", r"metadata.csv:2: path '\.' is a directory"),
        ("path,text\n..,One.\n", r"metadata.csv:2: path '\.\.' is a directory"),
        (f"path,text\n{'a' * 5000}.wav,One.\n", "metadata.csv:2: path a{40}…: File name too long"),
        (f"path,text\n{'a' * 150}/{'b' * 150}.wav,One.\n", "metadata.csv:2: the id .* is longer than 200 bytes"),
        ("path,text,id\na.wav,One.,...\n", r"metadata.csv:2: '\.\.\.' is no id"),
    ],
)
def test_csv_that_cannot_be_read_names_the_line(tmp_path, content, message):
    (tmp_path / "metadata.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read(tmp_path)


def test_csv_tells_of_columns_that_it_does_not_read(tmp_path, capsys):
    table = "path,text,speaker,speaker_age,comment,gender\na.wav,One.,me,30,x,Female\nb.wav,Two.,me,31,y,-\n"
    (tmp_path / "metadata.csv").write_text(table)
    _, utterances = read(tmp_path)
    assert [utterances[f"me_{name}"].gender for name in "ab"] == ["f", None]
    assert capsys.readouterr().err.count("metadata.csv:1: not read: 'speaker_age', 'comment'; columns that are:") == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delimiter": None}, "delimiter must be one character, or .*got None"),
        ({"delimiter": ["x"]}, r"delimiter must be one character, or .*got \['x'\]"),
        ({"delimiter": "\n"}, "delimiter must be one character"),
        ({"delimiter": '"'}, "delimiter must be one character"),
        ({"metadata": None}, "corpus csv: metadata: expected a name, got None"),
        ({"language": 3}, "corpus csv: language: expected a name, got 3"),
    ],
    ids=str,
)
def test_csv_with_settings_of_nonsense(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, **settings)


def test_csv_with_tabs_numbers_and_gaps(tmp_path):
    (tmp_path / "metadata.csv").write_text("path\ttext\na.wav\tOne.\n\tTwo.\nc.wav\t...\n")
    corpus, utterances = read(tmp_path, delimiter="\\t", speaker=1)
    assert {utt: u.speaker for utt, u in utterances.items()} == {"1_a": "1", "1_c": "1"}
    assert corpus.dropped == {"line_3": "no path"}
    assert list(corpus.units([*utterances.values()])) == ["one"]
    with pytest.raises(UserError, match=r"delimiter must be one character, or \\t, got ';;'"):
        read(tmp_path, delimiter=";;")


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        *[("Speaker", "speaker"), ("SPEAKER", "speaker"), ("speaker_id", "speaker"), ("speaker_name", "speaker")],
        *[("spk", "speaker"), ("spk_id", "speaker"), ("speakers", "speaker"), ("Sprecher", "speaker")],
        *[("emotion_label", "emotion"), ("Emotion", "emotion"), ("emotions", "emotion"), ("emo", "emotion")],
        *[
            ("lang", "language"),
            ("Language", "language"),
            ("locale", "language"),
            ("sex", "gender"),
            ("Split", "split"),
        ],
        *[("subset", "split"), ("ID", "id"), ("utt_id", "id"), ("VAD", "vad")],
        *[("emotion_intensity", "intensity"), ("strength", "intensity")],
        *[("duration", None), ("notes", None), ("speaker_age_in_years", None), ("comment", None), ("identity", None)],
    ],
)
def test_csv_refuses_names_that_are_nearly_a_columns_own_and_tells_of_others(tmp_path, capsys, column, meant):
    (tmp_path / "metadata.csv").write_text(f"path,text,{column}\na.wav,One.,x\n")
    if meant:
        with pytest.raises(UserError, match=rf"metadata.csv:1: unknown column '{column}': did you mean {meant}\?"):
            read(tmp_path)
    else:
        read(tmp_path)
        assert f"metadata.csv:1: not read: '{column}'" in capsys.readouterr().err


@pytest.mark.parametrize("names", ["filename,text", "wav,text", "file,text", "path,sentence", "path,transcript"])
def test_csv_names_required_columns_that_are_called_otherwise(tmp_path, names):
    (tmp_path / "metadata.csv").write_text(f"{names}\na.wav,One.\n")
    with pytest.raises(UserError, match=rf"metadata.csv:1: the header '{names}' lacks (path|text)"):
        read(tmp_path)


@pytest.mark.parametrize(
    "value", ["nan", "NaN", "N/A", "NA", "n/a", "#N/A", "#n/a N/A", "None", "none", "null", "NULL", "<NA>", "-", ""]
)
def test_csv_reads_what_pandas_and_excel_write_for_a_missing_value_as_missing(tmp_path, capsys, value):
    columns = ("id", "speaker", "emotion", "vad", "language", "gender")
    values = ["" if column == "speaker" and value == "-" else value for column in columns]
    values[0] = "" if value == "-" else value
    values[4] = "" if value == "-" else value
    table = [f"path,text,{','.join(columns)}", f"a.wav,One.,{','.join(values)}", "b.wav,Two.,two,eve,sad,1 2 3,de,f"]
    (tmp_path / "metadata.csv").write_text("\n".join(table) + "\n")
    _, utterances = read(tmp_path, speaker="me")
    one = utterances["me_a"]
    assert (one.speaker, one.emotion, one.vad, one.language, one.gender) == ("me", None, None, "en-us", None)
    told = capsys.readouterr().err
    assert told.count("read as missing: ") == (value not in ("", "-"))
    assert "no speaker in 1 lines, such as line 2: taken for 'me'" in told
    if value not in ("", "-"):
        assert f"metadata.csv: read as missing: {value!r} in id (1 lines, such as line 2)" in told


@pytest.mark.parametrize(
    ("text", "read_as"), [("nan", ""), ("#N/A", ""), ("None", "None"), ("null", "null"), ("Na", "Na")]
)
def test_csv_takes_words_that_people_say_for_a_text(tmp_path, text, read_as):
    (tmp_path / "metadata.csv").write_text(f"path,text\na.wav,{text}\n")
    _, utterances = read(tmp_path, speaker="me")
    assert utterances["me_a"].text == read_as


def test_csv_in_a_table_of_bars_reads_every_line(tmp_path):
    lines = ["path|text", "wav/1.wav|We went.", 'wav/2.wav|"Please close it.', 'wav/3.wav|He said "blue".']
    (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n")
    _, utterances = read(tmp_path, delimiter="|")
    assert {utt: one.audio.name for utt, one in utterances.items()} == {
        "speaker_wav_1": "1.wav",
        "speaker_wav_2": "2.wav",
        "speaker_wav_3": "3.wav",
    }
    assert "Please close it" in utterances["speaker_wav_2"].text
