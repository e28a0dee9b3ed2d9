"""RSA and Ed25519: the only module that knows the cryptography library."""

import base64
from collections.abc import Callable
from typing import TypeVar

from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

_Key = TypeVar("_Key")

ED25519_SIGNATURE_SIZE = 64
ED25519_KEY_SIZE = 32
LEAST_RSA_BITS = 1024
"""What old senders still use; below, anybody could make the private key."""

PUBLIC_PREFIX = "whpk_"
PRIVATE_PREFIX = "whsk_"

_hashes: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha1": hashes.SHA1(),  # noqa: S303 - what the sender uses is not ours to choose
    "sha512": hashes.SHA512(),
}


def rsa_prover(public_key: str, hash_name: str) -> Callable[[bytes, bytes], bool]:
    """Take a public key as PEM; raises ValueError with what is wrong with it."""
    key = _load(serialization.load_pem_public_key, public_key)
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_RSA_BITS:
        raise ValueError(f"is no RSA public key of {LEAST_RSA_BITS} bits or more")
    algorithm = _hashes[hash_name]

    def prove(message: bytes, signature: bytes) -> bool:
        return _is_right(lambda: key.verify(signature, message, padding.PKCS1v15(), algorithm))

    return prove


def rsa_signer(private_key: str, hash_name: str) -> Callable[[bytes], bytes]:
    """Take a private key as PEM, without a password; raises ValueError with what is wrong with it."""
    key = _load(lambda pem: serialization.load_pem_private_key(pem, password=None), private_key)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("is no RSA private key")  # noqa: TRY004 - it is the text that is wrong
    algorithm = _hashes[hash_name]
    return lambda message: key.sign(message, padding.PKCS1v15(), algorithm)


def new_rsa_keys() -> tuple[str, str]:
    """Return a new private and public key as PEM."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private_pem.decode(), public_pem.decode()


def ed25519_prover(public_key: str) -> Callable[[bytes, bytes], bool]:
    """Take `whpk_` and base64; raises ValueError with what is wrong with it."""
    key = Ed25519PublicKey.from_public_bytes(_decode(public_key, PUBLIC_PREFIX, {ED25519_KEY_SIZE}))

    def prove(message: bytes, signature: bytes) -> bool:
        return _is_right(lambda: key.verify(signature, message))

    return prove


def ed25519_signer(private_key: str) -> Callable[[bytes], bytes]:
    """Take `whsk_` and base64 of the private key, with or without the public one behind it; raises ValueError."""
    data = _decode(private_key, PRIVATE_PREFIX, {ED25519_KEY_SIZE, 2 * ED25519_KEY_SIZE})
    return Ed25519PrivateKey.from_private_bytes(data[:ED25519_KEY_SIZE]).sign


def new_ed25519_keys() -> tuple[str, str]:
    """Return a new private and public key in the notation of Standard Webhooks."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    private = key.private_bytes_raw() + public
    return PRIVATE_PREFIX + base64.b64encode(private).decode(), PUBLIC_PREFIX + base64.b64encode(
        public
    ).decode()


def _load(load: Callable[[bytes], _Key], pem: str) -> _Key:
    try:
        return load(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no key in PEM form") from None


def _decode(text: str, prefix: str, sizes: set[int]) -> bytes:
    try:
        data = base64.b64decode(text.removeprefix(prefix), validate=True)
    except ValueError:
        data = b""
    if not text.startswith(prefix) or len(data) not in sizes:
        raise ValueError(f"is not {prefix!r} and a key in base64")
    return data


def _is_right(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except WrongSignature:
        return False
    return True
