"""Notes: what the folders of a report say of themselves, such as that their data are made up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

__all__ = ["FILE", "Note", "notes_of"]

FILE = "note.txt"
MAX_BYTES = 2_000


class Note(NamedTuple):
    """What a reader must know before anything else, and the file that says so."""

    source: str
    text: str


def notes_of(folders: Iterable[Path]) -> tuple[Note, ...]:
    """Return the notes of folders, each once: what their files `note.txt` say, as one paragraph.

    Raises:
        ValueError: if one cannot be read, or is too long; names the file and the mend.
    """
    unique = {folder.resolve(): folder for folder in folders}
    found = (_note(folder) for folder in unique.values() if (folder / FILE).is_file())
    return tuple({note.text: note for note in found if note.text}.values())


def _note(folder: Path) -> Note:
    path = folder / FILE
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ValueError(f"{path}: has more than {MAX_BYTES:,} bytes; say in a few lines what must be known")
        return Note(f"{folder.resolve().name}/{FILE}", " ".join(text.decode("utf-8").split()))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); mend it, or take it away") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text in UTF-8 ({error.reason}); write it anew, or take it away") from error
