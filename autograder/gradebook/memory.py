"""HTML that was made before, by what it was made from: most cells of a class are the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST = 4_000_000  # characters of all keys and texts that are kept
ENTRY = 500  # what an entry takes beside its characters, counted as such


class Memory:
    """Texts by all that they are made from. Those that nobody has asked for longest go first."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def __call__(self, key: tuple[str, ...], make: Callable[[], str]) -> str:
        """The text for a key: as it was made the last time or, where that is forgotten, anew."""
        text = self._kept.pop(key, None)
        if text is None:
            text = make()
            self._size += _size(key, text)
        self._kept[key] = text
        while self._size > self._most:
            self._size -= _size(*self._kept.popitem(last=False))
        return text

    def __len__(self) -> int:
        return len(self._kept)


def _size(key: tuple[str, ...], text: str) -> int:
    return ENTRY + sum(map(len, key)) + len(text)
