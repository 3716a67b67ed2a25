"""Where the project lies, and where what it makes."""

from pathlib import Path

from hashinsight.env import env_str

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = Path(env_str("HASHINSIGHT_VAR", str(BASE_DIR / "var")))
