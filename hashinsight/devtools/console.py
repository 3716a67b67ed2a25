"""What ``./dev`` tells the person in front of it. Standard output belongs to results, the rest goes to stderr."""

import os
import sys


class Refusal(Exception):
    """Something stands in the way; the message says what and what to do about it."""


def say(message: str) -> None:
    """One short progress line."""
    _write(f"==> {message}\n")


def detail(message: str) -> None:
    """A line that belongs to the progress line above it."""
    _write(f"    {message}\n")


def announce(message: str) -> None:
    """A result, on standard output, at once."""
    try:
        print(message, flush=True)
    except BrokenPipeError:  # nobody reads any more; the work goes on
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
