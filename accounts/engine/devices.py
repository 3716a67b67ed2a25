"""What a browser says about itself, in few words."""

from collections.abc import Sequence

# The first word found names the browser: Edge and Opera call themselves Chrome, Chrome calls itself Safari.
_BROWSERS: Sequence[tuple[str, str]] = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
    ("Python", "Python"),
)
_SYSTEMS: Sequence[tuple[str, str]] = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Browser and system, such as ``Firefox, Windows``; the empty text when neither is known.

    It is what the browser claims: good for telling one's own devices apart, never for letting somebody in.
    """
    found = [_first(user_agent, words) for words in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in found if name)


def _first(text: str, words: Sequence[tuple[str, str]]) -> str:
    return next((name for mark, name in words if mark in text), "")
