"""What all tests share: how Hypothesis behaves where nobody watches."""

import os

from hypothesis import settings

# In CI a run must not depend on luck, nor on examples that an earlier run has left behind.
settings.register_profile("ci", derandomize=True, database=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
