"""Opaque, time-ordered identifiers (UUIDv7, RFC 9562 section 5.7)."""

import os
import time
import uuid


def new_public_id() -> uuid.UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, 74 random bits; says nothing about how many others exist."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76
    value |= ((random >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & (2**62 - 1)
    return uuid.UUID(int=value)
