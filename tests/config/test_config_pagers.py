"""What is said of pagers that would not be called, or not show, as their owner thinks."""

import pytest

from gateway.config.check import check, format_problem

SHOP = """
[device]
id = "box-1"
[shop]
name = "Shop"
account = "shop-1"
[[buttons]]
name = "red"
pin = 5
kind = "unhappy"
label = { ru = "Плохо", en = "Bad" }
[[staff]]
name = "a"
pager = "one"
[[staff]]
name = "b"
pager = "two"
"""
WATCHES = (
    '[[transmitters]]\ndriver = "ev1527"\nname = "w"\nport = "/dev/w"\nhardware = "rfxtrx433"\n'
)


def warned(*tables: str) -> list[str]:
    """The warnings about a shop with these tables as well, which has no other fault."""
    config, problems, warnings = check(SHOP + "".join(tables))
    assert [format_problem(each) for each in problems] == []
    assert config is not None
    return [format_problem(each) for each in warnings]


def watch(name: str, address: str, codes: str = "{}") -> str:
    return f'[[pagers]]\nname = "{name}"\naddress = "{address}"\ncodes = {codes}\n'


def test_watches_with_codes_of_their_own() -> None:
    first = watch("one", "A5C3E0", '{ red = "A5C3E1", call = "A5C3E1" }')
    assert warned(WATCHES, first, watch("two", "A5C3F0", '{ red = "A5C3F1" }')) == []


@pytest.mark.parametrize(
    ("address", "codes", "where"),
    [
        ("A5C3F0", '{ red = "A5C3E1" }', "codes.red"),
        ("A5C3F0", '{ call = "a5c3e1" }', "codes.call"),
        ("A5C3F0", '{ call = "A5C3E0" }', "codes.call"),
        ("A5C3E1", "{}", "address"),
        ("a5c3e0", '{ red = "A5C3E1" }', "address"),
    ],
)
def test_a_code_that_two_watches_have_learnt(address: str, codes: str, where: str) -> None:
    first = watch("one", "A5C3E0", '{ red = "A5C3E1" }')
    (warning,) = warned(WATCHES, first, watch("two", address, codes))
    assert f'pagers[1].{where} (name "two")' in warning
    assert 'of its own, unless it is to buzz with pager "one"' in warning


def test_addresses_that_are_no_codes_differ_in_their_letters_size() -> None:
    tap = '[[transmitters]]\ndriver = "tap"\nname = "t"\nport = "/dev/t"\n'
    assert warned(tap, watch("one", "101a"), watch("two", "101A")) == []


def lettered(charset: str, transmitter: str) -> list[str]:
    pagers = "".join(
        f'[[pagers]]\nname = "{name}"\naddress = "{address}"\ncharset = "{charset}"\n'
        for name, address in (("one", "105,4"), ("two", "106,4"))
    )
    if "lrs" not in transmitter:
        pagers = pagers.replace(",4", "")
    return warned(pagers, transmitter)


def by_template(name: str) -> str:
    return (
        f'[[transmitters]]\ndriver = "template"\nname = "desk"\nport = "/dev/d"\n'
        f'template = "{name}"\n'
    )


@pytest.mark.parametrize(
    ("charset", "template", "letters"),
    [
        ("philips_prg", "comp2", "Ю, Я"),
        ("motorola_cyrillic_koi7", "comp2", "Ч"),
        ("motorola_cyrillic_koi7", "lrs", "э"),
    ],
)
def test_a_table_whose_letters_do_not_pass_the_transmitter(
    charset: str, template: str, letters: str
) -> None:
    warnings = [each for each in lettered(charset, by_template(template)) if "charset" in each]
    assert len(warnings) == 2
    for at, warning in enumerate(warnings):
        assert f"pagers[{at}].charset" in warning
        assert f'another table or transmitter: "desk" cannot carry {letters}' in warning


@pytest.mark.parametrize("charset", ["latin", "motorola_linguist", "philips_prg"])
@pytest.mark.parametrize("template", ["scope", "waveware", "jtech", "lrs"])
def test_a_table_that_passes_whole(charset: str, template: str) -> None:
    assert not any("charset" in each for each in lettered(charset, by_template(template)))
