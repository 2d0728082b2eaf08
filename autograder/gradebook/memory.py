"""HTML that was made before, by what it was made from: most cells of a class are the same."""

from __future__ import annotations

import hashlib
import json

from cachetools import LRUCache

MOST = 4_000_000  # characters of all texts that are kept
ENTRY = 500  # what an entry takes beside its characters, counted as such


def texts(most: int = MOST) -> LRUCache[bytes, str]:
    """Keeps texts for cachetools.cached; those that nobody has asked for longest go first."""
    return LRUCache(most, getsizeof=lambda text: ENTRY + len(text))


def key_of(*parts: str) -> bytes:
    """What stands for all that a text is made from; as long as any other, whatever they are."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()
