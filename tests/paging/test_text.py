import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.model import Language
from gateway.paging import charsets
from gateway.paging.text import (
    NUMERIC_CODES,
    PLACEHOLDERS,
    SHIPPED,
    Occasion,
    alert_text,
    fit,
    template_problems,
)


def pager(charset: str = "latin", max_chars: int = 40, max_parts: int = 2) -> Pager:
    return Pager(name="p", address="8", charset=charset, max_chars=max_chars, max_parts=max_parts)


def text(
    language: Language = Language.EN,
    template: str | None = None,
    *,
    age_s: float = 0,
    level: int = 0,
    occasion: Occasion | None = None,
) -> str:
    russian = language is Language.RU
    return alert_text(
        language,
        template,
        zone="Касса 2" if russian else "Till 2",
        button_label="Недоволен" if russian else "Unhappy",
        time_hhmm="14:05",
        age_s=age_s,
        level=level,
        occasion=occasion,
    )


def test_english_texts_by_level() -> None:
    assert text() == "Till 2: Unhappy 14:05"
    assert text(level=1, age_s=45.9) == "Again 45s Till 2: Unhappy"
    assert text(level=2, age_s=95) == "No answer 1min Till 2: Unhappy"
    assert text(level=7, age_s=600) == "No answer 10min Till 2: Unhappy"


def test_russian_texts() -> None:
    assert text(Language.RU) == "Касса 2: Недоволен 14:05"
    assert text(Language.RU, level=1, age_s=40) == "Ещё раз 40с Касса 2: Недоволен"
    assert text(Language.RU, level=2, age_s=120) == "Нет ответа 2мин Касса 2: Недоволен"


def test_occasions_of_their_own() -> None:
    assert text(occasion=Occasion.CALL) == "Call Till 2 14:05"
    assert text(Language.RU, occasion=Occasion.CALL) == "Вызов Касса 2 14:05"
    assert text(occasion=Occasion.TEST) == "TEST 14:05"
    assert fit(text(Language.RU, occasion=Occasion.TEST), pager()) == ("TEST 14:05",)


@pytest.mark.parametrize("language", list(Language))
def test_every_shipped_text_is_different_and_fits_a_small_pager(language: Language) -> None:
    texts = [text(language, age_s=599, occasion=occasion) for occasion in Occasion]
    assert len(set(texts)) == len(Occasion)
    for each in texts:
        assert len(fit(each, pager())) == 1


def test_shipped_templates_have_no_problem() -> None:
    assert set(SHIPPED) == set(Occasion)
    for label in SHIPPED.values():
        assert template_problems(label.ru) == template_problems(label.en) == ()


def test_a_template_of_the_shop() -> None:
    template = "{{{level}}} {button} @ {zone}, {age} ({time})"
    assert text(template=template, level=1, age_s=5) == "{2} Unhappy @ Till 2, 5s (14:05)"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{where}", "{where} is not known; there are {zone}, {button}, {time}, {age}, {level}"),
        ("{zone.__class__}", "{zone.__class__} is not known"),
        ("{zone[0]}", "{zone[0]} is not known"),
        ("{}", "{} is not known"),
        ("{zone!r}", "{zone} takes no format"),
        ("{age:>99999999}", "{age} takes no format"),
        ("{zone", "write a brace of its own twice"),
        ("zone}", "write a brace of its own twice"),
        (" ", "the text is empty"),
    ],
)
def test_what_is_wrong_with_a_template(template: str, words: str) -> None:
    (problem,) = template_problems(template)
    assert words in problem
    assert text(template=template) == "Till 2: Unhappy 14:05"  # the page goes out all the same


def test_all_problems_are_told() -> None:
    assert len(template_problems("{a} {b} {zone!s}")) == 3


def test_values_are_never_templates() -> None:
    shown = alert_text(
        Language.EN,
        None,
        zone="{level}",
        button_label="{0.x}",
        time_hhmm="1",
        age_s=-3,
        level=0,
    )
    assert shown == "{level}: {0.x} 1"


@given(st.text(alphabet="{}!:.[]azonelv 1я", max_size=30))
def test_any_template_renders_or_is_complained_of(template: str) -> None:
    shown = text(template=template)
    if template_problems(template):
        assert shown == "Till 2: Unhappy 14:05"
    else:
        expected = template.replace("{{", "\0").replace("}}", "\1")
        for name, value in zip(
            PLACEHOLDERS, ("Till 2", "Unhappy", "14:05", "0s", "1"), strict=True
        ):
            expected = expected.replace(f"{{{name}}}", value)
        expected = expected.replace("\0", "{").replace("\1", "}")
        assert shown == " ".join(expected.split())


def test_short_text_is_one_part_without_a_number() -> None:
    assert fit("  Касса   2:\n недоволен ", pager()) == ("KASSA 2: NEDOVOLEN",)
    assert fit("Касса 2", pager("motorola_cyrillic_koi7")) == ("Касса 2",)
    assert fit("", pager()) == ("",)


def test_long_text_goes_out_in_numbered_parts_broken_at_spaces() -> None:
    assert fit("the customer at the till is waiting", pager(max_chars=20)) == (
        "1/2 the customer at",
        "2/2 the till is",
    )
    assert fit("the customer at the till is waiting", pager(max_chars=20, max_parts=3)) == (
        "1/3 the customer at",
        "2/3 the till is",
        "3/3 waiting",
    )
    assert fit("a" * 25, pager(max_chars=20)) == ("1/2 " + "a" * 16, "2/2 " + "a" * 9)


def test_one_part_or_no_room_for_a_number_cuts() -> None:
    assert fit("abcdefgh", pager(max_chars=5, max_parts=1)) == ("abcde",)
    assert fit("abcdefgh", pager(max_chars=4)) == ("abcd",)
    assert fit("abcdefgh", pager(max_chars=5)) == ("1/2 a", "2/2 b")


@given(
    st.text(max_size=300),
    st.sampled_from([name for name in charsets.names() if name != "numeric"]),
    st.integers(1, 60),
    st.integers(1, 12),
)
def test_parts_fit_are_displayable_and_keep_the_order(
    words: str, charset: str, max_chars: int, max_parts: int
) -> None:
    parts = fit(words, pager(charset, max_chars, max_parts))
    whole = " ".join(charsets.displayable(words, charset).split())
    assert 1 <= len(parts) <= max_parts
    assert all(len(part) <= max_chars for part in parts)
    assert all(set(part) <= charsets.characters(charset) for part in parts)
    bodies = list(parts)
    if len(parts) > 1:
        for at, part in enumerate(parts):
            number, bodies[at] = part.split(" ", 1)
            assert number == f"{at + 1}/{len(parts)}"
            assert bodies[at]
    said = "".join(bodies).replace(" ", "")
    assert whole.replace(" ", "").startswith(said)
    if len(whole) <= max_chars:
        assert parts == (whole,)


def test_a_pager_without_letters_gets_a_code_and_the_numbers() -> None:
    numeric = pager("numeric", max_chars=12)
    assert fit("Till 2: Unhappy 14:05", numeric) == ("1 2 14-05",)
    assert fit("TEST 14:05", numeric, "test") == ("0 14-05",)
    assert fit("Call Till 12 09.30", numeric, "call") == ("2 12 09-30",)
    assert fit("Hall", numeric, "something new") == ("9",)
    assert len(set(NUMERIC_CODES.values())) == len(NUMERIC_CODES)


def test_a_number_that_does_not_fit_whole_is_left_out() -> None:
    assert fit("Till 2: 14:05", pager("numeric", max_chars=8)) == ("1 2",)


@given(st.text(max_size=80), st.integers(1, 20), st.sampled_from([*NUMERIC_CODES, "?"]))
def test_numeric_parts_fit_and_keep_the_order(words: str, max_chars: int, kind: str) -> None:
    (part,) = fit(words, pager("numeric", max_chars), kind)
    assert len(part) <= max_chars
    assert set(part) <= charsets.characters("numeric")
    digits = [char for char in part[1:] if char.isdigit()]
    there = iter(char for char in words if char in "0123456789")
    assert all(digit in there for digit in digits)


def test_what_a_shop_calls_its_zone_is_never_taken_for_a_placeholder() -> None:
    shown = alert_text(
        Language.EN,
        "{zone} {time}",
        zone="{time} {nobody} {{",
        button_label="Bad",
        time_hhmm="14:05",
        age_s=0,
        level=0,
    )
    assert shown == "{time} {nobody} {{ 14:05"
