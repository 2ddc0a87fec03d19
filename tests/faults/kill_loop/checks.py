"""What must hold of a corpus when nothing is left to do. Each check raises AssertionError with what it found."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

from tests.faults.kill_loop.reader import Shown
from tests.faults.kill_loop.record import Contents, Record, Write
from tests.faults.kill_loop.rows import Draft, Rows
from tests.faults.kill_loop.texts import words_of

_CLOSED = {"published", "discarded"}
_FAILED = {"dead", "cancelled"}
_AT_REST = {"open", "sealed", *_CLOSED}


def check(record: Record, rows: Rows, seen: Mapping[int, Shown]) -> None:
    """Compare the catalog with what was acknowledged and what searches showed; note the versions that are new."""
    _every_upload_is_one_revision(record, rows)
    _every_revision_is_read_and_cut_once(record, rows)
    _no_document_is_a_member_twice(rows)
    _every_version_is_what_its_draft_made_of_the_one_before(record, rows)
    _every_search_showed_all_of_a_version(record, seen)
    _no_change_is_lost(record, rows)
    _held_drafts_are_as_they_were_left(record, rows)
    _every_switch_is_in_the_log(record, rows)
    _no_job_is_stuck_or_double(rows)


def _every_upload_is_one_revision(record: Record, rows: Rows) -> None:
    found = {
        key: [revision.raw_sha256 for revision in revisions]
        for key, revisions in groupby(rows.revisions(), key=lambda revision: revision.key)
    }
    wanted = {key: [hashlib.sha256(text.encode()).hexdigest() for text in texts] for key, texts in record.texts.items()}
    assert found == wanted, f"revisions per document: {_lengths(found)}, acknowledged: {_lengths(wanted)}"


def _every_revision_is_read_and_cut_once(record: Record, rows: Rows) -> None:
    for revision in rows.revisions():
        place = (revision.key, revision.number)
        if place in record.cancelled:
            assert revision.state == "failed", f"{place} was stopped, and is {revision.state}"
            continue
        assert revision.state == "prepared", f"{place} is {revision.state}"
        assert words_of(revision.text) == words_of(record.texts[revision.key][revision.number - 1]), place
        assert revision.chunks == revision.chunk_count > 0, f"{place}: {revision.chunks} of {revision.chunk_count}"


def _no_document_is_a_member_twice(rows: Rows) -> None:
    for key, memberships in groupby(sorted(rows.memberships()), key=lambda one: one.key):
        lives = sorted((one.born, one.died) for one in memberships)
        for earlier, later in pairwise(lives):
            assert earlier[1] <= later[0], f"{key} is there twice: {earlier} and {later}"
        assert all(born < died for born, died in lives), f"{key}: {lives}"


def _every_version_is_what_its_draft_made_of_the_one_before(record: Record, rows: Rows) -> None:
    changes, sealed_by = rows.changes(), {draft.id: draft for draft in rows.drafts}
    memberships = rows.memberships()
    gone = {number for number in record.versions if number not in rows.versions}
    assert not gone, f"published versions are gone: {gone}"
    shown: dict[int, Contents] = {0: {}}
    for number in sorted(rows.versions):
        members = {one.key: one.revision for one in memberships if one.born <= number < one.died}
        shown[number] = record.contents(members)
        draft = sealed_by[rows.versions[number]]
        wanted = _applied(record, shown[draft.sealed_against or 0], changes[draft.id])
        assert shown[number] == wanted, f"version {number}: {_short(shown[number])}, not {_short(wanted)}"
        if number in rows.published_once:
            before = record.versions.setdefault(number, shown[number])
            assert shown[number] == before, f"version {number} was changed after it was published"


def _every_search_showed_all_of_a_version(record: Record, seen: Mapping[int, Shown]) -> None:
    for number, shown in seen.items():
        wanted = {record.documents[key]: words_of(text) for key, text in record.versions.get(number, {}).items()}
        assert shown == wanted, f"a search at {number} showed {shown}, not {wanted}"


def _no_change_is_lost(record: Record, rows: Rows) -> None:
    changes = rows.changes()
    sealed = sorted((draft for draft in rows.drafts if draft.automatic and draft.number), key=_number)
    overtaking = _held_revisions(rows)
    for key, writes in record.writes.items():
        found = [changes[draft.id][key] for draft in sealed if key in changes[draft.id]]
        kept = [write for write in writes if (key, write.revision) not in record.cancelled]
        place = f"{key}: written {[write.revision for write in writes]}, published {found}"
        assert _is_part_of(_runs(found), _runs([write.revision for write in kept])), place
        last = _last_that_counts(writes, {revision for at, revision in record.cancelled if at == key})
        if last is not None and not _is_overtaken(last, overtaking.get(key, 0)):
            assert found, place
            uncertain = {None} if not writes[-1].is_certain else set()
            assert found[-1] in {last.revision} | uncertain, place


def _held_drafts_are_as_they_were_left(record: Record, rows: Rows) -> None:
    changes = rows.changes()
    held = {draft.id: draft for draft in rows.drafts if not draft.automatic}
    assert held.keys() == record.drafts.keys(), f"drafts {held.keys() ^ record.drafts.keys()}"
    seals = [(subject, state) for kind, subject, state, _ in rows.jobs() if kind == "seal_draft"]
    ended = {subject for subject, state in seals if state in _FAILED}
    waiting = {subject for subject, state in seals if state == "waiting"}
    for draft_id, draft in record.drafts.items():
        found = held[draft_id]
        place = f"{draft.name} is {found.state}"
        assert found.state in _AT_REST, place
        assert changes[draft_id] == draft.changes, f"{place}: {changes[draft_id]}, not {draft.changes}"
        assert (found.state == "discarded") == draft.is_discarded, place
        if draft.must_be_published and draft_id not in ended:
            assert found.state == "published", place
        assert found.state != "published" or rows.versions.get(found.number or 0) == draft_id, f"{place} as nothing"
        draft.is_over = found.state in _CLOSED
        draft.is_asked = found.state == "sealed" or draft_id in waiting


def _every_switch_is_in_the_log(record: Record, rows: Rows) -> None:
    log = rows.publications()
    switches = {sequence: (number, previous) for sequence, number, previous in log}
    assert switches == {**switches, **record.switches}, f"log {log}, acknowledged {record.switches}"
    assert [sequence for sequence, _, _ in log] == list(range(1, len(log) + 1)), f"log {log}"
    numbers = [0, *(number for _, number, _ in log)]
    assert [previous for _, _, previous in log] == numbers[:-1], f"log {log}"
    assert rows.published == numbers[-1], f"{rows.published} is published, log {log}"
    assert {number for _, number, _ in log} == rows.published_once


def _no_job_is_stuck_or_double(rows: Rows) -> None:
    assert rows.unfinished() == []
    jobs = rows.jobs()
    prepared = Counter(subject for kind, subject, _, _ in jobs if kind == "prepare_revision")
    assert set(prepared.values()) <= {1}, f"prepared by several jobs: {prepared}"
    assert len(prepared) == len(rows.revisions())
    dead = {(kind, reason) for kind, _, state, reason in jobs if state == "dead"}
    assert dead <= {("seal_draft", "conflict")}, f"dead jobs: {dead}"


def _applied(record: Record, base: Contents, changes: dict[str, int | None]) -> Contents:
    brought = {key: revision for key, revision in changes.items() if revision is not None}
    kept = {key: text for key, text in base.items() if key not in changes}
    return {**kept, **record.contents(brought)}


def _last_that_counts(writes: Sequence[Write], cancelled: set[int]) -> Write | None:
    """Return the write that must be published; None when another that was stopped may have replaced it."""
    for write in reversed(writes):
        if write.revision in cancelled:
            return None
        if write.is_certain:
            return write
    return None


def _is_overtaken(write: Write, published: int) -> bool:
    """Say whether a held draft with a newer revision was published, which drops what comes too late."""
    return write.revision is not None and write.revision < published


def _held_revisions(rows: Rows) -> dict[str, int]:
    """Return the newest revision of each key that a held draft has published."""
    changes, newest = rows.changes(), Counter[str]()
    for draft in rows.drafts:
        if not draft.automatic and draft.state == "published":
            for key, revision in changes[draft.id].items():
                newest[key] = max(newest[key], revision or 0)
    return dict(newest)


def _runs(revisions: Sequence[int | None]) -> list[int | None]:
    """Return each of several equal neighbours once: a request that was repeated may have acted twice."""
    return [revision for revision, _ in groupby(revisions)]


def _is_part_of(part: Sequence[int | None], whole: Sequence[int | None]) -> bool:
    left = iter(whole)
    return all(any(one == other for other in left) for one in part)


def _number(draft: Draft) -> int:
    return draft.number or 0


def _lengths(found: dict[str, list[str]]) -> dict[str, int]:
    return {key: len(values) for key, values in found.items()}


def _short(contents: Contents) -> dict[str, str]:
    return {key: text[:24] for key, text in contents.items()}
