"""One fault at a time in a file that is otherwise good: each is found, at its place, in words."""

import pytest

from gateway.config.check import check, format_problem
from tests.config.good_file import ACHIVX, GOOD, MQTT, TAP

# what is replaced in the good file, by what, where the problem is, and words of it
CASES: dict[str, tuple[str, str, str, str]] = {
    # keys and types
    "unknown_table": ("[access]", "[acess]", "acess", 'did you mean "access"'),
    "unknown_key": ("stuck_s = 10", "stuk_s = 10", "inputs.stuk_s", 'did you mean "stuck_s"'),
    "unknown_key_in_label": (
        'en = "Bad"', 'en = "Bad", de = "x"', 'buttons[0].label.de (name "exit-red")', "ru, en",
    ),
    "missing_table": ('[device]\nid = "cafe-1"\n', "", "device", "a table: [device]"),
    "missing_key": ('account = "store-1"\n', "", "shop.account", "found nothing"),
    "missing_label_half": (
        ', en = "Bad"', "", 'buttons[0].label.en (name "exit-red")', "found nothing",
    ),
    "missing_driver": ('driver = "tap"\n', "", 'transmitters[0].driver (name "main")', '"mmdvm"'),
    "unknown_driver": (
        'driver = "tap"', 'driver = "tpa"', 'transmitters[0].driver (name "main")',
        'did you mean "tap"',
    ),
    "driver_no_text": (
        'driver = "tap"', "driver = 1", 'transmitters[0].driver (name "main")', "found 1",
    ),
    "number_for_text": ('name = "Cafe"', "name = 7", "shop.name", "a text in quotes"),
    "text_for_number": (
        "pin = 17", 'pin = "17"', 'buttons[0].pin (name "exit-red")', "a whole number",
    ),
    "true_for_number": (
        "pin = 17", "pin = true", 'buttons[0].pin (name "exit-red")', "found true",
    ),
    "fraction_for_whole": (
        "pin = 17", "pin = 17.0", 'buttons[0].pin (name "exit-red")', "a whole number",
    ),
    "text_for_truth": (
        "stuck_s = 10", 'simulated = "no"', "inputs.simulated", "true or false",
    ),
    "text_for_fraction": ("stuck_s = 10", 'stuck_s = "10"', "inputs.stuck_s", "a number"),
    "beyond_64_bits": ("stuck_s = 10", "stuck_s = " + "9" * 30, "inputs.stuck_s", "64 bits"),
    "date_for_text": ('["01-01"]', "[2027-01-01]", "shop.holidays[0]", "without quotes"),
    "text_for_list": ('["01-01"]', '"01-01"', "shop.holidays", "a list: [a text in quotes"),
    "single_brackets": ("[[offers]]", "[offers]", "offers", "[[offers]], in double brackets"),
    "text_for_element": ('["zone"]', '["zone", 3]', "ladder.steps[0].to[1]", "found 3"),
    "wrong_word": (
        'kind = "unhappy"', 'kind = "unhapy"', 'buttons[0].kind (name "exit-red")',
        'did you mean "unhappy"',
    ),
    "three_for_two": (
        'kind = "souvenir"', 'kind = "souvenir"\nseverity = [1, 2, 3]',
        'offers[0].severity (name "coffee")', "found a list of 3",
    ),
    "table_for_codes": (
        'address = "101"', 'address = "101"\ncodes = 3', 'pagers[0].codes (name "wrist-1")',
        "a table",
    ),
    # secrets
    "secret_token": ('kind = "none"', ACHIVX + 'token = "s3"', "uplink.token", '"token_file"'),
    "secret_password": (
        TAP, TAP + '\npassword = "s3"', 'transmitters[0].password (name "main")',
        '"password_file"',
    ),
    "secret_pin": (
        'name = "counter-2"', 'name = "counter-2"\npin = "1234"', 'staff[1].pin (name "counter-2")',
        "PINs are set by command",
    ),
    "secret_in_place_of_its_path": (
        'kind = "none"', ACHIVX.replace("/proc/self/status", "s3"), "uplink.token_file",
        "found a text of 2 characters",
    ),
    # single values
    "device_id": ('"cafe-1"', '"Cafe 1"', "device.id", "a-z, 0-9 and -"),
    "device_id_long": ('"cafe-1"', f'"{"a" * 41}"', "device.id", "1 to 40"),
    "empty_name": ('name = "Cafe"', 'name = ""', "shop.name", "visible characters"),
    "control_character": ('name = "Cafe"', r'name = "a\u001b[2J"', "shop.name", "visible"),
    "time_zone": ("Europe/Moscow", "Europe/Mosco", "shop.timezone", "Europe/Moscow"),
    "time_zone_folder": ("Europe/Moscow", "Europe", "shop.timezone", "IANA"),
    "time_zone_path": ("Europe/Moscow", "../etc/passwd", "shop.timezone", "IANA"),
    "hour_form": ('"08:00"', '"8:00"', "shop.hours[0].open", "00:00 to 23:59"),
    "hour_24": ('"22:00"', '"24:00"', "shop.hours[0].close", "00:00 to 23:59"),
    "day_word": ('"tue"', '"tues"', "shop.hours[0].days", '"tues" is not'),
    "day_twice": ('"tue"', '"mon"', "shop.hours[0].days", "once"),
    "no_days": ('["mon", "tue"]', "[]", "shop.hours[0].days", "at least 1"),
    "holiday": ('"01-01"', '"02-30"', "shop.holidays", "a day that exists"),
    "holiday_form": ('"01-01"', '"1 May"', "shop.holidays", "a day that exists"),
    "relative_path": ('"/var/lib/achivx-gateway"', '"data"', "paths.state", "absolute path"),
    "long_socket": (
        "state =", f'control_socket = "/{"x" * 110}"\nstate =', "paths.control_socket", "107 bytes",
    ),
    "nan": ("stuck_s = 10", "stuck_s = nan", "inputs.stuck_s", "from 2 to 600"),
    "infinite": ("stuck_s = 10", "stuck_s = inf", "inputs.stuck_s", "from 2 to 600"),
    "pin_range": ("pin = 17", "pin = 28", 'buttons[0].pin (name "exit-red")', "from 0 to 27"),
    "pull": (
        "pin = 17", 'pin = 17\npull = "upp"', 'buttons[0].pull (name "exit-red")',
        'did you mean "up"',
    ),
    "slug": ('"exit-green"', '"Exit green"', 'buttons[1].name (name "Exit green")', "a-z, 0-9"),
    "charset": (
        'address = "101"', 'address = "101"\ncharset = "latn"',
        'pagers[0].charset (name "wrist-1")', 'did you mean "latin"',
    ),
    "function": (
        'address = "101"', 'address = "101"\nfunction = 4', 'pagers[0].function (name "wrist-1")',
        "from 0 to 3",
    ),
    "rate": (
        'address = "101"', 'address = "101"\nrate = 9600', 'pagers[0].rate (name "wrist-1")',
        "512, 1200 or 2400",
    ),
    "codes_kind": (
        'address = "101"', 'address = "101"\ncodes = { rot = "A5C3E4" }',
        'pagers[0].codes (name "wrist-1")', '"rot" is not',
    ),
    "codes_digits": (
        'address = "101"', 'address = "101"\ncodes = { red = "A5C3" }',
        'pagers[0].codes (name "wrist-1")', "6 hexadecimal digits",
    ),
    "shift_time": (
        'name = "counter-2"',
        'name = "counter-2"\nshifts = [{ days = ["mon"], start = "9", end = "18:00" }]',
        'staff[1].shifts[0].start (name "counter-2")', "00:00 to 23:59",
    ),
    "framing": (
        TAP, TAP + '\nframing = "9N1"', 'transmitters[0].framing (name "main")', "data bits 7 or 8",
    ),
    "baud": (TAP, TAP + "\nbaud = 9601", 'transmitters[0].baud (name "main")', "9600, 14400"),
    "port": (
        "/dev/serial/by-id/one", "COM3", 'transmitters[0].port (name "main")', "/dev/serial/by-id/",
    ),
    "frequency": (
        TAP, 'driver = "mmdvm"\nport = "/dev/serial/by-id/one"\nfrequency_hz = 100000000',
        'transmitters[0].frequency_hz (name "main")', "100 MHz",
    ),
    "frequency_satellite": (
        TAP, 'driver = "mmdvm"\nport = "/dev/serial/by-id/one"\nfrequency_hz = 436000000',
        'transmitters[0].frequency_hz (name "main")', "436 MHz",
    ),
    "server_address": (
        'kind = "none"', ACHIVX.replace(":50051", ""), "uplink.address", "host:port",
    ),
    "plaintext": ('kind = "none"', ACHIVX + 'plaintext = "yes"', "uplink.plaintext", '"loopback"'),
    "deadline": ('kind = "none"', ACHIVX + "deadline_s = 5", "uplink.deadline_s", "30 to"),
    "severity": (
        'kind = "souvenir"', 'kind = "souvenir"\nseverity = [4, 2]',
        'offers[0].severity (name "coffee")', "the lower first",
    ),
    "template_text": (
        'to = ["everyone"]', 'to = ["everyone"]\ntext = { ru = "{zona}", en = "{zone}" }',
        "ladder.steps[1].text", "{zona} is not known",
    ),
    "target": ('["everyone"]', '["everybody"]', "ladder.steps[1].to", '"everybody" is not'),
    "no_target": ('["everyone"]', "[]", "ladder.steps[1].to", "at least 1"),
    # between tables
    "button_twice": (
        '"exit-green"', '"exit-red"', 'buttons[1].name (name "exit-red")', "buttons[0] has",
    ),
    "staff_twice": ('"counter-2"', '"counter-1"', 'staff[1].name (name "counter-1")', "staff[0]"),
    "pin_twice": ("pin = 27", "pin = 17", 'buttons[1].pin (name "exit-green")', "buttons[0].pin"),
    "pin_of_led": (
        "pin = 27", "pin = 27\nled_pin = 17", 'buttons[1].led_pin (name "exit-green")',
        "buttons[0].pin uses",
    ),
    "pin_of_buzzer": (
        "stuck_s = 10", "buzzer_pin = 17", 'buttons[0].pin (name "exit-red")', "inputs.buzzer_pin",
    ),
    "port_twice": (
        "[uplink]", f'[[transmitters]]\nname = "b"\n{TAP}\n[uplink]',
        'transmitters[1].port (name "b")', 'transmitter "main" has',
    ),
    "stuck_below_long": (
        "stuck_s = 10", "stuck_s = 3\nlong_press_s = 4", "inputs.stuck_s", "more than long_press_s",
    ),
    "unknown_pager": (
        'pager = "wrist-1"', 'pager = "wrist-2"', 'staff[0].pager (name "counter-1")', "wrist-1",
    ),
    "unknown_transmitter": (
        'transmitter = "main"', 'transmitter = "maim"', 'pagers[0].transmitter (name "wrist-1")',
        'did you mean "main"',
    ),
    "nobody_wears_one": ('pager = "wrist-1"\n', "", "staff", "with a pager"),
    "zone_uncovered": (
        'zones = ["hall"]', 'zones = ["bar"]', 'buttons[0].zone (name "exit-red")', "covers: bar",
    ),
    "no_manager": ('["everyone"]', '["managers"]', "ladder.steps[1].to", "pages nobody"),
    "unknown_person": (
        '["everyone"]', '["staff:counter-3"]', "ladder.steps[1].to", 'did you mean "counter-1"',
    ),
    "person_without_pager": (
        '["everyone"]', '["staff:counter-2"]', "ladder.steps[1].to", "this person has none",
    ),
    "ladder_not_rising": ("after_s = 40", "after_s = 0", "ladder.steps[1].after_s", "more than"),
    "ladder_after_fresh": ("fresh_s = 600", "fresh_s = 30", "ladder.steps[1].after_s", "missed"),
    "tap_address": (
        'address = "101"', 'address = "сто"', 'pagers[0].address (name "wrist-1")', "ASCII",
    ),
    "espa_address": (
        TAP, 'driver = "espa"\nport = "/dev/serial/by-id/one"\nremote_address = "1"',
        'transmitters[0].remote_address (name "main")', "another address",
    ),
    "ev1527_address": (
        TAP, 'driver = "ev1527"\nport = "/dev/serial/by-id/one"\nhardware = "rfxtrx433"',
        'pagers[0].address (name "wrist-1")', "6 hexadecimal digits",
    ),
    "broker_with_a_port": (
        'kind = "none"', MQTT.replace('lan"', 'lan:8883"'), "uplink.host", "without a port",
    ),
    "broker_plaintext": (
        'kind = "none"', MQTT + 'plaintext = "i-accept-that-the-token-is-readable"',
        "uplink.plaintext", "all-is-readable",
    ),
    "broker_keepalive": ('kind = "none"', MQTT + "keepalive_s = 1", "uplink.keepalive_s", "5 to"),
    "broker_password_missing": (
        'kind = "none"', MQTT.partition("password_file")[0], "uplink.password_file",
        "of no use without it",
    ),
    "broker_stranger": (
        'kind = "none"', MQTT.partition("username")[0], "uplink", "a client certificate",
    ),
    "certificate_alone": (
        'kind = "none"', ACHIVX + 'client_certificate_file = "/proc/self/status"',
        "uplink.client_key_file", "of no use without it",
    ),
    "tokens_zero": (
        'kind = "souvenir"', 'kind = "tokens"', 'offers[0].tokens (name "coffee")', "more than 0",
    ),
    "tokens_eighth": (
        'kind = "souvenir"', 'kind = "tokens"\ntokens = 0.125', 'offers[0].tokens (name "coffee")',
        "steps of 0.25",
    ),
    "tokens_too_many": (
        'kind = "souvenir"', 'kind = "tokens"\ntokens = 16777216',
        'offers[0].tokens (name "coffee")', "below 16777216",
    ),
    "tokens_of_another_kind": (
        'kind = "souvenir"', 'kind = "souvenir"\ntokens = 1', 'offers[0].tokens (name "coffee")',
        "nothing here unless",
    ),
}  # fmt: skip


def test_the_good_file_is_good() -> None:
    config, problems, warnings = check(GOOD)
    assert config is not None
    assert (problems, warnings) == ([], [])


@pytest.mark.parametrize(("old", "new", "where", "words"), CASES.values(), ids=CASES)
def test_one_fault_is_one_problem(old: str, new: str, where: str, words: str) -> None:
    assert old in GOOD
    config, problems, _ = check(GOOD.replace(old, new, 1))
    assert config is None
    assert [problem.where for problem in problems] == [where]
    line = format_problem(problems[0])
    assert words in line
    assert "\n" not in line
    assert "s3" not in line  # a secret typed into the file is never repeated


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    faults = [
        "unknown_table", "missing_key", "day_word", "nan", "pin_range", "wrong_word",
        "unknown_pager", "person_without_pager", "framing", "tokens_zero", "server_address",
    ]  # fmt: skip
    text = GOOD
    for old, new, _, _ in (CASES[fault] for fault in faults):
        text = text.replace(old, new, 1)
    _, problems, _ = check(text)
    assert {problem.where for problem in problems} == {CASES[fault][2] for fault in faults}
    lines = [problem.line for problem in problems if problem.line is not None]
    assert lines == sorted(lines)
