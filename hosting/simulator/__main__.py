"""``python -m hosting.simulator``."""

import sys

from hosting.simulator.command import main

sys.exit(main())
