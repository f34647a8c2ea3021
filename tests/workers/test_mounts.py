"""Network file systems are refused, by the mount table."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntax import Profiler
from aligntax.workers.folder import LedgerFolder
from aligntax.workers.mounts import NETWORK_TYPES, mount_of

ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("type_", "options", "network"),
    [
        *((name, "rw", True) for name in ("nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "gpfs", "afs", "ocfs2")),
        *((f"fuse.{name}", "rw,user_id=0", True) for name in ("sshfs", "glusterfs", "ceph-fuse", "gcsfuse", "juicefs")),
        *((name, "rw", False) for name in ("ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk", "virtiofs")),
        ("fuse.fuse-overlayfs", "rw", False),
        ("9p", "rw,trans=fd,rfdno=4,wfdno=4", False),
        ("9p", "rw,access=client,trans=virtio", False),
        ("9p", "rw,trans=tcp,port=564", True),
    ],
)
def test_types(tmp_path: Path, type_: str, options: str, network: bool) -> None:
    mounts = table(tmp_path, f"{ROOT}30 22 0:50 / {tmp_path} rw,nosuid - {type_} somewhere {options}\n")
    mount = mount_of(tmp_path, mounts)
    assert (mount.type, mount.is_network) == (type_, network)
    if not network:
        assert LedgerFolder(tmp_path / "ledgers", mounts).path.is_dir()
        return
    with pytest.raises(ValueError, match=rf"network file system \({type_}, mounted at .*use a folder on this machine"):
        LedgerFolder(tmp_path / "ledgers", mounts)


def test_the_nearest_mount_counts_and_the_last_of_those_at_one_place(tmp_path: Path) -> None:
    folder = tmp_path / "with space" / "ledgers"
    folder.mkdir(parents=True)
    escaped = str(folder.parent).replace(" ", "\\040")
    lines = [
        ROOT,
        f"31 22 0:51 / {tmp_path} rw - nfs4 host:/x rw\n",
        f"32 31 0:52 / {escaped} rw master:1 propagate_from:2 - cifs //host/x rw\n",
        f"33 32 0:53 / {escaped} rw - tmpfs tmpfs rw\n",
        f"34 31 0:54 / {tmp_path}/with rw - nfs host:/y rw\n",
        "a broken line - of\n",
    ]
    mounts = table(tmp_path, "".join(lines))
    assert mount_of(folder, mounts).type == "tmpfs"
    assert mount_of(tmp_path, mounts).type == "nfs4"
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert mount_of(link, mounts).type == "tmpfs"


def test_no_mount_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mount_of(tmp_path, tmp_path / "nothing")
    with pytest.raises(OSError, match="on none of the mounts"):
        mount_of(tmp_path, table(tmp_path, "\n"))


def test_this_machine_has_a_local_folder_for_tests(tmp_path: Path) -> None:
    assert not mount_of(tmp_path).is_network
    assert "ext4" not in NETWORK_TYPES
    Profiler(ledger_dir=tmp_path / "ledgers", drain_seconds=0).close()
