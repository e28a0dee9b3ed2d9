"""What imports make of contacts, on both engines."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.actors import Actor, ActorKind
from service.domain.billing import Product
from service.domain.jobs import JobState
from service.domain.model import Intent
from service.errors import Conflict, InvalidInput, NoMarketingAccess, NotFound, NotIncluded, UnexpectedNumber
from service.imports import applying
from service.store import gone, portals
from service.store.contact_batches import ContactBatch
from service.store.tables import contact, import_file_part, outbox, portal, status_change
from tests.facts import NOW, PORTAL, make_fact, make_portal
from tests.importing import Importing, counted
from tests.world import World

HEADER = "Email,First name,Company"
WEEK = timedelta(days=7)
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def importing(world: World, tmp_path: Path) -> Importing:
    return Importing(world, tmp_path)


def delete(world: World, contact_id: int) -> None:
    with world.database.writing() as connection:
        gone.delete(connection, PORTAL, [contact_id], world.now())


def merge(world: World, primary_id: int, other_id: int) -> None:
    with world.database.writing() as connection:
        ContactBatch(connection, portals.get_portal(connection, PORTAL), NOW).by_id([primary_id, other_id])
        gone.merge(connection, PORTAL, primary_id, other_id, world.now(), free_address=False)


def test_rows_make_contacts_that_are_non_marketing(importing: Importing) -> None:
    job = importing.run(HEADER, f"{ADA},Ada,Engines", f"{BOB},Bob,")
    person = importing.person(ADA)
    assert (job.state, job.done, job.total) == (JobState.DONE, 2, 2)
    assert counted(job, "created", "updated", "refused", "values") == [2, 0, 0, 5]
    assert person.properties == {"email": ADA, "firstname": "Ada", "company": "Engines"}
    assert importing.is_marketing(ADA, BOB) == [False, False]
    assert importing.world.number_of(status_change) == 0


def test_a_row_changes_what_it_says_and_a_blank_cell_says_nothing(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,Engines")
    job = importing.run(HEADER, f"{ADA},Augusta,")
    assert counted(job, "created", "updated", "unchanged") == [0, 1, 0]
    assert importing.person(ADA).properties["firstname"] == "Augusta"
    assert importing.person(ADA).properties["company"] == "Engines"


def test_a_contact_that_stays_as_it_is_is_not_written(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,Engines")
    before = importing.world.rows(contact)
    importing.world.pass_by(hours=1)
    job = importing.run(HEADER, f"{ADA},Ada,")
    assert counted(job, "updated", "unchanged", "values") == [0, 1, 0]
    assert importing.world.rows(contact) == before


def test_rows_of_one_contact_are_taken_in_their_order(importing: Importing) -> None:
    job = importing.run(HEADER, f"{ADA},Ada,Engines", f"{ADA},,Looms", f"{ADA.upper()},Augusta,")
    assert counted(job, "created", "updated", "unchanged") == [1, 2, 0]
    assert importing.person(ADA).properties == {"email": ADA, "firstname": "Augusta", "company": "Looms"}


def test_an_import_that_only_creates_refuses_who_is_there(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    job = importing.run(HEADER, f"{ADA},Other,", f"{BOB},Bob,", f"{BOB},Again,", operation="create")
    assert counted(job, "created", "refused") == [1, 2]
    assert importing.reasons(job) == ["create_only", "create_only"]
    assert [importing.person(each).properties["firstname"] for each in (ADA, BOB)] == ["Ada", "Bob"]


def test_an_import_that_only_updates_refuses_who_is_not_there(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    job = importing.run(HEADER, f"{BOB},Bob,", f"{ADA},Augusta,", operation="update")
    (problem,) = importing.problems(job)
    assert counted(job, "updated", "refused") == [1, 1]
    assert (problem.reason, problem.line, problem.column, problem.column_name) == (
        "update_only",
        2,
        1,
        "Email",
    )
    assert (problem.file, bool(problem.mend)) == ("contacts.csv", True)


def test_problems_are_told_in_the_order_of_lines(importing: Importing) -> None:
    job = importing.run(HEADER, "nobody,Ada,", f"{BOB},Bob,", ",Cleo,,x", operation="update")
    found = [(each.line, each.column, each.reason) for each in importing.problems(job)]
    assert found == [
        (2, 1, "invalid_email"),
        (3, 1, "update_only"),
        (4, 4, "too_many_cells"),
        (4, 1, "missing_email"),
    ]
    assert counted(job, "refused", "problems") == [3, 4]
    assert (job.done, job.problems) == (3, 4)


def test_no_more_problems_are_kept_than_people_read(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "MOST_PROBLEMS", 3)
    monkeypatch.setattr(applying, "MOST_ROWS", 2)
    job = importing.run(HEADER, *["nobody,,"] * 7, f"{ADA},,")
    assert (len(importing.problems(job)), job.problems) == (3, 3)
    assert counted(job, "refused", "problems", "created") == [7, 7, 1]


def test_marketing_raises_new_and_existing_contacts_once(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    file = importing.take(HEADER, f"{ADA},Ada,", f"{BOB},Bob,", f"{BOB},Bob,Looms")
    job = importing.finish(importing.start(file, marketing=True, expected=2))
    changes = importing.world.rows(status_change)
    assert counted(job, "created", "updated", "raised") == [1, 2, 2]
    assert importing.is_marketing(ADA, BOB) == [True, True]
    assert {(row.reason_type, row.reason_id, row.source, row.actor) for row in changes} == {
        ("CONTACT_IMPORT", str(job.id), "import", "command")
    }
    assert importing.world.number_of(outbox) == 2
    importing.world.count_up()
    assert (importing.world.count(), importing.world.proof().difference) == (2, 0)


def test_without_marketing_an_existing_marketing_contact_stays_one(importing: Importing) -> None:
    importing.world.record(make_fact(ADA))
    importing.run(HEADER, f"{ADA},Augusta,")
    assert importing.is_marketing(ADA) == [True]


def test_marketing_cancels_a_lowering_that_was_asked_for(importing: Importing) -> None:
    importing.world.record(make_fact(ADA))
    importing.world.set_status(ADA, Intent.LOWER)
    file = importing.take(HEADER, f"{ADA},,")
    job = importing.finish(importing.start(file, marketing=True, expected=0))
    stint = importing.person(ADA).standing.stint
    assert stint is not None
    assert (stint.until, job.counts.get("raised", 0)) == (None, 0)


def test_another_number_than_was_expected_starts_nothing(importing: Importing) -> None:
    file = importing.take(HEADER, f"{ADA},,", f"{BOB},,")
    with pytest.raises(UnexpectedNumber) as refusal:
        importing.start(file, marketing=True, expected=1)
    assert refusal.value.number == 2
    assert importing.imports.page(PORTAL) == []
    with pytest.raises(InvalidInput, match="confirmed"):
        importing.start(file, marketing=True)


def test_a_multi_object_import_and_several_files_never_set_marketing(importing: Importing) -> None:
    one, other = importing.take(HEADER, f"{ADA},,"), importing.take(HEADER, f"{BOB},,")
    with pytest.raises(InvalidInput, match="several files") as refusal:
        importing.start(one, other, marketing=True, expected=2)
    assert refusal.value.field == "marketing"


def test_several_files_are_imported_one_after_the_other(importing: Importing) -> None:
    one = importing.take(HEADER, f"{ADA},Ada,", name="one.csv")
    other = importing.take("Mail;Vorname", f"{ADA};Augusta", "x;", name="other.csv")
    job = importing.finish(importing.start(one, other))
    (problem,) = importing.problems(job)
    assert (problem.file, problem.line) == ("other.csv", 3)
    assert (job.done, job.total, counted(job, "created", "updated")) == (3, 3, [1, 1])
    assert importing.person(ADA).properties["firstname"] == "Augusta"


def test_who_lacks_access_or_product_sets_no_marketing(importing: Importing) -> None:
    file = importing.take(HEADER, f"{ADA},,")
    stranger = Actor(ActorKind.USER, 3, marketing_access=False)
    with pytest.raises(NoMarketingAccess):
        importing.start(file, marketing=True, expected=1, actor=stranger)
    importing.world.write(portal.update().values(product=Product.NONE.value))
    with pytest.raises(NotIncluded):
        importing.start(file, marketing=True, expected=1)
    assert importing.finish(importing.start(file, actor=stranger)).state is JobState.DONE


def test_record_ids_find_contacts_and_may_change_their_address(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    number = importing.person(ADA).known.contact_id
    job = importing.run("Record ID,Email", f"{number},augusta@example.com", identified_by="record_id")
    assert counted(job, "updated", "values") == [1, 1]
    found = importing.person("augusta@example.com")
    assert (found.known.contact_id, found.properties["email"]) == (number, "augusta@example.com")


def test_of_several_addresses_of_a_record_id_the_last_one_stays(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    number = importing.person(ADA).known.contact_id
    lines = (f"{number},augusta@example.com", f"{number},{ADA}")
    importing.run("Record ID,Email", *lines, identified_by="record_id")
    found = importing.person(ADA)
    assert (found.known.contact_id, found.properties["email"]) == (number, ADA)


def test_record_ids_alone_set_contacts_as_marketing(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,", f"{BOB},,")
    numbers = [importing.person(each).known.contact_id for each in (ADA, BOB)]
    file = importing.take("Record ID", *map(str, numbers))
    job = importing.start(file, identified_by="record_id", operation="update", marketing=True, expected=2)
    assert counted(importing.finish(job), "updated", "raised") == [2, 2]
    assert importing.is_marketing(ADA, BOB) == [True, True]


def test_an_address_that_another_contact_has_is_refused(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,", f"{BOB},,")
    ada, bob = (importing.person(each).known.contact_id for each in (ADA, BOB))
    lines = (f"{ada},{BOB}", f"{bob},new@example.com", f"{ada},new@example.com", "99999,x@example.com")
    job = importing.run("Record ID,Email", *lines, identified_by="record_id")
    assert importing.reasons(job) == ["email_taken", "email_taken", "unknown_record_id"]
    assert importing.person("new@example.com").known.contact_id == bob
    assert importing.person(ADA).known.contact_id == ada


def test_an_address_that_is_taken_at_this_moment_is_decided_again(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    number = importing.person(ADA).known.contact_id
    importing.run(HEADER, f"{BOB},Bob,")
    real, calls = ContactBatch.by_email, itertools.count()

    def blind_at_first(self: ContactBatch, emails: set[str]) -> object:
        return {} if next(calls) == 0 else real(self, emails)

    monkeypatch.setattr(ContactBatch, "by_email", blind_at_first)
    job = importing.run("Record ID,Email", f"{number},{BOB}", identified_by="record_id")
    assert importing.reasons(job) == ["email_taken"]


def test_a_contact_that_somebody_else_makes_at_this_moment_is_updated(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing.run(HEADER, f"{BOB},Bob,")
    real, calls = ContactBatch.by_email, itertools.count()

    def blind_at_first(self: ContactBatch, emails: set[str]) -> object:
        return {} if next(calls) == 0 else real(self, emails)

    monkeypatch.setattr(ContactBatch, "by_email", blind_at_first)
    job = importing.run(HEADER, f"{ADA},Ada,", f"{BOB},Robert,", "cleo@example.com,,")
    assert counted(job, "created", "updated") == [2, 1]
    assert importing.person(BOB).properties["firstname"] == "Robert"


def test_a_deleted_contact_is_restored_by_its_address(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,Engines")
    number = importing.person(ADA).known.contact_id
    delete(importing.world, number)
    refused = importing.run(HEADER, f"{ADA},Augusta,", operation="update")
    job = importing.run(HEADER, f"{ADA},Augusta,", operation="create")
    person = importing.person(ADA)
    assert importing.reasons(refused) == ["update_only"]
    assert counted(job, "created", "restored") == [0, 1]
    assert (person.known.contact_id, person.row.deleted_at) == (number, None)
    assert person.properties["firstname"] == "Augusta"


def test_a_deleted_contact_is_not_found_by_its_record_id(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,")
    number = importing.person(ADA).known.contact_id
    delete(importing.world, number)
    job = importing.run("Record ID,First name", f"{number},Augusta", identified_by="record_id")
    assert importing.reasons(job) == ["contact_gone"]


def test_what_leads_to_a_merged_contact_leads_to_the_one_that_goes_on(importing: Importing) -> None:
    importing.run(HEADER, f"{ADA},Ada,", f"{BOB},Bob,")
    ada, bob = (importing.person(each).known.contact_id for each in (ADA, BOB))
    merge(importing.world, ada, bob)
    by_address = importing.run(HEADER, f"{BOB},Augusta,")
    by_number = importing.run("Record ID,Company", f"{bob},Looms", identified_by="record_id")
    assert counted(by_address, "updated") == counted(by_number, "updated") == [1]
    assert importing.person(ADA).properties == {"email": ADA, "firstname": "Augusta", "company": "Looms"}


def test_an_estimate_says_what_the_import_comes_to(importing: Importing) -> None:
    importing.world.record(make_fact(ADA))
    lines = (f"{ADA},Ada,", f"{BOB},Bob,", f"{BOB},Robert,", "nobody,,", "cleo@example.com,,")
    file = importing.take(HEADER, *lines)
    found = importing.imports.estimate(Actor(ActorKind.USER, 3), PORTAL, importing.wanted(file))
    assert isinstance(found, dict)
    assert (found["rows"], found["created"], found["updated"], found["refused"]) == (5, 2, 2, 1)
    assert (found["marketing"], found["reasons"]) == (2, {"invalid_email": 1})
    job = importing.finish(importing.start(file, marketing=True, expected=2))
    assert counted(job, "created", "updated", "refused", "raised") == [2, 2, 1, 2]


@pytest.mark.parametrize("operation", ["create", "update", "upsert"])
def test_an_estimate_counts_a_contact_once_however_far_apart_its_rows_are(
    importing: Importing, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr("service.imports.estimating.CHUNK", 2)
    importing.run(HEADER, f"{ADA},Ada,")
    numbers = [0, 1, 2, 0, 3, 1, 4, 0, 2]
    lines = [f"{ADA},Augusta,", *(f"c{number}@example.com,,Firm {number}" for number in numbers), f"{ADA},,"]
    file = importing.take(HEADER, *lines)
    found = importing.imports.estimate(
        Actor(ActorKind.USER, 3), PORTAL, importing.wanted(file, operation=operation)
    )
    assert isinstance(found, dict)
    job = importing.start(file, marketing=True, expected=found["marketing"], operation=operation)
    job = importing.finish(job)
    assert counted(job, "created", "refused", "raised") == [
        found["created"],
        found["refused"],
        found["marketing"],
    ]


def test_large_files_are_estimated_by_a_job(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.imports.starting.SMALL", 3)
    monkeypatch.setattr("service.imports.estimating.CHUNK", 2)
    file = importing.take(HEADER, *(f"c{number % 4}@example.com,," for number in range(9)))
    wanted = importing.wanted(file)
    with pytest.raises(Conflict, match="estimate"):
        importing.start(file, marketing=True, expected=4)
    job = importing.imports.estimate(Actor(ActorKind.USER, 3), PORTAL, wanted)
    assert not isinstance(job, dict)
    # Each step by another process: what was seen before is kept with the progress.
    while importing.new_runner().step():
        pass
    job = importing.show(job)
    assert (job.state, job.done) == (JobState.DONE, 9)
    assert counted(job, "rows", "created", "marketing") == [9, 4, 4]
    with pytest.raises(UnexpectedNumber):
        importing.start(file, marketing=True, expected=3)
    with pytest.raises(Conflict):
        importing.start(file, marketing=True, expected=4, operation="create")
    assert counted(importing.finish(importing.start(file, marketing=True, expected=4)), "raised") == [4]
    importing.world.pass_by(hours=25)
    with pytest.raises(Conflict):
        importing.start(file, marketing=True, expected=4)


def test_every_step_by_another_process_takes_each_row_once(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.imports.reading.PART_CHARACTERS", 150)
    monkeypatch.setattr(applying, "FIRST_ROWS", 3)
    lines = [f"c{number}@example.com,Name {number},Firm" for number in range(20)]
    file = importing.take(HEADER, *lines, "broken,,")
    job = importing.start(file)
    assert file.parts > 3
    for _ in range(100):
        runner = importing.new_runner()
        runner._kinds["import"]._rows = 3  # type: ignore[attr-defined]  # noqa: SLF001
        if not runner.step():
            break
    job = importing.show(job)
    assert (job.state, job.done, job.total) == (JobState.DONE, 21, 21)
    assert counted(job, "created", "updated", "unchanged", "refused") == [20, 0, 0, 1]


def test_an_import_is_cancelled_before_its_next_step(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.imports.reading.PART_CHARACTERS", 60)
    job = importing.start(importing.take(HEADER, *(f"c{number}@example.com,," for number in range(20))))
    importing.runner.step()
    importing.imports.cancel(PORTAL, job.id)
    job = importing.finish(job)
    assert (job.state, job.done, importing.world.number_of(contact)) == (JobState.CANCELED, 3, 3)
    with pytest.raises(Conflict, match="CANCELED"):
        importing.imports.cancel(PORTAL, job.id)


def test_a_fourth_import_of_a_portal_waits_for_the_others(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.imports.reading.PART_CHARACTERS", 40)
    jobs = [
        importing.start(importing.take(HEADER, *(f"c{name}{number}@example.com,," for number in range(12))))
        for name in "abcd"
    ]
    for _ in range(4):
        importing.world.pass_by(seconds=1)
        importing.runner.step()
    states = [importing.show(job).state for job in jobs]
    assert states == [JobState.PROCESSING] * 3 + [JobState.DEFERRED]
    importing.finish(jobs[0])
    assert [importing.show(job).state for job in jobs] == [JobState.DONE] * 4
    assert importing.world.number_of(contact) == 48


def test_a_file_that_has_gone_fails_its_import_and_no_other(importing: Importing) -> None:
    job = importing.start(importing.take(HEADER, f"{ADA},,"))
    importing.world.write(portal.update().values(name="Still there"))
    importing.files._forget(job.request["files"][0]["id"])  # noqa: SLF001
    job = importing.finish(job)
    assert (job.state, "import file" in job.error) == (JobState.FAILED, True)


def test_a_file_is_kept_while_an_import_reads_it_and_goes_when_it_is_old(importing: Importing) -> None:
    world = importing.world
    read, unread = importing.take(HEADER, f"{ADA},,"), importing.take(HEADER, f"{BOB},,")
    job = importing.start(read)
    with pytest.raises(Conflict, match=f"job {job.id}"):
        importing.files.delete(PORTAL, read.id)
    world.pass_by(days=8)
    assert importing.files.purge(WEEK) == 1
    assert [file.id for file in importing.files.page(PORTAL)] == [read.id]
    importing.finish(job)
    world.pass_by(days=6)
    assert importing.files.purge(WEEK) == 0
    world.pass_by(days=2)
    assert importing.files.purge(WEEK) == 1
    with pytest.raises(NotFound):
        importing.files.find(PORTAL, unread.id)
    assert world.number_of(import_file_part) == 0


def test_a_purge_forgets_all_that_is_outdated(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.imports.files.AT_ONCE", 1)
    for _ in range(3):
        importing.take(HEADER, f"{ADA},,")
    importing.world.pass_by(days=8)
    assert importing.files.purge(WEEK) == 3
    assert importing.files.page(PORTAL) == []


def test_no_portal_imports_files_of_another(importing: Importing) -> None:
    with importing.world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    file = importing.take(HEADER, f"{ADA},,", portal=2)
    with pytest.raises(NotFound):
        importing.start(file)
    with pytest.raises(NotFound):
        importing.files.find(PORTAL, file.id)


@pytest.mark.parametrize(
    ("mapping", "options", "field"),
    [
        ({"Nothing": "email"}, {}, "files.0.mapping"),
        ({"Email": "email", "Company": "hs_marketable_status"}, {}, "files.0.mapping"),
        ({"Email": "email", "Company": ""}, {}, "files.0.mapping"),
        ({"First name": "firstname"}, {}, "files.0.mapping"),
        ({"Email": "email"}, {"identified_by": "record_id"}, "files.0.mapping"),
        ({"Company": "hs_object_id"}, {"identified_by": "record_id", "operation": "create"}, "identified_by"),
        ({"Email": "email"}, {"name": "a\x00b"}, "name"),
    ],
)
def test_what_can_not_be_imported_is_refused_with_its_field(
    importing: Importing, mapping: dict[str, str], options: dict[str, str], field: str
) -> None:
    file = importing.take(HEADER, f"{ADA},,")
    with pytest.raises(InvalidInput) as refusal:
        importing.start(file, mapping=mapping, **options)  # type: ignore[arg-type]
    assert (refusal.value.field, bool(refusal.value.mend)) == (field, True)
