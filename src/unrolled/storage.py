"""Arrays and plain values on disk, whole or not at all: safetensors and JSON, never pickle; knows no model.

A saved folder is one unit. `checkpoint.json` names every other file of the unit with its size and SHA-256, and carries
a checksum of itself; putting it in place with one atomic rename is what makes a save happen. The other files' names say
what is in them, so none is written over, and old ones are removed only after that rename: whoever reads meanwhile, or
is killed, finds the last unit whole or the new one. Whoever writes waits until no other process does. Files that are
not ours are left alone; ours are those that the index names, and each `NAME-HASH.json` or `NAME-HASH.safetensors` whose
HASH is how the SHA-256 of its own content begins.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from unrolled.errors import CheckpointError
from unrolled.shapes import Array

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None

__all__ = ["Unit", "former_index", "holds_unit", "read_unit", "write_atomic", "write_unit"]

INDEX = "checkpoint.json"
FORMAT = 1
HASHED = re.compile(r"[^.].*-([0-9a-f]{12})\.(?:json|safetensors)")
HALF = re.compile(r"\..+\.(?:json|safetensors)-\d+\.part")


class Unit(NamedTuple):
    """What a folder holds: plain values and named groups of arrays."""

    record: dict[str, Any]  # changes from save to save; for JSON
    documents: dict[str, Any]  # name -> what never changes; for JSON
    arrays: dict[str, dict[str, Array]]  # group -> name -> array


def write_atomic(path: Path, content: bytes) -> None:
    """Puts a file in place whole: written beside it, brought to the disk, then renamed over it."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and does not need it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Waits until nobody else writes into the folder; the system gives back the lock of a process that is killed.

    Where the system or the file system has no such locks, it goes on without.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_unit(folder: Path, unit: Unit, replace: bool = False) -> None:
    """Saves a unit into a folder, in place of the one that it holds; one after the other where several do.

    Args:
        folder: created where it does not exist.
        unit: its groups are those that the folder's unit already has, if it has one, and so are its documents.
        replace: whether the documents may be others.

    Raises:
        CheckpointError: the folder holds a unit with other groups or documents, an index that is none of ours or is
            altered, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _write(folder, unit, replace)
    except OSError as error:
        raise CheckpointError(
            f"`{folder}` cannot be written ({error.strerror}); is the disk full, or not yours?"
        ) from error


def _write(folder: Path, unit: Unit, replace: bool) -> None:
    from safetensors.numpy import save

    contents = {f"{name}.json": _to_json(value) for name, value in unit.documents.items()}
    former = former_index(folder)
    old: dict[str, Any] = {} if former is None else former["files"]
    if former is not None:
        groups = {key for key in old if not key.endswith(".json")}
        if groups != unit.arrays.keys():
            raise CheckpointError(
                f"`{folder}` holds something else: {_listed(groups)}, where {_listed(unit.arrays)} would be saved; "
                "save to a folder of its own"
            )
        for name, content in contents.items():
            if not replace and (name not in old or old[name]["sha256"] != _sha256(content)):
                raise CheckpointError(
                    f"`{folder}` holds another model: its {name} differs; save to a folder of its own"
                )
    contents |= {group: save(dict(arrays)) for group, arrays in unit.arrays.items()}
    files = {key: _write_hashed(folder, key, content) for key, content in contents.items()}
    index: dict[str, Any] = {"format": FORMAT, "files": files, "record": unit.record}
    write_atomic(folder / INDEX, _to_json(index | {"checksum": _checksum(index)}))  # from here on it is saved
    with suppress(OSError):  # what cannot be removed now, the next save removes
        _sweep(folder, {entry["name"] for entry in old.values()}, keep={entry["name"] for entry in files.values()})


def former_index(folder: Path) -> dict[str, Any] | None:
    """The index of the unit in whose place the next will be saved; `None` where there is none.

    Raises:
        CheckpointError: the folder holds an index that is none of ours, or is altered.
    """
    if not holds_unit(folder):
        return None
    try:
        return _read_index(folder)
    except CheckpointError as error:
        raise CheckpointError(
            f"`{folder / INDEX}` is not replaced, as it is altered or was written by something else; "
            "save to a folder of its own"
        ) from error


def _write_hashed(folder: Path, key: str, content: bytes) -> dict[str, Any]:
    """Writes a file under a name that changes with its content, unless it is there; gives its entry in the index."""
    digest = _sha256(content)
    stem, dot, ending = key.rpartition(".")
    path = folder / (f"{stem}-{digest[:12]}.{ending}" if dot else f"{key}-{digest[:12]}.safetensors")
    if not path.exists() or path.read_bytes() != content:
        write_atomic(path, content)
    return {"name": path.name, "bytes": len(content), "sha256": digest}


def _sweep(folder: Path, old: Collection[str], keep: Collection[str]) -> None:
    """Removes the last unit's files, and what killed saves left behind; nothing that is not ours."""
    for path in folder.iterdir():
        if path.name not in keep and (path.name in old or _left_behind(path)):
            path.unlink(missing_ok=True)


def _left_behind(path: Path) -> bool:
    hashed = HASHED.fullmatch(path.name)
    if hashed is None:
        return HALF.fullmatch(path.name) is not None
    return path.is_file() and _sha256(path.read_bytes()).startswith(hashed[1])


def _listed(groups: Collection[str]) -> str:
    return " and ".join(sorted(groups)) or "no arrays"


def holds_unit(folder: Path) -> bool:
    """Whether something was saved here, whole or altered since."""
    return (folder / INDEX).exists()


def read_unit(folder: Path, groups: tuple[str, ...] | None = None) -> Unit:
    """Reads what a folder holds, and checks every byte of it.

    Args:
        folder: where `write_unit` saved.
        groups: which groups of arrays; all by default.

    Raises:
        CheckpointError: the folder is none, was never saved to, or any file in it is missing, truncated or altered.
    """
    while True:
        before = _stamp(folder)
        try:
            return _read_once(folder, groups)
        except CheckpointError:
            if _stamp(folder) == before:  # else training has just saved the next unit: read that one
                raise


def _stamp(folder: Path) -> tuple[int, int, bytes] | None:
    """Tells one index from another, also from one of the same content that was put in place later."""
    path = folder / INDEX
    try:
        status = path.stat()
        return status.st_ino, status.st_mtime_ns, path.read_bytes()
    except OSError:
        return None


def _read_once(folder: Path, groups: tuple[str, ...] | None) -> Unit:
    from safetensors.numpy import load

    if folder.is_file():
        remedy = f"its folder, `{folder.parent}`" if holds_unit(folder.parent) else "the folder that training wrote to"
        raise CheckpointError(f"`{folder}` is a file, expected a run folder; give {remedy}")
    if not folder.is_dir():
        raise CheckpointError(f"`{folder}` does not exist, expected a run folder; check the path")
    if not holds_unit(folder):
        raise CheckpointError(
            f"`{folder}` is not a run folder: it has no {INDEX}; give the folder that training wrote to"
        )
    index = _read_index(folder)
    documents: dict[str, Any] = {}
    arrays: dict[str, dict[str, Array]] = {}
    for key, entry in index["files"].items():
        if key.endswith(".json"):
            documents[key.removesuffix(".json")] = json.loads(_read_checked(folder, entry))
        elif groups is None or key in groups:
            arrays[key] = load(_read_checked(folder, entry))
    for group in groups or ():
        if group not in arrays:
            raise CheckpointError(
                f"`{folder}` holds no {group} state, expected {', '.join(groups or ())}; "
                "it holds a model, but no run to go on with"
            )
    return Unit(index["record"], documents, arrays)


def _read_index(folder: Path) -> dict[str, Any]:
    altered = CheckpointError(
        f"`{folder / INDEX}` is truncated or altered; restore the folder from a copy, or train again"
    )
    try:
        index = dict[str, Any](json.loads((folder / INDEX).read_bytes()))
    except OSError as error:
        raise CheckpointError(f"`{folder / INDEX}` cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, TypeError):
        raise altered from None
    checksum = index.pop("checksum", None)
    if index.get("format") != FORMAT:
        raise CheckpointError(
            f"`{folder}` has format {index.get('format')}, expected {FORMAT}; "
            "was it saved by another version of unrolled?"
        )
    if checksum != _checksum(index):
        raise altered
    return index


def _read_checked(folder: Path, entry: Mapping[str, Any]) -> bytes:
    path = folder / entry["name"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"`{path}` cannot be read ({error.strerror}), but {INDEX} names it; "
            "restore the folder from a copy, or train again"
        ) from None
    if len(content) != entry["bytes"]:
        raise CheckpointError(
            f"`{path}` is truncated or altered: {len(content):,} bytes, expected {entry['bytes']:,}; "
            "restore it from a copy, or train again"
        )
    if _sha256(content) != entry["sha256"]:
        raise CheckpointError(
            f"`{path}` is altered: its SHA-256 is not the one that was saved; restore it from a copy, or train again"
        )
    return content


def _to_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode()


def _checksum(index: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(index, sort_keys=True, allow_nan=False).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
