"""Text typed by strangers, made harmless before it is stored."""

import unicodedata


def harmless(text: str, length: int) -> str:
    """``text`` without control, format-control and surrogate characters, at most ``length`` long.

    A login record keeps what somebody typed, so it must not be able to forge lines, hide behind direction marks
    or break the database (NUL).
    """
    kept = "".join(char for char in text[: length * 4] if unicodedata.category(char) not in {"Cc", "Cf", "Cs"})
    return kept.strip()[:length]
