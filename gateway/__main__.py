"""`python -m gateway` is `achivx-gateway`."""

import sys

from gateway.cli import main

sys.exit(main())
