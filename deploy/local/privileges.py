"""Give up root: name the account that servers run as, and put programs where it can run them.

PostgreSQL refuses to run as root. As root we therefore drop to `nobody`, which must be able to
pass every folder above the data and above the programs. We never open a folder that is not ours:
data below a closed folder is refused, programs below one are copied into the data folder.
"""

import os
import pwd
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ACCOUNT_NAME: Final = "nobody"
"""In every passwd file; PostgreSQL does not start under a uid without an entry there."""

_ANY_READ: Final = stat.S_IRGRP | stat.S_IROTH
_ANY_PASS: Final = stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a process runs as."""

    name: str
    uid: int
    gid: int


def servers_account() -> Account | None:
    """Name the account that servers drop to: `nobody` for root, None (stay as you are) else."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def first_closed_folder(path: Path, account: Account) -> Path | None:
    """Find the highest existing folder above `path` that the account may not pass."""
    for folder in reversed(path.resolve().parents):
        if folder.exists() and not _may_pass(folder, account):
            return folder
    return None


def give(folder: Path, account: Account | None) -> None:
    """Make a folder that only its account can enter; it may be there already."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
        folder.chmod(0o700)


def runnable(source: Path, parts: Sequence[str], copy: Path, account: Account | None) -> Path:
    """Return `source`, or `copy` with the same parts in it where the account cannot reach them.

    The copy keeps the layout, since programs find their libraries by it. It is made beside and
    then renamed, so that a copy that exists is whole.
    """
    if account is None or all(_may_run(source / part, account) for part in parts):
        return source
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        for part in parts:
            _copy(source / part, draft / part)
        _open_to_all(draft)
        draft.rename(copy)
    return copy


def _may_run(program: Path, account: Account) -> bool:
    return first_closed_folder(program, account) is None and _may_pass(program, account)


def _may_pass(folder: Path, account: Account) -> bool:
    facts = folder.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _open_to_all(folder: Path) -> None:
    """Let everyone read our copy, and run in it what its owner may run."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | _ANY_READ | (_ANY_PASS if mode & stat.S_IXUSR else 0))
