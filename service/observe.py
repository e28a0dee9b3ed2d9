"""Every metric of the service, in one place; `docs/operating.md` lists them.

In the web process the counters are shared between workers (prometheus_client's multiprocess mode); figures about
the bill and the outbox are read from the database when they are asked for.
"""

from prometheus_client import Counter, Gauge, Histogram

SUBMISSIONS = Counter("marketable_submissions_total", "Submissions kept, by what was decided.", ("verdict",))
REFUSALS = Counter("marketable_refusals_total", "Requests refused, by reason.", ("reason",))
DELIVERIES = Counter(
    "marketable_deliveries_total",
    "Deliveries to endpoints, by what became of them.",
    ("outcome",),
)
BATCH_SIZE = Histogram(
    "marketable_commit_facts",
    "Facts recorded together in one transaction.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500),
)
COMMIT_SECONDS = Histogram(
    "marketable_commit_seconds",
    "Time to record one batch, all its rounds.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
WAITING = Gauge("marketable_waiting_facts", "Facts that wait for a commit.", multiprocess_mode="livesum")
PUBLISHED = Counter("marketable_published_total", "Messages that the broker confirmed.")
PUBLISH_FAILURES = Counter(
    "marketable_publish_failures_total", "Batches that were not confirmed.", ("reason",)
)
APPLIED = Counter(
    "marketable_applied_total", "Messages applied to the ledger, newer ones and repeats.", ("effect",)
)
DEAD_LETTERS = Counter("marketable_dead_letters_total", "Messages that no retry can mend.", ("reason",))
RETRIES = Counter(
    "marketable_consumer_retries_total", "Batches that a consumer had to try again.", ("reason",)
)
ADJUSTED = Counter(
    "marketable_adjusted_total",
    "Adjustments of closed periods, for messages that came after their statement.",
)
STATEMENTS = Counter("marketable_statements_total", "Statements issued.")
STATEMENTS_WAITING = Gauge(
    "marketable_statements_waiting",
    "Portals whose next statement waits since the ledger lacks something, at the last look.",
    multiprocess_mode="livemax",
)
RENEWALS = Counter("marketable_renewals_total", "Renewals done.")
SWEPT = Counter("marketable_swept_total", "Status changes sent again since the ledger lacked them.")
ENDED = Counter("marketable_stints_ended_total", "Stints whose end was announced.")
LOOK_UPS = Counter(
    "marketable_look_ups_total", "Look-ups made, by what came of them and why.", ("outcome", "reason")
)
LOOK_UP_SECONDS = Histogram(
    "marketable_look_up_seconds",
    "Time that a vendor took to tell who a person is.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
JOBS = Counter("marketable_jobs_total", "Jobs that have ended, by kind and how.", ("kind", "state"))
JOB_UNITS = Counter(
    "marketable_job_units_total", "Contacts, rows and the like that jobs have gone through.", ("kind",)
)
WORKFLOW_LOOKS = Counter(
    "marketable_workflow_looks_total", "Contacts that workflows have looked at since they had changed."
)
WORKFLOW_ENROLLED = Counter(
    "marketable_workflow_enrolled_total", "Enrolments after a change, by what was decided.", ("verdict",)
)
JOINED = Counter("marketable_joined_total", "Submissions joined to a contact that was known later.")
PURGED = Counter("marketable_purged_total", "Refused deliveries that were forgotten for their age.")
