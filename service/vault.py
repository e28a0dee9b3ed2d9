"""Seals the secrets that have to be read again: addresses, signing secrets, access tokens, refused deliveries.

The key is a setting or a file in the data folder, never in the database. Of several keys the first one seals and
each one opens, so that a key can be changed: seal anew with the new one, then take the old one away.
"""

import os
from pathlib import Path
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.errors import InvalidInput, SealBroken

KEY_FILE = "secret.key"


class Vault:
    """Seals and opens; made once for each process. Safe for threads."""

    def __init__(self, keys: str) -> None:
        """`keys` as the setting has them: with commas between, the newest first."""
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])

    def seal(self, content: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._fernet.encrypt(content)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raises SealBroken."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealBroken(
                "a sealed secret can't be opened: MARKETABLE_SECRET_KEY is not the key that sealed it"
            ) from None

    def renew(self, sealed: bytes) -> bytes:
        """Seal with the newest key what any of the keys opens; raises SealBroken."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise SealBroken("a sealed secret can't be opened with any of the keys") from None


def new_key() -> str:
    """Return a key that only chance knows."""
    return Fernet.generate_key().decode()


def open_vault(keys: str, data_dir: Path, *, may_make: bool) -> Vault:
    """Return the vault of the setting, or else of the key file in the data folder.

    `may_make` lets the file be made where there is none: right where one data folder belongs to one database.
    Raises InvalidInput when there is no key.
    """
    return Vault(keys or _read_key(data_dir / KEY_FILE, may_make=may_make))


class VaultSettings(Protocol):
    """The settings that a vault goes by."""

    @property
    def secret_key(self) -> str:
        """Keys, the newest first, with commas between; empty for the file in the data folder."""

    @property
    def data_dir(self) -> Path:
        """Where the key file is."""

    @property
    def is_embedded_database(self) -> bool:
        """Whether the data folder belongs to one database, so that a key file may be made."""


def vault_of(settings: VaultSettings) -> Vault:
    """Return what secrets are sealed with; the embedded default makes a key of its own. Raises InvalidInput."""
    return open_vault(settings.secret_key, settings.data_dir, may_make=settings.is_embedded_database)


def _read_key(file: Path, *, may_make: bool) -> str:
    if not file.exists():
        if not may_make:
            raise InvalidInput(
                "there is no key to seal secrets with",
                field="MARKETABLE_SECRET_KEY",
                mend="set it, the same for every process, to what 'marketable key' prints",
            )
        _make(file)
    text = file.read_text(encoding="ascii").strip()
    try:
        Vault(text)
    except ValueError:
        mend = "restore it from a backup: without it no stored secret can be read"
        raise InvalidInput(f"{file} holds no key", mend=mend) from None
    return text


def _make(file: Path) -> None:
    """Write a new key; of two processes that do so at once, the one that comes first wins."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(new_key() + "\n", encoding="ascii")
        try:
            os.link(draft, file)
        except FileExistsError:
            return
        finally:
            draft.unlink()
    except OSError as error:
        raise InvalidInput(
            f"{file} can't be written: {error.strerror}",
            mend="choose a folder that can be written to with DATA_DIR=…",
        ) from None
