"""Replies as they are kept for people to look at: cut, readable, and without passwords."""

import re

MOST_KEPT = 16 * 1024
_HIDDEN = r"(?:pass(?:wd|word)?\d?|pwd|token|secret|sessionid|session_id|salt|newsalt|sign|wifipass)"
_IN_JSON = re.compile(rf'("{_HIDDEN}"\s*:\s*)(?:"(?:[^"\\]|\\.?)*+"?|[^,}}\]\s]+)', re.IGNORECASE)
_IN_TEXT = re.compile(rf"(?<![a-z])({_HIDDEN}=)[^,|]*", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(://)[^/@\s\"',|\\]{0,200}@")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def kept(raw: bytes, *, most: int = MOST_KEPT) -> str:
    """What may be stored and shown of a reply."""
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", raw[:most].rstrip(b"\0").decode("utf-8", "replace"))
    text = _IN_JSON.sub(r'\1"***"', text)
    text = _IN_TEXT.sub(r"\1***", text)
    return _IN_ADDRESS.sub(r"\1***@", text)
