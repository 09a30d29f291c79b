"""Say which tests run in one process, and in what order, where several processes share them out."""

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

WHOLE_FOLDERS: Final = ("tests/browser/", "tests/chaos/", "tests/system/")
"""Each starts something of its own that takes seconds, so one process runs all of it."""

FIRST: Final = ("tests/chaos/", "tests/unit/", "tests/browser/", "tests/system/")
"""What takes minutes begins early, so that at the end no process works alone.

Chaos mostly waits, and measures how long services take to come back; beside it runs what is light.
"""


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist carries no types
    """Hand out files, and the folders above, whole and in the order in which they come."""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


def lane_of(nodeid: str) -> str:
    """Name what runs in one process with this test."""
    whole = next((folder for folder in WHOLE_FOLDERS if nodeid.startswith(folder)), None)
    return whole or nodeid.split("::", 1)[0]


def turn(item: pytest.Item) -> int:
    """Tell when a test's folder has its turn; within one turn all stays as it was."""
    places = (place for place, folder in enumerate(FIRST) if item.nodeid.startswith(folder))
    return next(places, len(FIRST))
