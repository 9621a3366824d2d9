"""The pager encoders as files that a radio, a decoder or a curious engineer can read."""

import argparse
from pathlib import Path

from gateway.commands.common import Commands, add_command
from gateway.errors import CannotStart
from gateway.paging import charsets
from gateway.paging.drivers import ev1527_wave, pocsag


def add_to(commands: Commands) -> None:
    """Add `encode pocsag` and `encode ev1527`."""
    encode = commands.add_parser(
        "encode",
        help="write a page as a radio would send it into a file",
        description="Write a page as a radio would send it into a file.",
    )
    protocols = encode.add_subparsers(metavar="PROTOCOL", required=True)
    tone = add_command(
        protocols,
        "pocsag",
        _pocsag,
        "22050 Hz signed 16-bit mono sound",
        details="Decode it with: multimon-ng -q -t raw -a POCSAG1200 -f alpha FILE",
    )
    tone.add_argument("--ric", type=int, required=True, help="the capcode, 0 to 2097151")
    tone.add_argument("--function", type=int, default=3, choices=range(4))
    tone.add_argument("--rate", type=int, default=1200, choices=(512, 1200, 2400))
    tone.add_argument("--numeric", action="store_true", help="digits only, 4 bits each")
    tone.add_argument("--charset", default=charsets.LATIN, choices=charsets.names())
    tone.add_argument("--text", required=True)
    tone.add_argument("--out", type=Path, required=True, metavar="FILE.raw")
    code = add_command(
        protocols,
        "ev1527",
        _ev1527,
        "250 kHz samples, interleaved I and Q, unsigned 8 bit",
        details="Name the file NAME_433.92M_250k.cu8 and rtl_433 -r reads it.",
    )
    code.add_argument("--code", required=True, help="six hexadecimal digits")
    code.add_argument("--unit-us", type=int, default=350, metavar="T", help="50 to 5000")
    code.add_argument("--repeats", type=int, default=8, metavar="N", help="1 to 100")
    code.add_argument("--bit-order", default="msb", choices=ev1527_wave.BIT_ORDERS)
    code.add_argument("--out", type=Path, required=True, metavar="FILE.cu8")


def _pocsag(options: argparse.Namespace) -> int:
    try:
        sound = pocsag.encode_file(
            options.ric,
            options.function,
            options.rate,
            options.text,
            numeric=options.numeric,
            charset=options.charset,
        )
    except ValueError as error:
        raise CannotStart(str(error)) from error
    status = _write(options.out, sound)
    shown = charsets.displayable(
        options.text, charsets.NUMERIC if options.numeric else options.charset
    )
    if shown != options.text:
        print(f"the pager shows: {shown}")
    return status


def _ev1527(options: argparse.Namespace) -> int:
    if not 50 <= options.unit_us <= 5000:
        raise CannotStart("--unit-us goes from 50 to 5000")
    if not 1 <= options.repeats <= 100:
        raise CannotStart("--repeats goes from 1 to 100")
    try:
        number = ev1527_wave.parse_code(options.code)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    samples = ev1527_wave.cu8(number, options.unit_us, options.repeats, bit_order=options.bit_order)
    return _write(options.out, samples)


def _write(path: Path, data: bytes) -> int:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CannotStart(f"cannot write {path}: {error.strerror}") from error
    print(f"{path}: {len(data)} bytes")
    return 0
