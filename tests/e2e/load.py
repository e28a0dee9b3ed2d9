"""Senders that post submissions as fast as they are answered, and remember each one that was acknowledged.

A sender repeats a submission until it is acknowledged, as a sender that gets no answer or a 503 does. The whole is
bounded in number and in time.
"""

import http.client
import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from service import demo
from tests.e2e.client import HOST, JSON, Answer, ask_on, body_of, path_of
from tests.e2e.waiting import eventually

REQUEST_PATIENCE = 10.0
LONGEST = 60.0
PAUSE = 0.012
"""Seconds between two submissions of one sender: some hundreds a second from all, and time for what is started."""
PASSING = {http.client.SERVICE_UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Submission:
    """Every third contact sends a second submission, with a last name."""

    email: str
    lastname: str
    is_marketing: bool


class Load:
    """Use as a context: it posts until the end of the block."""

    def __init__(self, port: int, off_form: str = "", *, senders: int = 4, most: int = 20_000) -> None:
        """Every fourth contact goes to `off_form`, a form with its default off, when there is one."""
        self.acknowledged: list[Submission] = []
        self.statuses: Counter[int] = Counter()
        self.refused: list[Answer] = []
        self._port = port
        self._off_form = off_form
        self._most = most
        self._name = uuid.uuid4().hex[:8]
        self._numbers: Iterator[int] = itertools.count(1)
        self._over = threading.Event()
        self._end = time.monotonic() + LONGEST
        self._threads = [threading.Thread(target=self._send) for _ in range(senders)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(2 * REQUEST_PATIENCE)

    @property
    def marketing(self) -> set[str]:
        """Contacts that were acknowledged on a form with its default on."""
        return {each.email for each in self.acknowledged if each.is_marketing}

    def goes_on(self, *, by: int = 100, within: float = 30.0) -> None:
        """Return when so many more submissions are acknowledged."""
        goal = len(self.acknowledged) + by
        eventually(lambda: len(self.acknowledged) >= goal, f"{by} more acknowledged", within=within)

    def _send(self) -> None:
        with closing(http.client.HTTPConnection(HOST, self._port, timeout=REQUEST_PATIENCE)) as connection:
            while self._goes_on() and (number := next(self._numbers)) <= self._most:
                is_marketing = not self._off_form or number % 4 != 0
                email = f"{self._name}-{number}@example.com"
                self._post(connection, Submission(email, "", is_marketing))
                if number % 3 == 0:
                    self._post(connection, Submission(email, "Lovelace", is_marketing))

    def _goes_on(self) -> bool:
        return not self._over.is_set() and time.monotonic() < self._end

    def _post(self, connection: http.client.HTTPConnection, submission: Submission) -> None:
        further = {"lastname": submission.lastname} if submission.lastname else {}
        body = body_of(submission.email, **further)
        path = path_of(demo.FORM_GUID if submission.is_marketing else self._off_form)
        while self._goes_on():
            try:
                answer = ask_on(connection, path, method="POST", body=body, headers={"Content-Type": JSON})
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.02)
                continue
            self.statuses[answer.status] += 1
            if answer.status == http.client.OK:
                self.acknowledged.append(submission)
                time.sleep(PAUSE)
                return
            if answer.status not in PASSING:
                self.refused.append(answer)
                return
            time.sleep(0.05)
