from gateway.config.lines import key_lines, line_of

TEXT = '''\
# a comment with [a.table] = in it
top = 1

[device]  # [not.this]
id = "a # b"
"quoted key" = 'it''s'

[[buttons]]
name = "one"
label = { ru = "[", en = "]" }

[[buttons]]
name = """
[[buttons]]
name = "not a key"
"""
label.ru = "a\\"b"
days = [
  "mon", # ]
  "tue",
]
after = 1

[[buttons.shifts]]
x = 1
[[buttons.shifts]]
x = 2
[buttons.more]
y = \'\'\'
z = 3\'\'\'
'''


def test_every_key_has_its_line() -> None:
    text = TEXT.replace("'it''s'", "'its'")
    assert key_lines(text) == {
        ("top",): 2,
        ("device",): 4,
        ("device", "id"): 5,
        ("device", "quoted key"): 6,
        ("buttons", 0): 8,
        ("buttons", 0, "name"): 9,
        ("buttons", 0, "label"): 10,
        ("buttons", 1): 12,
        ("buttons", 1, "name"): 13,
        ("buttons", 1, "label"): 17,
        ("buttons", 1, "label", "ru"): 17,
        ("buttons", 1, "days"): 18,
        ("buttons", 1, "after"): 22,
        ("buttons", 1, "shifts", 0): 24,
        ("buttons", 1, "shifts", 0, "x"): 25,
        ("buttons", 1, "shifts", 1): 26,
        ("buttons", 1, "shifts", 1, "x"): 27,
        ("buttons", 1, "more"): 28,
        ("buttons", 1, "more", "y"): 29,
    }


def test_what_has_no_line_takes_the_one_around_it() -> None:
    lines = key_lines("[shop]\nname = 'a'\nlist = [{ a = 1 }]\n")
    assert line_of(("shop", "list", 0, "a"), lines) == 3
    assert line_of(("shop", "account"), lines) == 1
    assert line_of(("device",), lines) is None


def test_windows_line_ends() -> None:
    assert key_lines("[a]\r\nb = 1\r\n\r\nc = 2\r\n") == {("a",): 1, ("a", "b"): 2, ("a", "c"): 4}
