"""What the documents say of one another and of the commands."""

import argparse
import re
from itertools import groupby
from pathlib import Path

from gateway import cli

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "image/*.md") for path in ROOT.glob(pattern)
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> list[str]:
    """The lines of a document outside its blocks of code; there they are empty."""
    is_code = False
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        is_code ^= line.startswith("```")
        found.append("" if is_code else line)
    return found


def anchors(path: Path) -> set[str]:
    """What a link's # can name: the headings, as forges make anchors of them."""
    heads = (found[1] for line in prose(path) if (found := re.match(r"#+ (.+)", line)))
    words = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in words}


def test_links_lead_to_headings_that_are_there() -> None:
    dead = [
        f"{named(path)}: {target}#{heading}"
        for path in DOCUMENTS
        for target, heading in re.findall(r"\]\((?!\w+:)([^)#\s]*)#([^)\s]+)\)", path.read_text())
        if heading not in anchors(path.parent / target if target else path)
    ]
    assert dead == []


def test_the_rows_of_a_table_are_as_wide_as_its_head() -> None:
    torn = []
    for path in DOCUMENTS:
        for is_table, lines in groupby(prose(path), lambda line: line.startswith("|")):
            rows = [re.sub(r"`[^`]*`|\\\|", "", line) for line in lines if is_table]
            torn += [
                f"{named(path)}: {row}" for row in rows if row.count("|") != rows[0].count("|")
            ]
    assert torn == []


def helps() -> dict[str, str]:
    """What --help says of each command."""
    (commands,) = (
        action
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return {name: parser.format_help() for name, parser in commands.choices.items()}


def test_commands_are_there_with_the_options_that_are_named() -> None:
    there, missing = helps(), []
    for path in DOCUMENTS:
        # In `systemctl stop achivx-gateway achivx-webui` it is a unit.
        said = re.findall(r"achivx-gateway (?!achivx)([a-z][a-z-]*)([^`\n|#]*)", path.read_text())
        for name, rest in said:
            options = re.findall(r"(?<!\S)--[a-z-]+", rest)
            missing += [
                f"{named(path)}: {name} {option}"
                for option in ("", *options)
                if option not in there.get(name, "") or name not in there
            ]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    table = (ROOT / "README.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    named_there = set(re.findall(r"`([a-z-]+)[^`]*`", table))
    assert helps().keys() - named_there == set()
