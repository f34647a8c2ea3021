"""The folder in which the workers of one server keep their ledgers, and from which any of them reads the sum.

Whoever reads holds the folder's lock together with other readers; whoever folds the files of ended workers into the
archive, or adds a file, holds it alone. So a reader finds each worker's counts in its file or in the archive, never in
both and never in none. Should a process die while it folds, the archive says which files it holds already.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aligntax.ledger import Ledger, View
from aligntax.workers import archive
from aligntax.workers.file import OWN_NAME, SUFFIX, WorkerFile
from aligntax.workers.identity import Server
from aligntax.workers.layout import DIGEST
from aligntax.workers.locks import shared_or_alone
from aligntax.workers.merging import all_running, merged
from aligntax.workers.mounts import MOUNT_TABLE, mount_of
from aligntax.workers.reading import Contents, DamagedLedgerError, UnfinishedLedgerError, is_unfinished, read, server_of

LOCK = "folder.lock"
SERVER = "server.json"
START_PATIENCE_SECONDS = 20.0
READ_PATIENCE_SECONDS = 5.0
FOLD_PATIENCE_SECONDS = 0.05
MAX_COMPLAINTS = 64

logger = logging.getLogger("aligntax")


class LedgerFolder:
    """A folder of one server's ledgers; made if it is not there.

    Args:
        path: the folder, on a local file system.
        mount_table: where to look up which one that is.

    Raises:
        ValueError: if it is on a network file system.
        OSError: if it cannot be made or looked up.
    """

    def __init__(self, path: Path | str, mount_table: Path = MOUNT_TABLE) -> None:
        self.path = Path(path).absolute()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mount = mount_of(self.path, mount_table)
        if mount.is_network:
            raise ValueError(
                f"ledger_dir={str(self.path)!r} is on a network file system ({mount.type}, mounted at {mount.point}), "
                "where workers cannot share memory; use a folder on this machine, best in memory, as /dev/shm is"
            )
        self._archive = self.path / f"{archive.PREFIX}{DIGEST.hex()[:12]}{SUFFIX}"
        self._complained: set[str] = set()

    # -- writing -----------------------------------------------------------------------------------------------------

    def add(self, ledger: Ledger, server: Server, patience_seconds: float = START_PATIENCE_SECONDS) -> WorkerFile:
        """Move a ledger into a new file of this folder.

        Args:
            ledger: whose counts are kept there from now on.
            server: whom this process works for.
            patience_seconds: how long to wait for others to be done with the folder.

        Raises:
            ValueError: if another server uses the folder.
            TimeoutError: if the folder stays locked.
            OSError: if the file cannot be made.
        """
        with self._alone(patience_seconds):
            previous = self._server()
            self._refuse_others(server, previous)
            # Here, too, or the files of workers that end as soon as they start would fill the disk of a server that
            # nobody scrapes.
            self._fold(server)
            if previous is None or previous[0] != server:
                self._write_server(server, [])
            return WorkerFile(self.path, ledger, server)

    @contextmanager
    def claiming(self, address: str, server: Server) -> Iterator[bool]:
        """Hold the folder alone while an address is bound for all workers; yield whether a worker has done it before.

        If the block raises, the address stays unclaimed.
        """
        with self._alone(START_PATIENCE_SECONDS):
            known = self._server()
            addresses = known[1] if known is not None and known[0] == server else []
            yield address in addresses
            if address not in addresses:
                self._write_server(server, [*addresses, address])

    # -- reading -----------------------------------------------------------------------------------------------------

    def view(self, server: Server) -> View:
        """Return the sum of all workers' ledgers, of those alive and of those that have ended.

        Raises:
            TimeoutError: if the folder stays locked.
            OSError: if it cannot be read.
        """
        with shared_or_alone(self.path / LOCK, alone=False, patience_seconds=READ_PATIENCE_SECONDS):
            past = self._read_archive()
            members = past.members if past else frozenset[str]()
            files = self._files()
            workers = [self._read(path) for path in files if path.name not in members]
        found = [content for content in workers if content is not None]
        if not all(content.alive for content in found) or any(path.name in members for path in files):
            # If the folder is busy, the next one will do it: until then the files are read like those of the living.
            with suppress(TimeoutError), self._alone(FOLD_PATIENCE_SECONDS):
                self._fold(server)
        total = merged([content.ledger for content in (*([past] if past else []), *found)])
        return View(total, all_running((content.running for content in found if content.alive), total.layers))

    # -- inside ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self, patience_seconds: float) -> Iterator[None]:
        with shared_or_alone(self.path / LOCK, alone=True, patience_seconds=patience_seconds):
            yield

    def _files(self) -> list[Path]:
        """Return the workers' files, those that started first at the front, so that merging keeps their order."""
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
        return [self.path / name for name in sorted(names, key=_by_start) if not name.startswith(archive.PREFIX)]

    def _read(self, path: Path) -> Contents | None:
        """Return what a worker's file holds; None if it is not there or no ledger that we may read, logged once.

        Any other error is raised: a scrape that fails is better than one that forgets a worker for once.
        """
        try:
            return read(path)
        except (FileNotFoundError, UnfinishedLedgerError):
            return None
        except (PermissionError, DamagedLedgerError) as error:
            self._complain(path.name, f"is left out: {error}; if it is not needed, remove it")
            return None

    def _read_archive(self) -> Contents | None:
        try:
            return read(self._archive)
        except FileNotFoundError:
            return None
        except DamagedLedgerError as error:
            self._complain(self._archive.name, f"is left out, with the counts of workers that have ended: {error}")
            return None

    def _fold(self, server: Server) -> None:
        """Move the counts of ended workers to the archive. If that fails, everything stays as it was."""
        try:
            self._fold_dead(server)
        except OSError as error:
            self._complain("folding", f"failed, and is tried again at each scrape: {error}")

    def _fold_dead(self, server: Server) -> None:
        past = self._read_archive()
        members = past.members if past else frozenset[str]()
        # Whoever folded these died, or failed, before they were removed.
        left = [path for path in self._files() if path.name in members and not self._remove(path)]
        dead: dict[Path, Contents] = {}
        for path in self._files():
            content = self._read(path) if path.name not in members else None
            if content is not None and not content.alive:
                dead[path] = content
            elif content is None and _was_never_finished(path):
                self._remove(path)
        if not dead:
            return
        if past is None and self._archive.exists():
            # It could not be read, and was complained about; it must not be lost as well.
            self._archive.replace(self._archive.with_suffix(".damaged"))
        total = merged([content.ledger for content in (*([past] if past else []), *dead.values())])
        archive.write_archive(self._archive, total, server, [path.name for path in (*left, *dead)])
        for path in dead:
            self._remove(path)

    def _remove(self, path: Path) -> bool:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._complain(path.name, f"is counted already, and cannot be removed: {error}")
            return False
        return True

    def _refuse_others(self, server: Server, previous: tuple[Server, list[str]] | None) -> None:
        for path in self._files():
            try:
                other, alive = server_of(path)
            except (FileNotFoundError, PermissionError, DamagedLedgerError):
                continue
            if alive and other != server:
                raise _taken(self.path, other, server)
        if previous is not None and previous[0] != server and previous[0].is_alive:
            raise _taken(self.path, previous[0], server)

    def _server(self) -> tuple[Server, list[str]] | None:
        """Return the server that the folder belongs to, and the addresses that its workers share; None for nobody."""
        try:
            data: dict[str, Any] = json.loads((self.path / SERVER).read_bytes())
            return Server.from_dict(data), [str(address) for address in data.get("addresses", [])]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            self._complain(SERVER, "cannot be understood, and is written anew")
            return None

    def _write_server(self, server: Server, addresses: list[str]) -> None:
        target = self.path / SERVER
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps({**server.to_dict(), "addresses": addresses}) + "\n", encoding="utf-8")
        partial.replace(target)

    def _complain(self, what: str, why: str) -> None:
        """Log a trouble with a file once."""
        if what not in self._complained and len(self._complained) < MAX_COMPLAINTS:
            self._complained.add(what)
            logger.warning("aligntax: in the ledger folder %s, %s %s", self.path, what, why)


def _by_start(name: str) -> tuple[int, str]:
    """Sort by the start of the process, which is the second number in the name, where there is one."""
    found = OWN_NAME.fullmatch(name)
    return (int(found[1]) if found else 0, name)


def _was_never_finished(path: Path) -> bool:
    """Return whether a file is of a process that was ended while it made it; asked by who holds the folder alone."""
    try:
        return OWN_NAME.fullmatch(path.name) is not None and is_unfinished(path)
    except (OSError, DamagedLedgerError):
        return False


def _taken(path: Path, other: Server, server: Server) -> ValueError:
    return ValueError(
        f"ledger_dir={str(path)!r} is in use by {other}, and cannot be shared by {server}: "
        "give each server a folder of its own, or, if they are workers of one server, pass the same server name to all"
    )
