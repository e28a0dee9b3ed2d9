"""Signatures that were computed elsewhere: published by a provider, or made with another program."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from service.delivery import Delivery
from service.signatures import Scheme, read_scheme

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ADA = b'{"email":"ada@example.com"}'
SHA256_HEX = "785d303f50b3abfa0111a8ec3bdb95fd4b6ca4cdc704e4e29fbf271af619df71"
SHA256_BASE64 = "eF0wP1Czq/oBEajsO9uV/UtspM3HBOTin78nGvYZ33E="
SHA1_HEX = "23dfd150793098b13b326c8782663180610f87e7"
DOTTED_HEX = "cc5e02409178a909a2acce717aff3203c1daea71ee82404b3ad5a471eabf6d93"
HUBSPOT_KEY = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
HUBSPOT_URL = "https://www.example.com/webhook_uri"
HUBSPOT_V1 = """
    kind = "hash"
    header = "X-HubSpot-Signature"
    when = { X-HubSpot-Signature-Version = "v1" }
    signed = "{secret}{body}"
"""
HUBSPOT_V2 = """
    kind = "hash"
    header = "X-HubSpot-Signature"
    when = { X-HubSpot-Signature-Version = "v2" }
    signed = "{secret}{method}{url}{body}"
"""
HUBSPOT_V3 = """
    kind = "hmac"
    header = "X-HubSpot-Signature-v3"
    encoding = "base64"
    signed = "{method}{url}{body}{timestamp}"
    unescape = ":/?@!$'()*,;"
    timestamp_header = "X-HubSpot-Request-Timestamp"
    timestamp_unit = "ms"
"""
STANDARD_WEBHOOKS = """
    separator = " "
    encoding = "base64"
    signed = "{id}.{timestamp}.{body}"
    id_header = "webhook-id"
    timestamp_header = "webhook-timestamp"
    header = "webhook-signature"
    [[ways]]
    kind = "hmac"
    form = "v1,{signature}"
    key = "base64"
    key_prefix = "whsec_"
    [[ways]]
    kind = "ed25519"
    form = "v1a,{signature}"
"""


@dataclass(frozen=True, kw_only=True)
class Vector:
    """A scheme and what a sender adds by it; `adds` is all that is needed to prove the delivery."""

    name: str
    table: str
    adds: Mapping[str, str]
    key: str = "s3cret"
    public_key: str = ""
    """What is stored, where it is not the key that signs."""
    at: datetime = NEW_YEAR
    method: str = "POST"
    url: str = "https://hooks.example.com/in/abc"
    body: bytes = ADA
    media_type: str = "application/json"
    delivery_id: str = "evt_1"
    scheme: Scheme = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheme", read_scheme(tomllib.loads(self.table)))

    def __str__(self) -> str:
        return self.name

    @property
    def timed(self) -> bool:
        return "{timestamp}" in self.table

    @property
    def stored(self) -> str:
        return self.public_key or self.key

    def bare(self) -> Delivery:
        return Delivery(
            method=self.method,
            url=self.url,
            headers=(("Content-Type", self.media_type),),
            body=self.body,
            received_at=self.at,
        )

    def sent(self) -> Delivery:
        delivery = self.bare()
        for name, value in self.adds.items():
            delivery = delivery.with_header(name, value)
        return delivery


def hubspot(version: str, signature: str) -> Mapping[str, str]:
    """The headers of HubSpot's older versions."""
    return {"X-HubSpot-Signature-Version": version, "X-HubSpot-Signature": signature}


VECTORS = [
    Vector(
        name="typeform",
        table='kind = "hmac"\nheader = "Typeform-Signature"\nform = "sha256={signature}"\nencoding = "base64"',
        adds={"Typeform-Signature": f"sha256={SHA256_BASE64}"},
    ),
    Vector(
        name="tally, mautic",
        table='kind = "hmac"\nheader = "Tally-Signature"\nencoding = "base64"',
        adds={"Tally-Signature": SHA256_BASE64},
    ),
    Vector(
        name="meta, formstack, opnform",
        table='kind = "hmac"\nheader = "X-Hub-Signature-256"\nform = "sha256={signature}"',
        adds={"X-Hub-Signature-256": f"sha256={SHA256_HEX}"},
    ),
    Vector(
        name="webflow",
        table="""
            kind = "hmac"
            header = "x-webflow-signature"
            signed = "{timestamp}:{body}"
            timestamp_header = "x-webflow-timestamp"
            timestamp_unit = "ms"
        """,
        adds={
            "x-webflow-timestamp": "1767225600000",
            "x-webflow-signature": "7b92d4a169700ce69a19fbf17c7002f43f806a8f70e5eb21daae29ad08206961",
        },
    ),
    Vector(
        name="framer",
        table="""
            kind = "hmac"
            header = "Framer-Signature"
            form = "sha256={signature}"
            signed = "{body}{id}"
            id_header = "Framer-Webhook-Submission-Id"
        """,
        adds={
            "Framer-Webhook-Submission-Id": "evt_1",
            "Framer-Signature": "sha256=7e1e33f6999b39dee51c050400a1d2fac683303df59301cdd35610578174788d",
        },
    ),
    Vector(
        name="formspree, calendly",
        table="""
            kind = "hmac"
            header = "Formspree-Signature"
            form = "t={timestamp},v1={signature}"
            signed = "{timestamp}.{body}"
        """,
        adds={"Formspree-Signature": f"t=1767225600,v1={DOTTED_HEX}"},
    ),
    Vector(
        name="wpforms",
        table="""
            kind = "hmac"
            header = "X-WPForms-Webhook-Signature"
            form = "t={timestamp},v={signature}"
            signed = "{timestamp}.{body}"
        """,
        adds={"X-WPForms-Webhook-Signature": f"t=1767225600,v={DOTTED_HEX}"},
    ),
    Vector(
        name="chatwoot",
        table="""
            kind = "hmac"
            header = "X-Chatwoot-Signature"
            form = "sha256={signature}"
            signed = "{timestamp}.{body}"
            timestamp_header = "X-Chatwoot-Timestamp"
        """,
        adds={"X-Chatwoot-Timestamp": "1767225600", "X-Chatwoot-Signature": f"sha256={DOTTED_HEX}"},
    ),
    Vector(
        name="tidio",
        table="""
            kind = "hmac"
            header = "x-tidio-signature"
            form = "t={timestamp},s={signature}"
            signed = ["{body}_{timestamp}", "{timestamp}.{body}"]
        """,
        adds={
            "x-tidio-signature": "t=1767225600,s=43e3b145af3acf325a370c69c26a6def82b5019eb63061c88b5641b9c61711ce"
        },
    ),
    Vector(
        name="crisp",
        table="""
            kind = "hmac"
            header = "X-Crisp-Signature"
            signed = "[{timestamp};{body}]"
            timestamp_header = "X-Crisp-Request-Timestamp"
            timestamp_unit = "auto"
        """,
        adds={
            "X-Crisp-Request-Timestamp": "1767225600000",
            "X-Crisp-Signature": "33feab4abf1cba7e2a6a60bc2a69107ad455d5bc286b4dae6d7194b42336da14",
        },
    ),
    Vector(
        name="linkedin",
        table='kind = "hmac"\nheader = "X-LI-Signature"\nsigned = "hmacsha256={body}"',
        adds={"X-LI-Signature": "88ba4b743f50723bced8da1ffb2379cd9fb42e3452b18edf53bca42c736fe887"},
    ),
    Vector(
        name="hubspot v3",
        table=HUBSPOT_V3,
        adds={
            "X-HubSpot-Request-Timestamp": "1767225600000",
            "X-HubSpot-Signature-v3": "ThydgdlIilZdIN5WW8Vh9nSfGIlXcCfAv0uuD64sJ1I=",
        },
    ),
    Vector(
        name="hubspot v3, another",
        table=HUBSPOT_V3,
        adds={
            "X-HubSpot-Request-Timestamp": "1760054400000",
            "X-HubSpot-Signature-v3": "62xGnH2tEHIAtJKpdZXALuHlLLnMXzSuzP2j5xPn7CA=",
        },
        key=HUBSPOT_KEY,
        url=HUBSPOT_URL,
        body=b'{"example_field":"example_value"}',
        at=datetime(2025, 10, 10, tzinfo=UTC),
    ),
    Vector(
        name="hubspot v1",
        table=HUBSPOT_V1,
        adds=hubspot("v1", "917bbdfba1f83a3c24f6c2a7c945aa1be5da77e85ce36c7c4ac3487fb809e35a"),
    ),
    Vector(
        name="hubspot v1, documented",
        table=HUBSPOT_V1,
        adds=hubspot("v1", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
        key=HUBSPOT_KEY,
        body=b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
        b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
        b'"changeFlag":"NEW","appId":54321}]',
    ),
    Vector(
        name="hubspot v2",
        table=HUBSPOT_V2,
        adds=hubspot("v2", "6516e6a34e29b5a318c4ee4bf2f427ed78815b334ffad083c0d77bb39197b90d"),
    ),
    Vector(
        name="hubspot v2, documented, without a body",
        table=HUBSPOT_V2,
        adds=hubspot("v2", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
        key=HUBSPOT_KEY,
        method="GET",
        url=HUBSPOT_URL,
        body=b"",
    ),
    Vector(
        name="hubspot v2, another",
        table=HUBSPOT_V2,
        adds=hubspot("v2", "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"),
        key=HUBSPOT_KEY,
        url=HUBSPOT_URL,
        body=b'{"example_field":"example_value"}',
    ),
    Vector(
        name="zendesk",
        table="""
            kind = "hmac"
            header = "X-Zendesk-Webhook-Signature"
            encoding = "base64"
            signed = "{timestamp}{body}"
            timestamp_header = "X-Zendesk-Webhook-Signature-Timestamp"
            timestamp_unit = "iso"
        """,
        adds={
            "X-Zendesk-Webhook-Signature-Timestamp": "2026-01-01T00:00:00Z",
            "X-Zendesk-Webhook-Signature": "CNPBgGz+rpYqR0U7dqzsL8t6OXi9b/NKlj7nBsLqspg=",
        },
    ),
    Vector(
        name="front application",
        table="""
            kind = "hmac"
            header = "X-Front-Signature"
            encoding = "base64"
            signed = "{timestamp}:{body}"
            timestamp_header = "X-Front-Request-Timestamp"
            timestamp_unit = "ms"
        """,
        adds={
            "X-Front-Request-Timestamp": "1767225600000",
            "X-Front-Signature": "e5LUoWlwDOaaGfvxfHAC9D+Aao9w5esh2q4prQggaWE=",
        },
    ),
    Vector(
        name="front rule, help scout",
        table='kind = "hmac"\nheader = "X-Front-Signature"\nhash = "sha1"\nencoding = "base64"',
        adds={"X-Front-Signature": "I9/RUHkwmLE7MmyHgmYxgGEPh+c="},
    ),
    Vector(
        name="intercom",
        table='kind = "hmac"\nheader = "X-Hub-Signature"\nhash = "sha1"\nform = "sha1={signature}"',
        adds={"X-Hub-Signature": f"sha1={SHA1_HEX}"},
    ),
    Vector(
        name="tawk.to, segment destination",
        table='kind = "hmac"\nheader = "X-Tawk-Signature"\nhash = "sha1"',
        adds={"X-Tawk-Signature": SHA1_HEX},
    ),
    Vector(
        name="surveymonkey",
        table="""
            kind = "hmac"
            header = "Sm-Signature"
            hash = "sha1"
            encoding = "base64"
            key = "joined"
            key_parts = ["client_id", "client_secret"]
        """,
        adds={"Sm-Signature": "obKgFryrYv4uV3uyArR0BAoK298="},
        key="cid&s3cret",
    ),
    Vector(
        name="slack",
        table="""
            kind = "hmac"
            header = "X-Slack-Signature"
            form = "v0={signature}"
            signed = "v0:{timestamp}:{body}"
            timestamp_header = "X-Slack-Request-Timestamp"
        """,
        adds={
            "X-Slack-Request-Timestamp": "1767225600",
            "X-Slack-Signature": "v0=b59db12abcb0b167a6be5eaf9649c6c744fa72f27806133a72fa8610639f336b",
        },
    ),
    Vector(
        name="twilio",
        table='kind = "sorted-parameters"\nheader = "X-Twilio-Signature"',
        adds={"X-Twilio-Signature": "BpfEmq17aCf59125YlI7VagzTCM="},
        body=b"EventType=onMessageAdded&Author=Ada",
        media_type="application/x-www-form-urlencoded",
    ),
    Vector(
        name="netlify",
        table='kind = "jwt-body-hash"\nheader = "X-Webhook-Signature"\nissuer = "netlify"',
        adds={
            "X-Webhook-Signature": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
            ".eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiZTE2NmUwOGUzYjQ5NmZmYjZhNzQ2OWI4ZjZmNTczYmRjMTRjZGIyNTgxM2U5MT"
            "diMzYwNWZkZmZkNTMzMmU0MCJ9.gXRt5VlPRJcF7cOWbKJZr78oxpzg7bfuO0ipoN5D8Wc"
        },
    ),
    Vector(
        name="standard webhooks",
        table=STANDARD_WEBHOOKS,
        adds={
            "webhook-id": "evt_1",
            "webhook-timestamp": "1767225600",
            "webhook-signature": "v1,q9HJoY3qaR7PhL3OnCKNrpzY0Lr7yoS+/q/m+w/xgrQ=",
        },
        key="whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    ),
    Vector(
        name="standard webhooks, published",
        table=STANDARD_WEBHOOKS,
        adds={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        key="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        body=b'{"test": 2432232314}',
        at=datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC),
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
    ),
    Vector(
        name="standard webhooks with a public key, published",
        table=STANDARD_WEBHOOKS,
        adds={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPC"
            "Xe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
        },
        key="whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
        public_key="whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
        body=b'{"test": 2432232314}',
        at=datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC),
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
    ),
]
