"""One worker of a server: its ledger in a file of the server's folder, and the sum of all workers to look at."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from aligntax.devices.sensor import Reading
from aligntax.ledger import Ledger, View
from aligntax.workers.energy import SharedEnergy
from aligntax.workers.file import WorkerFile
from aligntax.workers.folder import LedgerFolder
from aligntax.workers.identity import this_server

LATE_PATIENCE_SECONDS = 1.0

logger = logging.getLogger("aligntax")


class Worker:
    """Keeps a ledger in a folder that all workers of a server share.

    A forked child is a worker of its own: its ledger starts anew, and gets a file as soon as it is drained.

    Args:
        folder: the server's folder.
        ledger: this process's.
        server: a name that the workers of the server agree on, where they are not children of one process that can be
            recognised, see `aligntax.workers.identity`.

    Raises:
        ValueError: if the folder is on a network file system or used by another server, or for a bad name.
        OSError: if the folder or the file cannot be made.
    """

    def __init__(self, folder: Path | str, ledger: Ledger, server: str | None = None) -> None:
        self._ledger = ledger
        self._server = this_server(server)
        self._folder = LedgerFolder(folder)
        self._file: WorkerFile | None = self._folder.add(ledger, self._server)
        self._energy = SharedEnergy(self._folder.path)
        self._closed = False
        self._complained = False

    def tend(self, running: Mapping[str, int]) -> None:
        """Publish the calls in progress, by layer and in the ledger's order; make a file if there is none yet."""
        if self._file is None and not self._closed:
            try:
                self._file = self._folder.add(self._ledger, self._server, LATE_PATIENCE_SECONDS)
            except (OSError, ValueError) as error:
                if not self._complained:
                    self._complained = True
                    logger.warning("aligntax: a forked worker is not counted yet, and tries again: %s", error)
        file = self._file
        if file is not None:
            file.show_running(running.values())

    def view(self) -> View:
        """Return the sum of all workers; what `LedgerFolder.view` raises."""
        return self._folder.view(self._server)

    def shared(self, readings: Sequence[Reading]) -> list[Reading]:
        """Return what the sensors say with energy that all workers agree on."""
        return self._energy.shared(readings)

    @contextmanager
    def claiming(self, address: str) -> Iterator[bool]:
        """Hold the folder while an address is bound for all workers; yields whether another one has bound it before."""
        with self._folder.claiming(address, self._server) as claimed:
            yield claimed

    def close(self) -> None:
        """Leave the counts to the folder, and go on in private memory."""
        self._closed = True
        file, self._file = self._file, None
        if file is not None:
            file.close(self._ledger)

    def forget_parent(self) -> None:
        """Begin anew in a forked child: what its parent has counted is in the parent's file."""
        file, self._file = self._file, None
        self._ledger.start_anew()
        self._energy.forget_parent()
        if file is not None:
            file.forget()
