"""Keys of recordings: a data key a file, wrapped by a master key that lives in a file, outside the database."""

from __future__ import annotations

import hashlib
import os
import secrets
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
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_bytes(KEY_OCTETS).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: of two programs that start at once, one key wins and both use it.
        os.link(draft, path)
        _sync_folder(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return load_key_ring(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
