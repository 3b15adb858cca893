"""One tokenizer: stages 3 and 4, training and synthesis make the same tokens of a text."""

import logging
import subprocess
import sys

import pytest

from espnet_mtl.config.load import complete
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.stats import write_token_list
from espnet_mtl.data.utterances import FROM_ALIGNER, read_utterances
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.utterance import UtteranceReader
from espnet_mtl.tasks.tts import MTLTTSTask
from espnet_mtl.text.tokens import Tokenizer, unknown_tokens

TEXTS = {"a_1": "Room 3, please.", "a_2": "LG calls at 7.", "a_3": "say it, now."}
CLEANED = {"a_1": "알오오엠 삼, 피엘이에이에스이.", "a_2": "엘지 씨에이엘엘에스 에이티 칠."}
LANGUAGE = "ko"
"""espeak's, which reads what the cleaner makes of the texts."""
TYPES, CLEANERS = ("phn", "char", "bpe"), (None, "korean_cleaner")


@pytest.fixture
def dump(tmp_path):
    """What stage 2 leaves for tokens: the sets hold the same texts."""
    for name in ("train", "dev", "test"):
        write_table(tmp_path / "raw" / name / "wav.scp", {utt: f"{utt}.flac" for utt in TEXTS})
        write_table(tmp_path / "raw" / name / "text", TEXTS)
    return tmp_path / "raw"


def token_list(dump, tokenizer):
    """Stages 3 and 4 for texts: the table of lines, then the list."""
    utterances = read_utterances(dump / "train", tokenizer, FROM_ALIGNER) if tokenizer.token_type != "bpe" else []
    if tokenizer.token_type == "phn":
        for name in ("train", "dev", "test"):
            write_table(dump / name / "phones", {utterance.utt: utterance.line for utterance in utterances})
    output = dump.parent / "token_list" / tokenizer.token_type
    write_token_list(dump, output, tokenizer, vocab_size=60)
    return (output / "tokens.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("cleaner", CLEANERS)
@pytest.mark.parametrize("token_type", TYPES)
def test_all_make_the_same_tokens(dump, make_tts, token_type, cleaner):
    model = str(dump.parent / "token_list/bpe/bpe.model") if token_type == "bpe" else None
    tokenizer = Tokenizer.from_config({**complete({}), "cleaner": cleaner, "language": LANGUAGE}, token_type, model)
    tokens = token_list(dump, tokenizer)
    assert not (dump.parent / f"token_list/{token_type}/unknown_tokens.txt").exists()
    speech = make_tts(token_type=token_type, cleaner=cleaner, bpemodel=model)
    args = speech.train_args
    args.token_list = tokens
    trained = MTLTTSTask.build_preprocess_fn(args, True)
    speech.reader = UtteranceReader(speech.reader.network, args, speech.max_tokens)
    speech.reader.tokenizer = tokenizer
    for utterance in read_utterances(dump / "train", tokenizer, FROM_ALIGNER):
        expected = [tokens.index(token) for token in utterance.tokens]  # none is unknown
        assert trained(utterance.utt, {"text": utterance.line})["text"].tolist() == expected
        assert speech.reader.token_ids(TEXTS[utterance.utt], LANGUAGE).tolist() == expected


@pytest.mark.parametrize("token_type", TYPES)
def test_a_cleaner_changes_the_tokens(dump, token_type):
    plain, cleaned = (
        Tokenizer(token_type, LANGUAGE, cleaner, dump / "bpe.model" if token_type == "bpe" else None)
        for cleaner in CLEANERS
    )
    for utt, text in CLEANED.items():
        assert cleaned.clean(TEXTS[utt]) == text
    if token_type == "bpe":
        write_token_list(dump, dump.parent / "list", cleaned, vocab_size=60)
        (dump.parent / "list/bpe.model").rename(dump / "bpe.model")
        assert all("LG" not in token for token in cleaned.tokens(TEXTS["a_2"]))
    assert plain.tokens(plain.line(TEXTS["a_2"])) != cleaned.tokens(cleaned.line(TEXTS["a_2"]))


def test_a_text_is_cleaned_once(monkeypatch):
    """A cleaner that does harm to what is clean."""
    tokenizer = Tokenizer("phn", cleaner="korean_cleaner")
    monkeypatch.setattr(tokenizer, "_clean", lambda text: text + " twice")
    once = Tokenizer("phn").line("say it twice")
    assert tokenizer.line("say it") == once
    assert tokenizer.tokens(once) == once.split(" ")
    assert tokenizer.line_cleaner is None
    spelled = Tokenizer("char", cleaner="korean_cleaner")
    monkeypatch.setattr(spelled, "_clean", lambda text: text + "!")
    assert spelled.tokens(spelled.line("ab")) == ["a", "b", "!"]
    assert spelled.line_cleaner == "korean_cleaner"


def test_a_cleaner_that_is_not_there_is_named():
    with pytest.raises(UserError, match="cleaner 'nonesuch': Not supported: type=nonesuch"):
        Tokenizer("char", cleaner="nonesuch").tokens("a b")
    with pytest.raises(UserError, match=r"cleaner 'tacotron': .*not installed"):
        Tokenizer("phn", cleaner="tacotron").line("a b")
    with pytest.raises(UserError, match=r"token type 'word'.*bpe, char, phn"):
        Tokenizer("word")


def test_the_language_of_an_utterance_goes_first():
    tokenizer = Tokenizer("phn", language="de")
    english = Tokenizer("phn", language="en-us")
    assert tokenizer.line("gut ist") == english.line("gut ist", "de") != english.line("gut ist")


@pytest.mark.parametrize("token_type", ["phn", "char", "bpe"])
def test_utterances_with_unknown_tokens_are_named(dump, capsys, token_type):
    write_table(dump / "test/text", {**TEXTS, "a_3": "Zażółć 3 gęślą jaźń."})
    if token_type == "phn":
        for name in ("train", "dev", "test"):
            write_table(dump / name / "phones", {"a_1": "ɹ uː m"})
        write_table(dump / "test/phones", {"a_1": "ɹ uː m", "a_3": "z ʒ z uː"})
    output = dump.parent / "list"
    write_token_list(dump, output, Tokenizer(token_type), vocab_size=60)
    report = (output / "unknown_tokens.txt").read_text(encoding="utf-8")
    assert report.startswith("test a_3: ")
    assert report.count("\n") == 1
    assert {"phn": "a_3: z ʒ\n", "char": " ż ó ł ć ", "bpe": "ż"}[token_type] in report
    said = capsys.readouterr().err
    assert "tokens that train lacks are read as <unk> in 1 utterances (test a_3: " in said
    assert f"all: {output}/unknown_tokens.txt" in said


def test_an_unknown_token_is_named_in_synthesis(make_tts, caplog):
    with caplog.at_level(logging.WARNING):
        make_tts().reader.token_ids("good evening", "en-us")
    assert "'good evening': the model does not know" in caplog.text
    assert unknown_tokens(["a", "x", "b", "x", "y"], ["a", "b"]) == ["x", "y"]


def test_texts_are_split_without_torch_and_what_asks_the_network():
    code = "import sys; from espnet_mtl.text.tokens import Tokenizer; "
    code += "assert not {'torch', 'espnet2'} & set(sys.modules); "
    code += "print(*Tokenizer('char').tokens('a b'), 'nltk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a <space> b False\n"
    assert done.stderr == ""


def test_a_folder_is_no_model_of_pieces(tmp_path):
    with pytest.raises(UserError, match="not a model of sentencepiece: there is no such file"):
        Tokenizer("bpe", bpemodel=tmp_path).tokens("good")
