"""Tells whether a folder is on a network file system, where neither locks nor shared memory maps can be relied on.

Source: proc_pid_mountinfo(5), for the format and its octal escapes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

MOUNT_TABLE = Path("/proc/self/mountinfo")
NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs", "acfs"),
        *("ceph", "glusterfs", "lustre", "beegfs", "gpfs", "pvfs2", "orangefs", "panfs", "wekafs", "quobyte"),
        *("ocfs2", "gfs", "gfs2"),  # disks that several machines share
        *("moosefs", "mfs", "juicefs", "cvmfs2", "s3fs", "sshfs", "gcsfuse", "goofys", "blobfuse", "blobfuse2"),
        *("rclone", "ceph-fuse", "cephfs", "hdfs", "curlftpfs", "seaweedfs", "mount-s3", "mountpoint-s3", "efs"),
    }
)
"""File system types, and the names of FUSE programs, that keep their files on other machines."""


class Mount(NamedTuple):
    """One line of the mount table: where, what type, and the file system's own options."""

    point: str
    type: str
    options: frozenset[str]

    @property
    def is_network(self) -> bool:
        """Whether its files are on another machine, or on a disk that other machines write to."""
        if self.type == "9p":
            # Virtual machines and sandboxes hand their host's files in by 9p, through memory or a pipe.
            return not self.options.isdisjoint({"trans=tcp", "trans=rdma"})
        return self.type.removeprefix("fuse.") in NETWORK_TYPES


def mount_of(folder: Path, table: Path = MOUNT_TABLE) -> Mount:
    """Return the mount that a folder, which exists, is on.

    Args:
        folder: the folder; symbolic links are followed.
        table: a mount table in the format of /proc/self/mountinfo.

    Raises:
        OSError: if there is no such table, or the folder is on none of its mounts.
    """
    path = folder.resolve()
    found = None
    for line in table.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        mount = _parsed(line)
        # Of two mounts at one place the later one hides the earlier one.
        if mount and path.is_relative_to(mount.point) and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    if found is None:
        raise OSError(f"{folder} is on none of the mounts in {table}")
    return found


def _parsed(line: str) -> Mount | None:
    before, separator, after = line.partition(" - ")
    left, right = before.split(" "), after.split(" ")
    if not separator or len(left) < 5 or len(right) < 3:
        return None
    return Mount(_unescaped(left[4]), right[0], frozenset(right[2].split(",")))


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
