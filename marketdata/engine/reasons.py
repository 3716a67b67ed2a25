"""Why a file or a line of it is not used: a sentence with places, which upper layers say in the reader's language."""


def gettext_noop(text: str) -> str:
    """Marks a sentence for the catalogue of translations; it is translated where somebody reads it."""
    return text


class Reason(ValueError):
    """A sentence and what stands in its places; ``str`` is English."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text, values)
        self.text, self.values = text, values

    def __str__(self) -> str:
        return self.text % self.values


class FileUnusable(Reason):
    """Nothing of the file can be used; the reason says why."""


def cut(text: str) -> str:
    """What was seen, in quotes and not endlessly."""
    return repr(text[:40])
