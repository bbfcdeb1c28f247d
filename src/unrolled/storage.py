"""Arrays and plain values on disk, whole or not at all: safetensors and JSON, never pickle; knows no model.

A saved folder is one unit. `checkpoint.json` names every other file of the unit with its size and SHA-256, and carries
a checksum of itself; putting it in place with one atomic rename is what makes a save happen. Array files have new names
each time, and old ones are removed only after that rename: whoever is killed in between leaves the last whole unit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from unrolled.errors import CheckpointError
from unrolled.shapes import Array

__all__ = ["Unit", "holds_unit", "read_unit", "write_atomic", "write_unit"]

INDEX = "checkpoint.json"
FORMAT = 1


class Unit(NamedTuple):
    """What a folder holds: plain values and named groups of arrays."""

    record: dict[str, Any]  # changes from save to save; for JSON
    documents: dict[str, Any]  # file name without ending -> what never changes; for JSON
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


def write_unit(folder: Path, unit: Unit) -> None:
    """Saves a unit into a folder, in place of the one that it holds.

    Args:
        folder: created where it does not exist.
        unit: its documents must be those that the folder's unit already has, if it has one.

    Raises:
        CheckpointError: the folder holds a unit with other documents, or cannot be written.
    """
    from safetensors.numpy import save

    try:
        folder.mkdir(parents=True, exist_ok=True)
        documents = {f"{name}.json": _to_json(value) for name, value in unit.documents.items()}
        occupied = holds_unit(folder)
        for name, content in documents.items():
            path = folder / name
            if occupied and (not path.exists() or path.read_bytes() != content):
                raise CheckpointError(
                    f"`{folder}` holds another model: its {name} differs; save to a folder of its own"
                )
            if not occupied:
                write_atomic(path, content)
        files: dict[str, str] = {name: name for name in documents}
        contents = dict(documents)
        for group, arrays in unit.arrays.items():
            content = save(dict(arrays))
            # the name changes with the content, so the file of the last unit is never written over
            name = f"{group}-{hashlib.sha256(content).hexdigest()[:12]}.safetensors"
            write_atomic(folder / name, content)
            files[group], contents[name] = name, content
        index: dict[str, Any] = {
            "format": FORMAT,
            "files": {
                key: {"name": name, "bytes": len(contents[name]), "sha256": hashlib.sha256(contents[name]).hexdigest()}
                for key, name in files.items()
            },
            "record": unit.record,
        }
        write_atomic(folder / INDEX, _to_json(index | {"checksum": _checksum(index)}))  # from here on it is saved
        _sweep(folder, keep={*files.values(), INDEX})
    except OSError as error:
        raise CheckpointError(
            f"`{folder}` cannot be written ({error.strerror}); is the disk full, or not yours?"
        ) from error


def _sweep(folder: Path, keep: set[str]) -> None:
    """Removes what earlier saves, whole or killed, left behind; nothing that is not ours."""
    ours = re.compile(r"[a-z]+-[0-9a-f]{12}\.safetensors|\..+\.(json|safetensors)-\d+\.part")
    for path in folder.iterdir():
        if path.name not in keep and ours.fullmatch(path.name):
            path.unlink(missing_ok=True)


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


def _stamp(folder: Path) -> bytes | None:
    try:
        return (folder / INDEX).read_bytes()
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
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise CheckpointError(
            f"`{path}` is altered: its SHA-256 is not the one that was saved; restore it from a copy, or train again"
        )
    return content


def _to_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode()


def _checksum(index: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(index, sort_keys=True, allow_nan=False).encode()).hexdigest()
