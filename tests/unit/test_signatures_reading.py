"""A table that is wrong is told all its mistakes at once, each by its key."""

import tomllib

import pytest

from service.domain.reading import Mistake, Reader
from service.errors import InvalidInput
from service.signatures import KEYS, Kind, read_scheme, read_signature
from service.signatures.algorithms import Hash, HmacAlgorithm
from service.signatures.encodings import Encoding
from service.signatures.signed import Signed

NEEDED = {
    Kind.NONE: "",
    Kind.HMAC: 'header = "X"',
    Kind.HASH: 'header = "X"',
    Kind.RSA: 'header = "X"',
    Kind.ED25519: 'header = "X"',
    Kind.JWT_BODY_HASH: 'header = "X"\nissuer = "netlify"',
    Kind.SORTED_PARAMETERS: 'header = "X"',
    Kind.EQUAL: 'place = "bearer"',
}
VALUES = {
    "name": '"X"',
    "key_parts": '["a", "b"]',
    "when": '{ X = "1" }',
    "tolerance": "9",
    "place": '"bearer"',
}


def mistakes_in(table: str) -> list[Mistake]:
    reader = Reader(tomllib.loads(table), "signature")
    read_signature(reader)
    return reader.mistakes


def places(table: str) -> list[str]:
    return [mistake.path for mistake in mistakes_in(table)]


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_can_be_written_in_few_words(kind: Kind) -> None:
    scheme = read_scheme(tomllib.loads(f'kind = "{kind}"\n{NEEDED[kind]}'))
    assert len(scheme.ways) == (kind is not Kind.NONE)


@pytest.mark.parametrize("kind", Kind)
def test_a_key_that_the_kind_does_not_read_is_a_mistake(kind: Kind) -> None:
    every_key = frozenset().union(*KEYS.values())
    for key in every_key - KEYS[kind]:
        table = f'kind = "{kind}"\n{NEEDED[kind]}\n{key} = {VALUES.get(key, chr(34) + "X" + chr(34))}'
        assert f"signature.{key}" in places(table)


def test_a_simple_scheme_has_the_usual_values() -> None:
    (way,) = read_scheme({"kind": "hmac", "header": "X-Signature"}).ways
    assert isinstance(way, Signed)
    assert (way.algorithm, way.encoding, way.time) == (HmacAlgorithm(Hash.SHA256), Encoding.HEX, None)


@pytest.mark.parametrize(
    ("table", "place", "says"),
    [
        ("", "kind", "is missing; choose one of none, hmac, hash"),
        ("kind = 7", "kind", "is the number 7"),
        ('kind = "hmca"', "kind", "is 'hmca'"),
        ('kind = "hmac"', "header", "is missing"),
        ('kind = "hmac"\nheader = ""', "header", "is missing"),
        ('kind = "hmac"\nheader = "X:"', "header", "is 'X:'"),
        ('kind = "hmac"\nheader = ["X"]', "header", "is a list"),
        ('kind = "hash"\nheader = "X"\nsigned = "{body}"', "signed", "leaves out {secret}"),
        ('kind = "jwt-body-hash"\nheader = "X"', "issuer", "is missing"),
        ('kind = "equal"', "place", "is missing"),
        ('kind = "equal"\nplace = "cookie"', "place", "choose one of header, bearer"),
        ('kind = "equal"\nplace = "header"', "name", "is missing"),
        ('kind = "equal"\nplace = "query"', "name", "is missing"),
        ('kind = "equal"\nplace = "bearer"\nname = "X"', "name", "has none"),
        ('kind = "equal"\nplace = "body"\nname = "token"', "name", "a JSON Pointer"),
        ('kind = "equal"\nplace = "body"\nname = "/a~2"', "name", "a JSON Pointer"),
        ("ways = []", "ways", "lists nothing"),
        ("ways = 7", "ways", "is the number 7"),
        ("ways = [7]", "ways[0]", "is the number 7"),
        ('kind = "none"\noptional = true', "optional", "nothing is proved"),
    ],
)
def test_a_mistake_is_told_where_it_is(table: str, place: str, says: str) -> None:
    told = {mistake.path: str(mistake) for mistake in mistakes_in(table)}
    assert says in told[f"signature.{place}"]


@pytest.mark.parametrize(
    ("more", "place", "says"),
    [
        ('headr = "X"', "headr", "write 'header'"),
        ('hash = "md5"', "hash", "choose one of sha256, sha1"),
        ('encoding = "base32"', "encoding", "choose one of hex, base64"),
        ('form = "sha256="', "form", "holds 'sha256='"),
        ('form = "{sig}"', "form", "holds '{sig}'"),
        ('form = "t={timestamp}"', "form", "holds no '{signature}'"),
        ('form = "{timestamp},{signature}"', "form", "can't tell"),
        ('separator = " "', "separator", "without a form"),
        ('signed = "{bdy}"', "signed", "holds '{bdy}'"),
        ('signed = "{body"', "signed", "holds a single '{'"),
        ('signed = "}{body}"', "signed", "holds a single '}'"),
        ('signed = ["{body}", 7]', "signed[1]", "is the number 7"),
        ("signed = []", "signed", "is an empty list"),
        ('signed = "{url}"', "signed", "leaves out {body}"),
        ('signed = ["{body}", "{{body}}"]', "signed", "leaves out {body}"),
        ('signed = "{timestamp}{body}"', "signed", "takes {timestamp}"),
        ('signed = "{id}{body}"', "signed", "takes {id}"),
        ('signed = "{secret}{body}"', "signed", "takes {secret}"),
        ('id_header = "I"', "signed", "leaves out {id}"),
        ('timestamp_header = "T"', "signed", "leaves out {timestamp}"),
        ('timestamp_unit = "ms"', "timestamp_unit", "without a time"),
        ("tolerance = 9", "tolerance", "without a time"),
        (
            'timestamp_header = "T"\nsigned = "{timestamp}{body}"\ntolerance = -1',
            "tolerance",
            "is the number -1",
        ),
        ('unescape = ":"', "unescape", "no {url} is signed"),
        ('signed = "{url}{body}"\nunescape = "%"', "unescape", "is '%'"),
        ('key = "joined"', "key_parts", "fewer than two"),
        ('key_parts = ["a", "b"]', "key_parts", "of the form utf8"),
        ('key_separator = ":"', "key_separator", "of the form utf8"),
        ('when = "v1"', "when", "is the text 'v1'"),
        ('when = { "a b" = "1" }', "when.a b", "is no header's name"),
        ('when = { X = "" }', "when.X", "is missing"),
        ('optional = "yes"', "optional", "is the text 'yes'"),
        ("[[ways]]\noptional = true", "ways[0].optional", "is not known"),
    ],
)
def test_a_mistake_in_a_kind_that_signs_is_told(more: str, place: str, says: str) -> None:
    told = {mistake.path: str(mistake) for mistake in mistakes_in(f'kind = "hmac"\nheader = "X"\n{more}')}
    assert says in told[f"signature.{place}"]


def test_two_places_for_one_time_are_a_mistake() -> None:
    table = 'kind = "hmac"\nheader = "X"\nform = "t={timestamp},v={signature}"\nsigned = "{timestamp}{body}"'
    assert places(table) == []
    assert places(f'{table}\ntimestamp_header = "T"') == ["signature.timestamp_header"]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_scheme(
            tomllib.loads('kind = "hmac"\nheader = "X:"\nhash = "md5"\nencoding = "base32"\nsigned = "{x}"')
        )
    for key in ("header", "hash", "encoding", "signed"):
        assert f"- signature.{key} " in caught.value.message


def test_a_way_has_the_keys_beside_the_ways_and_its_own() -> None:
    scheme = read_scheme(
        tomllib.loads(
            'kind = "hmac"\nencoding = "base64"\n[[ways]]\nheader = "A"\n[[ways]]\nheader = "B"\nhash = "sha1"'
        )
    )
    first, second = scheme.ways
    assert isinstance(first, Signed)
    assert isinstance(second, Signed)
    assert (first.header, first.encoding, first.algorithm) == (
        "A",
        Encoding.BASE64,
        HmacAlgorithm(Hash.SHA256),
    )
    assert (second.header, second.encoding, second.algorithm) == (
        "B",
        Encoding.BASE64,
        HmacAlgorithm(Hash.SHA1),
    )


def test_a_mistake_is_told_once_and_of_the_table_that_it_stands_in() -> None:
    table = 'kind = "hmac"\nhash = "md5"\n[[ways]]\nheader = "A:"\n[[ways]]\nheader = "B"\n[[ways]]'
    assert places(table) == ["signature.ways[0].header", "signature.hash", "signature.ways[2].header"]


def test_mistakes_can_join_those_of_a_larger_document() -> None:
    reader = Reader({"signature": {"kind": "hmac"}}, "typeform/provider.toml")
    read_signature(reader.child("signature"))
    assert [mistake.path for mistake in reader.mistakes] == ["typeform/provider.toml.signature.header"]
