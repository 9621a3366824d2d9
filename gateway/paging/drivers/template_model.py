"""Equipment whose framing is data: how a page becomes a frame and a reply becomes a verdict.

Pure: no line, no clock. `template_file.py` makes a `Template` from TOML and says what is wrong
with it; `template.py` puts it on a line. docs/templates.md tells integrators about every key.
"""

import enum
import re
from functools import lru_cache

import msgspec

from gateway.config import Pager
from gateway.model import Priority
from gateway.paging import charsets
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.exchange import readable
from gateway.paging.drivers.template_notation import Segments

NUMERIC_CHARSET = "numeric"


class LineRule(msgspec.Struct, frozen=True):
    """`[line]`: how the port is set. Flow control may hold a page up for `cts_wait_s`."""

    baud: int
    framing: str
    xonxoff: bool
    rtscts: bool
    cts_wait_s: float


class AddressRule(msgspec.Struct, frozen=True):
    """`[address]`: what an address looks like and how it is written.

    Attributes:
        pattern: The whole address must match; its named groups are placeholders too.
        form: The same in words, for whoever has to type one.
        width: Padded with zeros on the left to this many characters.
        by_kind: The pager's code for the alert kind stands in for the address where it has one.
    """

    pattern: re.Pattern[str]
    form: str
    width: int = 0
    by_kind: bool = False


class TextRule(msgspec.Struct, frozen=True):
    """`[text]`: what may stand in a page's text; the rest is replaced, so it cannot break a frame.

    Attributes:
        max_chars: Longer texts are cut.
        refused: Matches each character that is not allowed.
        substitute: Stands for each of those; empty to leave them out.
        replace: Better stand-ins for some characters, looked up first.
        as_is: Matches a whole text in which nothing is to be changed, as nearly all are.
    """

    max_chars: int
    refused: re.Pattern[str]
    substitute: str
    replace: dict[int, str]
    as_is: re.Pattern[str]

    def passed(self, text: str) -> str:
        """A text with nothing in it that may not stand there."""
        return self.refused.sub(self.substitute, text.translate(self.replace))


class Verdict(enum.Enum):
    """What a reply means."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TRANSMITTED = "transmitted"


class ReplyRule(msgspec.Struct, frozen=True):
    """`[reply]`: what the equipment's answers mean.

    The patterns may hold `{address}` and the address pattern's groups, so that the answer for
    another pager is not taken for this one's. A refusal may have the groups `code` and `words`.
    """

    patterns: tuple[tuple[Verdict, str], ...]
    wait_s: float
    transmitted_wait_s: float
    codes: dict[str, str]
    retry_codes: frozenset[str]
    equipment_codes: frozenset[str]
    retries: int
    retry_pause_s: float
    silent_because: str  # empty: silence proves nothing


class PollRule(msgspec.Struct, frozen=True):
    """`[poll]`: a harmless question that living equipment answers."""

    send: bytes
    answer: re.Pattern[bytes]
    wait_s: float


class Reply(msgspec.Struct, frozen=True):
    """One answer of the equipment.

    Attributes:
        verdict: What it means.
        words: Its own words or the template's words for its code.
        code: The refusal's code, if it has one.
    """

    verdict: Verdict
    words: str
    code: str = ""


class Frame(msgspec.Struct, frozen=True):
    """A page as it goes on the line.

    Attributes:
        data: Every byte, for one write.
        fields: What the address came to, for telling this page's answer from another's.
        note: What had to be done to the text, in words; empty when nothing.
    """

    data: bytes
    fields: tuple[tuple[str, str], ...]
    note: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """A frame but for its text: what a pager, an alert kind and a priority come to.

    Attributes:
        pager: Whose it is.
        kind: Of which alert.
        priority: How urgent.
        around: The frame's bytes before, between and behind the places where the text goes.
        fields: As in `Frame`.
    """

    pager: Pager
    kind: str
    priority: Priority
    around: tuple[bytes, ...]
    fields: tuple[tuple[str, str], ...]

    def serves(self, message: Message) -> bool:
        """Whether a message goes into it."""
        same = self.pager is message.pager and self.kind == message.kind
        return same and self.priority == message.priority


class Template(msgspec.Struct, frozen=True):
    """One kind of equipment, as its template file describes it."""

    name: str
    source: str  # where the facts are from, for whoever has to check them
    verified: bool  # written from the maker's manual, and tried
    caution: str  # what is not certain all the same; empty when nothing
    line: LineRule
    segments: Segments
    address: AddressRule
    text: TextRule
    functions: tuple[str, ...]  # per POCSAG function 0–3; empty when the frame has none
    types: tuple[str, str] | None  # alphanumeric, numeric
    rates: dict[int, str]
    numeric_rates: dict[int, str]
    priorities: tuple[str, ...]  # alarm, high, normal
    reply: ReplyRule
    poll: PollRule | None

    @property
    def carries_text(self) -> bool:
        """Whether its frame has a place for a text."""
        return "text" in self.segments

    def frame(self, message: Message) -> Frame:
        """The frame for one message.

        Raises:
            ValueError: This pager cannot be written in this equipment's frame; says why.
        """
        envelope = self.envelope(message.pager, message.kind, message.priority)
        return self.enclose(envelope, message.seven_bit)

    def envelope(self, pager: Pager, kind: str, priority: Priority) -> Envelope:
        """Everything of a frame that does not depend on its text.

        Raises:
            ValueError: As `frame`.
        """
        fields = self.address_fields(pager, kind)
        parts = {**fields, **self._pager_fields(pager), **self._priority_field(priority)}
        around = [b""]
        for each in self.segments:
            if isinstance(each, bytes):
                around[-1] += each
            elif each == "text":
                around.append(b"")
            else:
                around[-1] += _latin(parts[each])
        return Envelope(pager, kind, priority, tuple(around), tuple(fields.items()))

    def enclose(self, envelope: Envelope, text: str) -> Frame:
        """The frame of a text, given as 7-bit characters."""
        fitted, note = text, ""
        if self.text.as_is.fullmatch(text) is None:
            fitted, note = self._fit(text, envelope.pager.charset)
        return Frame(_latin(fitted).join(envelope.around), envelope.fields, note)

    def address_fields(self, pager: Pager, kind: str) -> dict[str, str]:
        """The placeholders that a pager's address fills.

        Raises:
            ValueError: It is no address for this equipment; says what one looks like.
        """
        address = pager.codes.get(kind, pager.address) if self.address.by_kind else pager.address
        match = self.address.pattern.fullmatch(address)
        if match is None:
            raise ValueError(
                f"pager {pager.name}: {address!r} is no address for {self.name}: it takes "
                f"{self.address.form}"
            )
        return {**match.groupdict(default=""), "address": address.rjust(self.address.width, "0")}

    def judge(self, heard: bytes, frame: Frame) -> Reply | None:
        """What the bytes heard so far say of a page; None while they say nothing of it.

        Where they say several things, the final ones count: transmitted, refused, accepted.
        """
        for verdict, pattern in _patterns(self.reply.patterns, frame.fields):
            match = pattern.search(heard)
            if match is not None:
                return self._reply(verdict, match)
        return None

    def warnings(self) -> list[str]:
        """What whoever configures this equipment should know, in sentences."""
        told = []
        if not self.verified:
            told.append(
                f"template {self.name} is unverified: nobody has seen equipment answer it. "
                f"Try it with a test page, and compare it with: {self.source}"
            )
        if self.caution:
            told.append(f"template {self.name}: {self.caution}")
        if self.reply.silent_because:
            told.append(
                f"template {self.name} counts silence as accepted, because "
                f"{self.reply.silent_because}. A dead cable looks the same."
            )
        return told

    def lost(self, charset: str) -> str:
        """The letters of a code table whose codes this equipment does not take as they are.

        Raises:
            ValueError: There is no such table.
        """
        if not self.carries_text:
            return ""
        codes = {letter: chr(code) for letter, code in charsets.table(charset).items()}
        return "".join(
            letter
            for letter, code in codes.items()
            if letter.isalpha() and self.text.passed(code) != code
        )

    def _fit(self, text: str, charset: str) -> tuple[str, str]:
        """The text as this equipment takes it, and what was done to it."""
        rule, notes = self.text, []
        fitted = rule.passed(text)
        if fitted != text:
            changed = "".join(code for code in dict.fromkeys(text) if rule.passed(code) != code)
            notes.append(f"shown wrong: {charsets.written(changed, charset)}")
        if len(fitted) > rule.max_chars:
            notes.append(f"cut to {rule.max_chars} characters")
        return fitted[: rule.max_chars], ", ".join(notes)

    def _pager_fields(self, pager: Pager) -> dict[str, str]:
        """Function, type and rate of a pager, as far as the frame has them."""
        fields = {}
        numeric = pager.charset == NUMERIC_CHARSET
        if self.functions:
            function = pager.pocsag_function
            if not 0 <= function < len(self.functions):
                raise ValueError(f"pager {pager.name}: function {function} is not 0–3")
            fields["function"] = self.functions[function]
        if self.types is not None:
            fields["type"] = self.types[numeric]
        if self.rates:
            rates = self.numeric_rates if numeric and self.numeric_rates else self.rates
            if pager.rate not in rates:
                known = ", ".join(map(str, rates))
                raise ValueError(
                    f"pager {pager.name}: {self.name} cannot send {pager.rate} bit/s, only {known}"
                )
            fields["rate"] = rates[pager.rate]
        return fields

    def _priority_field(self, priority: Priority) -> dict[str, str]:
        if not self.priorities:
            return {}
        return {"priority": self.priorities[priority - Priority.ALARM]}

    def _reply(self, verdict: Verdict, match: re.Match[bytes]) -> Reply:
        """A matched answer, in words."""
        groups = {name: readable(value) for name, value in match.groupdict(default=b"").items()}
        code = groups.get("code", "")
        if verdict is Verdict.REFUSED and code:
            return Reply(verdict, f"{code} {self.reply.codes.get(code, 'refused')}", code)
        return Reply(verdict, groups.get("words") or readable(match[0]))


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")


@lru_cache(maxsize=256)
def _patterns(
    patterns: tuple[tuple[Verdict, str], ...], fields: tuple[tuple[str, str], ...]
) -> tuple[tuple[Verdict, re.Pattern[bytes]], ...]:
    """The reply patterns of one pager: kept, since it is the same few pagers all day."""
    return tuple(
        (verdict, re.compile(filled(pattern, dict(fields)).encode("latin-1")))
        for verdict, pattern in patterns
    )


def filled(pattern: str, fields: dict[str, str]) -> str:
    """A reply pattern with a pager's address in the place of its placeholders."""
    for name, value in fields.items():
        placeholder = f"{{{name}}}"
        pattern = pattern.replace(placeholder, re.escape(value))
    return pattern
