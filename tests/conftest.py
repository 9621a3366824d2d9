"""What all tests share: how Hypothesis behaves where nobody watches."""

import os

from hypothesis import settings

# No test is judged by the time it took: the machines are noisy.
settings.register_profile("here", deadline=None)
# In CI a run must not depend on luck, nor on examples that an earlier run has left behind.
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
