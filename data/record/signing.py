"""Ed25519 signatures over trail entries: optional, with the key in a file of its own.

A key is made by ``openssl genpkey -algorithm ed25519 -out trail.key``. It never stands in
settings; they name the file, and a file that others may read is refused.
"""

import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from data.errors import SettingsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Signer:
    """Signs with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Keep the key in memory only."""
        self._key = key
        self.public = key.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """The signature, in hex."""
        return self._key.sign(message).hex()


def load_signer(path: Path) -> Signer:
    """Read a private key in PEM.

    Raises SettingsError where the file is absent, no Ed25519 key, or readable by others.
    """
    try:
        text = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(
            f"signing_key {path}: cannot be read ({error.strerror}). Make one: "
            "openssl genpkey -algorithm ed25519 -out FILE"
        ) from error
    if mode & _OTHERS:
        raise SettingsError(f"signing_key {path}: others may read it. Close it: chmod 600 {path}")
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"signing_key {path}: not an Ed25519 key in PEM without a password. Make one: "
            "openssl genpkey -algorithm ed25519 -out FILE"
        )
    return Signer(key)


def load_public(path: Path) -> str:
    """Read a public key in PEM; return its 32 bytes in hex. Raises SettingsError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}: no public key in PEM. Make it from the private one: "
            "openssl pkey -in KEY -pubout -out FILE"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(f"{path}: not an Ed25519 key.")
    return key.public_bytes_raw().hex()


def is_signed(public: str, signature: str, message: bytes) -> bool:
    """True where the signature over the message is the key's."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
