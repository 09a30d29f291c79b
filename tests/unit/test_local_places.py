"""The data folder: whose it is, what it hides, and the ports it remembers."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.places import (
    LOOPBACK,
    PORTS,
    DataFolder,
    DataFolderClosed,
    DataFolderForeign,
    DataFolderInUse,
    DataFolderUnwritable,
    PortTaken,
    default_data,
    open_data_folder,
    temporary_data_folder,
    write_private,
)
from deploy.local.privileges import Account, first_closed_folder, runnable, servers_account

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up privileges")

STRANGER = Account("stranger", 4_000_001, 4_000_001)


@pytest.fixture
def place() -> Iterator[Path]:
    with temporary_data_folder() as path:
        yield path


@pytest.fixture
def folder(place: Path) -> DataFolder:
    return open_data_folder(place)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_random_kept_and_readable_by_their_owner_alone(folder: DataFolder) -> None:
    first, second = folder.secret("one"), folder.secret("two")

    assert first != second
    assert len(first) >= 43
    assert open_data_folder(folder.path).secret("one") == first
    assert mode_of(folder.path / "secrets" / "one") == 0o600
    assert mode_of(folder.path / "secrets") == 0o700


def test_the_token_secret_lies_where_a_caller_looks_for_it(folder: DataFolder) -> None:
    secret = folder.token_secret()

    assert (folder.path / "token-secret").read_text().strip() == secret
    assert mode_of(folder.path / "token-secret") == 0o600


def test_a_private_file_replaces_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, "new")

    assert path.read_text() == "new"
    assert mode_of(path) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["stack.json"]


def test_what_one_holds_another_cannot(folder: DataFolder) -> None:
    with (
        folder.hold("stack"),
        pytest.raises(DataFolderInUse, match=f"Process {os.getpid()} already runs stack"),
        open_data_folder(folder.path).hold("stack"),
    ):
        pass


def test_what_was_let_go_can_be_held_again(folder: DataFolder) -> None:
    with folder.hold("stack"):
        pass

    with folder.hold("stack"), folder.hold("nats"):
        pass


def test_a_port_is_kept(folder: DataFolder) -> None:
    port = folder.port("bids")

    assert port in PORTS
    assert open_data_folder(folder.path).port("bids") == port


def test_a_kept_port_that_is_taken_gives_way_to_another(folder: DataFolder) -> None:
    port = folder.port("bids")

    with socket.create_server((LOOPBACK, port)):
        other = folder.port("bids")

    assert other != port


def test_no_two_children_are_given_one_port(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = folder.port("bids")
    monkeypatch.setattr("deploy.local.places.PORTS", range(first, first + 1))

    with pytest.raises(PortTaken):
        folder.port("notify")


def test_a_wanted_port_that_is_taken_is_refused(folder: DataFolder) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=f"Port {port} for bids is taken"):
            folder.port("bids", wanted=port)


def test_a_wanted_port_that_is_free_is_taken(folder: DataFolder) -> None:
    free = folder.port("auctions")

    assert folder.port("bids", wanted=free) == free


def test_a_folder_with_other_things_in_it_is_left_alone(place: Path) -> None:
    place.chmod(0o755)
    (place / "thesis.txt").write_text("mine")

    with pytest.raises(DataFolderForeign, match="holds other things"):
        open_data_folder(place)

    assert mode_of(place) == 0o755


def test_a_file_is_no_data_folder(place: Path) -> None:
    (place / "file").write_text("")
    (place / "file").chmod(0o755)

    with pytest.raises(DataFolderUnwritable):
        open_data_folder(place / "file")
    with pytest.raises(DataFolderUnwritable):
        open_data_folder(place / "file" / "below")


def test_a_relative_folder_counts_from_here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)

    folder = open_data_folder(Path("deep/down"))

    assert folder.path == place / "deep" / "down"


def test_the_default_folder_is_one_that_the_servers_reach() -> None:
    account = servers_account()

    assert account is None or first_closed_folder(default_data(), account) is None


@as_root
def test_root_may_not_keep_data_below_a_closed_folder(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(DataFolderClosed, match=f"may not pass {closed}"):
        open_data_folder(closed / "data")

    assert mode_of(closed) == 0o700
    assert not (closed / "data").exists()


@as_root
def test_the_servers_can_pass_roots_data_folder_but_not_list_it(folder: DataFolder) -> None:
    assert mode_of(folder.path) == 0o711
    assert folder.path.stat().st_uid == 0


def test_every_folder_above_must_be_passable(place: Path) -> None:
    inner = place / "one" / "two"
    inner.mkdir(parents=True)
    place.chmod(0o755)

    open_way = first_closed_folder(inner, STRANGER)
    (place / "one").chmod(0o744)
    closed_way = first_closed_folder(inner, STRANGER)

    assert open_way is None
    assert closed_way == place / "one"


def test_a_folder_that_is_not_there_yet_closes_nothing(place: Path) -> None:
    place.chmod(0o755)

    assert first_closed_folder(place / "not" / "yet", STRANGER) is None


@pytest.fixture
def programs(place: Path) -> Path:
    source = place / "wheel"
    (source / "bin").mkdir(parents=True)
    (source / "share").mkdir()
    (source / "bin" / "server").write_text("#!")
    (source / "bin" / "server").chmod(0o700)
    (source / "share" / "words").write_text("text")
    (source / "share" / "words").chmod(0o600)
    place.chmod(0o755)
    return source


def test_programs_out_of_reach_are_copied_with_their_layout(programs: Path) -> None:
    copy = programs.parent / "copy"

    root = runnable(programs, ("bin/server", "share"), copy, STRANGER)

    assert root == copy
    assert mode_of(copy / "bin" / "server") == 0o755
    assert mode_of(copy / "share" / "words") == 0o644
    assert mode_of(programs / "bin" / "server") == 0o700


def test_programs_within_reach_run_where_they_are(programs: Path) -> None:
    (programs / "bin" / "server").chmod(0o755)

    root = runnable(programs, ("bin/server", "share"), programs.parent / "copy", STRANGER)

    assert root == programs
    assert not (programs.parent / "copy").exists()


def test_nothing_is_copied_for_one_who_stays_who_he_is(programs: Path) -> None:
    assert runnable(programs, ("bin/server",), programs.parent / "copy", None) == programs


def test_a_copy_that_is_there_is_used_again_and_a_half_made_one_is_not(programs: Path) -> None:
    copy = programs.parent / "copy"
    draft = programs.parent / "copy.draft"
    draft.mkdir()
    (draft / "half").write_text("")
    runnable(programs, ("bin/server",), copy, STRANGER)
    (copy / "mark").write_text("")

    runnable(programs, ("bin/server",), copy, STRANGER)

    assert (copy / "mark").exists()
    assert not (copy / "half").exists()
