"""Tell whoever watches how a run goes: live on a terminal, line by line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

PLAIN_WIDTH: Final = 120
"""Columns where there is no terminal to ask: wide enough for the table."""

Advance = Callable[[], None]


class Screen:
    """Show steps as they begin and end, each with its time since the start."""

    def __init__(self) -> None:
        """Speak to standard output."""
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=PLAIN_WIDTH)
        self.console: Final = console
        self._began_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """How long this has been going on."""
        return time.monotonic() - self._began_s

    def say(self, sentence: str) -> None:
        """Print one line; nothing in it is markup."""
        self.console.print(f"{self.elapsed_s:6.1f} s  {sentence}", markup=False)

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Advance]:
        """Show a step while it goes on; call what is yielded once for each of `total`."""
        if not self.console.is_terminal:
            self.say(f"{title} ...")
            yield _nothing
            return
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        bar = [] if total is None else [BarColumn(), MofNCompleteColumn()]
        with Progress(*columns, *bar, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda: progress.advance(task)
        self.say(title)


def _nothing() -> None:
    """Show no progress within a step where lines are all there is."""
