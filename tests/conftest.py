"""What all tests share: how Hypothesis behaves where nobody watches."""

import os

from hypothesis import settings
from pytest import Parser  # noqa: PT013 - the type alone

# No test is judged by the time it took: the machines are noisy.
settings.register_profile("here", deadline=None)
# In CI a run must not depend on luck, nor on examples that an earlier run has left behind.
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: Parser) -> None:
    """The long forms of tests whose short form is enough for every day."""
    parser.addoption(
        "--every-look",
        action="store_true",
        help="look at every page in each size, in light and dark, in each language",
    )
