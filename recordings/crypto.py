"""Keys of recordings: a data key a file, wrapped by a master key that lives in a file, outside the database."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_OCTETS = 32
NONCE_OCTETS = 12


class KeyMissing(Exception):
    """No key of ours opens this recording."""


class BadKeyFile(Exception):
    """The key file is not what we wrote, or others may read it. It is never overwritten."""


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    secret: bytes

    @property
    def key_id(self) -> str:
        """Says which key wrapped a data key, and nothing of the key."""
        return hashlib.sha256(b"dzvin recording key" + self.secret).hexdigest()[:16]

    def wrap(self, data_key: bytes, bound_to: bytes) -> tuple[bytes, bytes]:
        """Nonce and wrapped key; unwrapping needs the same `bound_to`."""
        nonce = secrets.token_bytes(NONCE_OCTETS)
        return nonce, AESGCM(self.secret).encrypt(nonce, data_key, bound_to)

    def unwrap(self, nonce: bytes, wrapped: bytes, bound_to: bytes) -> bytes | None:
        """None when it was altered, or wrapped with another key or for another file."""
        try:
            return AESGCM(self.secret).decrypt(nonce, wrapped, bound_to)
        except (InvalidTag, ValueError):
            return None


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """All master keys; the first one is for new recordings."""

    keys: tuple[MasterKey, ...]

    @property
    def current(self) -> MasterKey:
        return self.keys[0]

    def find(self, key_id: str) -> MasterKey:
        """Raises KeyMissing."""
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise KeyMissing(f"recorded with master key {key_id}, which is not here")


class KeySource:
    """The current key of a key file, read again when the file has changed: a new key serves the next recording."""

    def __init__(self, path: Path) -> None:
        """Raises BadKeyFile, OSError."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._key = self._read()

    def current(self) -> MasterKey:
        """While the file cannot be read, the last one that could."""
        try:
            self._key = self._read()
        except (BadKeyFile, OSError):
            pass
        return self._key

    def _read(self) -> MasterKey:
        status = self._path.stat()
        version = (status.st_mtime_ns, status.st_ino)
        if version == self._seen:
            return self._key
        key = load_key_ring(self._path).current
        self._seen = version
        return key


def load_key_ring(path: Path) -> KeyRing:
    """Read the key file: a key a line, in hexadecimal, the current one first. Raises BadKeyFile, OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r", encoding="ascii", errors="replace") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise BadKeyFile(f"{path}: others may read it; its mode must be 0600")
        lines = file.read(64 * 1024).split()
    try:
        keys = tuple(MasterKey(bytes.fromhex(line)) for line in lines)
    except ValueError as error:
        raise BadKeyFile(f"{path}: not hexadecimal") from error
    if not keys or any(len(key.secret) != KEY_OCTETS for key in keys):
        raise BadKeyFile(f"{path}: not keys of {KEY_OCTETS} octets")
    return KeyRing(keys)


def load_or_create_key_ring(path: Path) -> KeyRing:
    """The same, and a new key (mode 0600, there as a whole or not at all) when there is no file yet."""
    try:
        return load_key_ring(path)
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, (_fresh_key(),))
    try:
        # A link, not a rename: of two programs that start at once, one key wins and both use it.
        os.link(draft, path)
        sync_folder(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return load_key_ring(path)


def add_key(path: Path) -> KeyRing:
    """A new current key before the ones that are there. Raises BadKeyFile, OSError; the file is whole at any moment."""
    return _replace(path, (_fresh_key(), *load_key_ring(path).keys))


def drop_keys(path: Path, keep: Container[str]) -> int:
    """Forget the older keys that are not in `keep`; how many those were. The current one stays. Raises BadKeyFile,
    OSError."""
    keys = load_key_ring(path).keys
    kept = tuple(key for key in keys if key is keys[0] or key.key_id in keep)
    if len(kept) < len(keys):
        _replace(path, kept)
    return len(keys) - len(kept)


def _fresh_key() -> MasterKey:
    return MasterKey(secrets.token_bytes(KEY_OCTETS))


def _replace(path: Path, keys: tuple[MasterKey, ...]) -> KeyRing:
    _draft(path, keys).rename(path)
    sync_folder(path.parent)
    return load_key_ring(path)


def _draft(path: Path, keys: tuple[MasterKey, ...]) -> Path:
    """A key file under another name, on the disk as a whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(key.secret.hex() + "\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
