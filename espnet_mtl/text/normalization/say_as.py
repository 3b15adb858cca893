"""What `<say-as>` of speech markup asks for, by the rules of the language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.text.normal import normal_text
from espnet_mtl.text.normalization.base import LanguageRules, applied
from espnet_mtl.text.normalization.numbers import MOST_DIGITS, digits_of, roman
from espnet_mtl.text.normalization.verbalize import rules_of

SPELLED = ("characters", "spell-out")
DIGITS = ("digits", "telephone")
NUMBERS = ("cardinal", "number", "ordinal")
EXAMPLES = {"date": "2024-03-05", "time": "12:30", "currency": "$3.50", "unit": "5 km", "fraction": "1/2"}
KINDS = (*SPELLED, *DIGITS, *NUMBERS, *EXAMPLES)
"""Values of interpret-as."""
FORMATS = ("dmy", "mdy", "ymd", "dm", "md")
ONLY_DIGITS = re.compile(r"(?=\D*\d)[\d\s.,+()/-]+")
DIGIT_OR_MARK = re.compile(r"\d+|(?<=\d)[.,](?=\d)|[^\d.,]+")
NUMBER = re.compile(r"(?P<sign>[-−+]?)\s*(?P<number>\d[\d., ]*)")
ORDINAL = re.compile(rf"(?P<number>\d{{1,{MOST_DIGITS}}})(?:\.|[^\W\d_]{{1,3}})?")


def say_as(text: str, kind: str, language: str, form: str = "", before: str = "", after: str = "") -> str:
    """Says a text as it is asked for.

    Args:
        text: What is written.
        kind: One of `KINDS`.
        language: espeak's language; of those without rules, espeak reads what is no string of letters or digits.
        form: The order of day, month and year in a date, such as `dmy`.
        before: The text before it, which some languages' endings agree with.
        after: The text behind it.

    Raises:
        UserError: The text is not of that kind.
    """
    text = normal_text(text)
    rules = rules_of(language)
    if not text:
        return text
    if kind in SPELLED:
        return ", ".join(_letter(sign, rules) for sign in text if not sign.isspace())
    if kind in DIGITS:
        return _digits(text, kind, rules)
    if rules is None:
        return text
    if kind in NUMBERS:
        return _ordinal(text, rules, before, after) if kind == "ordinal" else _cardinal(text, kind, rules)
    if kind == "date" and form:
        return _date(text, form.lower(), rules, before)
    edits = rules.edits(text)
    if not edits:
        raise _not_of_kind(kind, EXAMPLES[kind], text)
    return applied(text, edits)


def _not_of_kind(kind: str, example: str, text: str) -> UserError:
    return UserError(f"<say-as>, {kind}: expected what is written as {example}, got {shown(text)}")


def _letter(sign: str, rules: LanguageRules | None) -> str:
    if rules is None:
        return sign.upper()
    return rules.letters.get(sign.lower()) or rules.address.get(sign) or sign.upper()


def _digits(text: str, kind: str, rules: LanguageRules | None) -> str:
    if not ONLY_DIGITS.fullmatch(text):
        raise _not_of_kind(kind, "12 34, 3.5 or 555-1234", text)
    if rules is None:
        return ", ".join(sign for sign in text if sign.isdecimal())
    if kind == "telephone":
        return rules.digit_string(text)
    said = {"-": f"{rules.minus} ", "+": f"{rules.plus} "}.get(text[0], "")
    for part in DIGIT_OR_MARK.findall(text.strip("-+() ")):
        if part.isdecimal():
            said += digits_of(part, rules.digits)
        else:
            said += f" {_mark(part, rules)} " if part in ".," else ", "
    return said


def _mark(mark: str, rules: LanguageRules) -> str:
    """Names the mark between two digits."""
    return rules.point if mark == rules.decimal_mark else rules.address.get(mark, rules.point)


def _cardinal(text: str, kind: str, rules: LanguageRules) -> str:
    numeral = roman(text)
    if numeral:
        return rules.number(str(numeral))
    found = NUMBER.fullmatch(text)
    if not found:
        raise _not_of_kind(kind, "42 or 1,5", text)
    sign = {"-": f"{rules.minus} ", "−": f"{rules.minus} ", "+": f"{rules.plus} "}.get(found["sign"], "")
    if re.fullmatch(rules.number_pattern, found["number"]):
        return sign + rules.number(found["number"])
    return sign + applied(found["number"], rules.edits(found["number"]))


def _ordinal(text: str, rules: LanguageRules, before: str, after: str) -> str:
    found = ORDINAL.fullmatch(text)
    number = int(found["number"]) if found else roman(text)
    if number < 1:
        raise _not_of_kind("ordinal", "3, 3rd or III", text)
    return rules.ordinal(number, before, after)


def _date(text: str, form: str, rules: LanguageRules, before: str) -> str:
    if form not in FORMATS:
        raise one_of("format", form, FORMATS)
    numbers = [int(part) for part in re.findall(r"\d{1,4}", text)]
    if len(numbers) != len(form):
        raise _not_of_kind("date", EXAMPLES["date"], text)
    fields: Mapping[str, int] = dict(zip(form, numbers, strict=True))
    if not (1 <= fields["m"] <= 12 and 1 <= fields["d"] <= 31 and fields.get("y", 1)):
        raise UserError(f"<say-as>, date: {shown(text)} is no date whose order is {form}")
    return rules.date(fields.get("y"), fields["m"], fields["d"], before)
