"""`scripts/crash`: as many kills and power cuts as one has time for."""

import argparse
import asyncio
import logging
import random
import secrets
import sys
import time
from collections.abc import Sequence
from typing import Final

from gateway.errors import GatewayError
from tests.crash import cuts
from tests.crash.kills import kill_again_and_again

RUNS: Final = 50
_EVERY: Final = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.disable()  # the journal's own words about what is done to it on purpose
    runs = RUNS if options.runs is None and options.power_cuts is None else options.runs
    try:
        if runs:
            _kill(runs, options.seed, options.seconds)
        if options.power_cuts:
            _cut(options.power_cuts, options.seed)
    except (AssertionError, GatewayError) as error:
        print(f"FAILED with --seed {options.seed}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"survived, with --seed {options.seed}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/crash",
        description="Kill the real gateway under load, and cut the power of what it writes; after"
        " each, nothing that was acknowledged may be lost and nothing may be there twice.",
    )
    parser.add_argument(
        "--runs", type=int, help=f"kill -9 this often (default: {RUNS}, if nothing is asked for)"
    )
    parser.add_argument(
        "--power-cuts", type=int, help="cut the power this often, over the cuts after each write"
    )
    parser.add_argument("--seconds", type=float, help="kill no more after so long")
    parser.add_argument(
        "--seed",
        type=int,
        default=secrets.randbelow(10**6),
        help="do it again as far as it follows from chance and not from the machine's speed",
    )
    return parser


def _kill(runs: int, seed: int, seconds: float | None) -> None:
    began = time.monotonic()

    def progress(run: int, words: str) -> bool:
        passed = time.monotonic() - began
        print(f"kill {run} of {runs}, {passed:.0f} s: {words}", flush=True)
        return seconds is None or passed < seconds

    asyncio.run(kill_again_and_again(runs, seed, progress))


def _cut(subsets: int, seed: int) -> None:
    for name, trial in cuts.TRIALS.items():
        steps = cuts.record(trial)
        print(f"{name}: {len(steps)} steps are recorded", flush=True)

        def progress(cut: int, name: str = name) -> None:
            if cut % _EVERY == 0:
                print(f"{name}: {cut} cuts survived", flush=True)

        done = cuts.survive(
            trial,
            steps,
            prefixes=len(steps),
            subsets=subsets,
            chance=random.Random(seed),
            progress=progress,
        )
        print(f"{name}: all {done} cuts survived", flush=True)


if __name__ == "__main__":
    sys.exit(main())
