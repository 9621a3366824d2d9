import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paging import charsets

CYRILLIC_TABLES = ("motorola_cyrillic_koi7", "motorola_linguist", "philips_prg")
RUSSIAN = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"


def test_the_tables_a_pager_may_be_set_to() -> None:
    assert set(charsets.names()) == {"latin", "numeric", *CYRILLIC_TABLES}


@pytest.mark.parametrize("charset", [*CYRILLIC_TABLES, "latin", "numeric"])
def test_every_code_is_a_printable_7_bit_value(charset: str) -> None:
    codes = charsets.table(charset)
    assert codes
    assert all(len(char) == 1 and 0x20 <= code <= 0x7F for char, code in codes.items())


@pytest.mark.parametrize("charset", CYRILLIC_TABLES)
def test_a_cyrillic_table_shows_all_of_russian(charset: str) -> None:
    assert set(RUSSIAN) <= charsets.characters(charset)
    assert charsets.displayable(RUSSIAN, charset) == RUSSIAN


@pytest.mark.parametrize(
    ("charset", "text", "codes"),
    [
        ("latin", "Да, 5", "44 41 2c 20 35"),
        ("numeric", "12-3", "31 32 2d 33"),
        ("motorola_linguist", "Жук K", "66 6c 4b 20 4b"),
        ("philips_prg", "ЮЯ Z", "7e 7f 20 5a"),
        ("motorola_cyrillic_koi7", "Чай", "7e 41 4a"),
    ],
)
def test_codes(charset: str, text: str, codes: str) -> None:
    assert charsets.encode(text, charset).hex(" ") == codes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Очень недоволен", "OCHEN NEDOVOLEN"),
        ("Подъезд, объявление", "PODEZD, OBYAVLENIE"),
        ("Щётка, хлеб, цех, ёж", "SCHETKA, HLEB, TSEH, EZH"),
        ("Exit № 3 – «Süd»…", 'Exit N 3 - "Sud"...'),
        ("Straße", "Strasse"),
        ("~{a|b}`", "~{a|b}`"),
        ("и\u0306од", "YOD"),  # й in two characters
        ("a\tb\nc", "a b c"),
        ("кафе\u200b 😀", "KAFE ?"),
    ],
)
def test_latin_transliteration(text: str, shown: str) -> None:
    assert charsets.displayable(text, "latin") == shown


def test_a_pager_without_latin_letters_gets_them_in_cyrillic() -> None:
    shown = charsets.displayable("TEST Till 2: café №1", "motorola_cyrillic_koi7")
    assert shown == "ТЕСТ Тилл 2: кафЕ Н1"


def test_capitals_where_a_table_has_no_small_letters() -> None:
    assert charsets.displayable("Касса till", "philips_prg") == "КАССА TILL"


def test_numeric_replaces_by_a_dash() -> None:
    assert charsets.displayable("14:05 u[1]я", "numeric") == "14-05 U(1)-"


def test_an_unknown_table_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=re.escape("'koi8'; there are latin, numeric, motorola")):
        charsets.encode("A", "koi8")


@given(st.text(), st.sampled_from(charsets.names()))
def test_any_text_becomes_displayable_and_stays_so(text: str, charset: str) -> None:
    shown = charsets.displayable(text, charset)
    assert set(shown) <= charsets.characters(charset)
    assert charsets.displayable(shown, charset) == shown
    assert len(charsets.encode(text, charset)) == len(shown)


@given(st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF))
def test_what_cannot_be_shown_is_seen_to_be_missing(char: str) -> None:
    assert charsets.displayable(char, "latin") == "?"
