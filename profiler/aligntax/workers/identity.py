"""Which server a worker belongs to: the process that its workers have in common, or a name that they were given."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
MAX_NAME_LENGTH = 120
_MANAGERS = ("gunicorn", "bentoml")
"""Programs whose workers may have a command line of their own."""


@dataclass(frozen=True, slots=True)
class Server:
    """The identity of a server.

    Attributes:
        pid: of the process whose children the workers are, or of the only process; 0 where the server has a name.
        start_ticks: when that process started, in clock ticks since the machine did; tells it from a later one.
        machine: the boot of the machine, and the namespace that the number is from.
        label: the process's short name, for people; never its command line, which may hold secrets. Or the name.
    """

    pid: int
    start_ticks: int
    machine: str
    label: str

    def __str__(self) -> str:
        """Return what to call it in a message."""
        return f"process {self.pid} ({self.label!r})" if self.pid else f"server {self.label!r}"

    @property
    def is_alive(self) -> bool:
        """Whether its process is known to run; False where that cannot be seen from here, and for a name."""
        return bool(self.pid) and self.machine == machine() and started(self.pid) == self.start_ticks

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Server:
        """Return what `to_dict` was called on; KeyError, TypeError or ValueError for anything else."""
        return Server(int(data["pid"]), int(data["start_ticks"]), str(data["machine"]), str(data["label"]))


def this_server(name: str | None = None) -> Server:
    """Return the server that this process works for.

    Workers that `multiprocessing` started, as uvicorn's are, those of gunicorn and BentoML, and those that any other
    process has forked, belong to their parent. Any other process is a server by itself.

    Args:
        name: what the workers agree on by themselves; for other process managers.

    Raises:
        ValueError: for a name that is empty, unprintable or longer than 120 characters.
        OSError: if /proc is not there.
    """
    if name is not None:
        if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= MAX_NAME_LENGTH):
            raise ValueError(
                f"server name {name!r:.80} must be a printable string of 1 to {MAX_NAME_LENGTH} characters; "
                "pass the same one to all workers of a server"
            )
        return Server(0, 0, "", name)
    pid = os.getpid()
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        pid = parent.pid
    elif _is_worker_of(os.getppid()):
        pid = os.getppid()
    ticks = started(pid)
    if ticks is None and pid != os.getpid():  # the parent has just died; nobody will join us
        pid = os.getpid()
        ticks = started(pid)
    if ticks is None:
        raise OSError(f"{PROC}/{pid}/stat cannot be read; files of workers need Linux and its {PROC}")
    return Server(pid, ticks, machine(), _text(PROC / str(pid) / "comm").strip())


def started(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the machine did; None if it does not run any more."""
    # The second field is the program's name in brackets, and may itself hold brackets and spaces.
    fields = _text(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 and fields[0] not in {"Z", "X"} else None


def machine() -> str:
    """Return what tells process numbers of this boot and namespace from others."""
    try:
        namespace = (PROC / "self/ns/pid").readlink()
    except OSError:
        namespace = Path("?")
    return f"{_text(PROC / 'sys/kernel/random/boot_id').strip()} {namespace}"


def _is_worker_of(pid: int) -> bool:
    command = _command(pid)
    managed = any(name in Path(argument).name for argument in command[:3] for name in _MANAGERS)
    return bool(command) and (managed or command == _command(os.getpid()))


def _command(pid: int) -> list[str]:
    return [argument for argument in _text(PROC / str(pid) / "cmdline").split("\0") if argument]


def _text(path: Path) -> str:
    """Return what a file of /proc says; nothing if its process has gone, or is none of ours."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
