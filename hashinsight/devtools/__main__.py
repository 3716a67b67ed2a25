"""Start of the Python half of ``./dev``.

Run as a file by ``dev``. ``stop``, ``reset`` and ``help`` must work before any package is installed, so the
product's own package is not executed: only its folder is made known, enough to find ``hashinsight.devtools``.
"""

import sys
from pathlib import Path
from types import ModuleType

if "hashinsight" not in sys.modules:
    root = Path(__file__).resolve().parents[2]
    sys.path[0] = str(root)
    package = ModuleType("hashinsight")
    package.__path__ = [str(root / "hashinsight")]
    sys.modules["hashinsight"] = package

from hashinsight.devtools.cli import main  # the package must be known first

sys.exit(main(sys.argv[1:]))
