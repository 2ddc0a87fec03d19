"""/v1/corpora/{corpus}/golden."""

import json
from typing import Any

import httpx
import pytest

from rag_service.domain.access import EVERYONE, Permission, system_scope
from rag_service.domain.ids import DocumentId, FileId
from tests.api.background import prepare, publish_uploads
from tests.api.parts import QUOTE, Service

PATH = "/v1/corpora/handbook/golden"
TEXT = f"{QUOTE} The keys of the gate are kept in the\noffice of the porter."
QUESTION = {"question": "When does the car park close?", "answers": ["22:30"]}
QUOTED = QUESTION | {"quotes": [{"document_key": "rules.md", "text": QUOTE}]}


@pytest.fixture(autouse=True)
async def corpus(service: Service) -> str:
    """A corpus with one published document."""
    corpus_id = await service.corpus()
    await publish(service, "rules.md", TEXT)
    return corpus_id


async def publish(service: Service, name: str, text: str, *, principals: frozenset[str] = frozenset({EVERYONE})) -> str:
    """Publish a document, or a new revision of it; return its id."""
    async with service.client() as client:
        stored = (await client.post("/v1/files", files={"file": (name, text.encode())})).json()
    file = await service.parts.uploads.accept_file(
        service.scope, corpus="handbook", file_id=FileId(stored["id"]), attributes={}, principals=principals
    )
    revision = file.revision
    await prepare(service, revision.document_id, revision.number, text)
    async with service.parts.catalog.reading() as tx:
        corpus_id = (await tx.corpora.get(service.scope, "handbook")).id
    await publish_uploads(service, corpus_id)
    return str(revision.document_id)


async def add(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await client.post(PATH, json=body or QUOTED)).raise_for_status().json()
    return made


async def propose(client: httpx.AsyncClient, *rows: dict[str, Any]) -> list[str]:
    """Import rows as proposals; return the ids of all proposals, oldest first."""
    lines = "\n".join(json.dumps(row) for row in rows)
    (await client.post(f"{PATH}/import?state=proposed", content=lines)).raise_for_status()
    listed = (await client.get(PATH, params={"state": "proposed", "order": "asc"})).json()["data"]
    return [one["id"] for one in listed]


async def ask(client: httpx.AsyncClient, question: str = "When does it close?") -> str:
    """Ask, and return the id of the answer."""
    body = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
    reply = (await client.post("/v1/chat/completions", json=body)).raise_for_status().json()
    return str(reply["x_rag"]["answer_id"])


async def test_an_added_question_counts_at_once(client: httpx.AsyncClient) -> None:
    made = await add(client)

    assert (made["state"], made["origin"], made["edits"]) == ("accepted", "hand", 1)
    assert (await client.get(f"{PATH}/{made['id']}")).json() == made
    assert (await client.get(PATH)).json()["data"] == [made]


async def test_a_conversation_ends_with_the_question(client: httpx.AsyncClient) -> None:
    before = [{"role": "user", "content": "Can I park?"}, {"role": "assistant", "content": "Yes."}]

    made = await add(client, messages=[*before, {"role": "user", "content": "Until when?"}], answers=["22:30"])
    changed = (await client.patch(f"{PATH}/{made['id']}", json={"question": "How long?"})).json()

    assert (made["question"], made["messages"][:2]) == ("Until when?", before)
    assert changed["messages"] == [*before, {"role": "user", "content": "How long?"}]


@pytest.mark.parametrize(
    ("change", "param", "says"),
    [
        ({"question": " "}, "messages", "ends with"),
        ({"messages": [{"role": "user", "content": "When?"}]}, "messages", "not both"),
        ({"answers": [], "quotes": []}, "answers", "needs an answer or a quote"),
        ({"answerable": False}, "answerable", "cannot be answered"),
        ({"quotes": [{"document_key": "absent.md", "text": "x"}]}, "quotes", "absent.md"),
        ({"quotes": [{"document_key": "rules.md", "text": "It never closes."}]}, "quotes", "It never closes."),
    ],
)
async def test_what_cannot_be_a_golden_question_is_refused_in_words(
    client: httpx.AsyncClient, change: dict[str, Any], param: str, says: str
) -> None:
    reply = await client.post(PATH, json=QUOTED | change)

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert says in reply.json()["error"]["message"]


async def test_a_quote_may_have_other_white_space_than_its_document(client: httpx.AsyncClient) -> None:
    await add(client, question="Where?", quotes=[{"document_key": "rules.md", "text": "kept in\n the office"}])


async def test_a_quote_must_be_in_what_is_published_now(service: Service, client: httpx.AsyncClient) -> None:
    await publish(service, "rules.md", "It is always open.")

    assert (await client.post(PATH, json=QUOTED)).status_code == 400


async def test_a_quote_from_what_nobody_published_is_refused(client: httpx.AsyncClient) -> None:
    stored = (await client.post("/v1/files", files={"file": ("new.md", QUOTE.encode())})).json()
    await client.post("/v1/vector_stores/handbook/files", json={"file_id": stored["id"]})

    reply = await client.post(PATH, json=QUESTION | {"quotes": [{"document_key": "new.md", "text": QUOTE}]})

    assert reply.json()["error"]["message"] == "new.md is not published."


async def test_a_quote_from_a_document_of_others_is_like_one_from_none(service: Service) -> None:
    await publish(service, "secret.md", QUOTE, principals=frozenset({"board"}))
    key = await service.key(Permission.EVAL)

    async with service.client(key) as client:
        reply = await client.post(PATH, json=QUESTION | {"quotes": [{"document_key": "secret.md", "text": QUOTE}]})

    assert "No document of the corpus has the key secret.md" in reply.json()["error"]["message"]


async def test_the_same_question_is_not_added_twice(client: httpx.AsyncClient) -> None:
    made = await add(client)

    reply = await client.post(PATH, json=QUESTION | {"question": "when does the car park CLOSE"})

    assert (reply.status_code, made["id"] in reply.json()["error"]["message"]) == (409, True)


async def test_golden_questions_take_the_permission_to_evaluate(service: Service) -> None:
    for permission, status in ((Permission.EVAL, 200), (Permission.PUBLISH, 404)):
        async with service.client(await service.key(permission)) as client:
            assert (await client.get(PATH)).status_code == status


async def test_changed_content_counts_an_edit_and_unchanged_content_none(client: httpx.AsyncClient) -> None:
    made = await add(client)
    address = f"{PATH}/{made['id']}"

    await client.patch(address, json={"note": made["note"]})
    changed = (await client.patch(address, json={"question": "Until when?", "answers": ["half past ten"]})).json()

    assert changed == made | {
        "question": "Until when?",
        "messages": [{"role": "user", "content": "Until when?"}],
        "answers": ["half past ten"],
        "edits": 2,
        "updated_at": changed["updated_at"],
    }


async def test_of_two_who_read_the_same_question_the_second_to_change_it_is_told(client: httpx.AsyncClient) -> None:
    made = await add(client)
    address = f"{PATH}/{made['id']}"
    first = {"note": "from the sign", "edits": made["edits"]}

    statuses = [
        (await client.patch(address, json=body)).status_code for body in (first, first | {"note": "mine"}, first)
    ]

    assert statuses == [200, 409, 200]  # what is said again was done already
    kept = (await client.get(address)).json()
    assert (kept["note"], kept["edits"]) == ("from the sign", 2)


async def test_an_edit_may_keep_a_quote_that_has_left_its_document(service: Service, client: httpx.AsyncClient) -> None:
    made = await add(client)
    await publish(service, "rules.md", "It is always open.")

    assert (await client.patch(f"{PATH}/{made['id']}", json={"note": "gone"})).status_code == 200


async def test_an_accepted_question_always_expects_something(client: httpx.AsyncClient) -> None:
    made = await add(client)

    reply = await client.patch(f"{PATH}/{made['id']}", json={"answers": [], "quotes": []})

    assert reply.json()["error"]["param"] == "answers"


async def test_a_removed_question_is_gone(client: httpx.AsyncClient) -> None:
    address = f"{PATH}/{(await add(client))['id']}"

    assert (await client.delete(address)).json()["deleted"] is True
    assert (await client.delete(address)).status_code == 404


async def test_a_question_is_found_in_its_own_corpus_only(service: Service, client: httpx.AsyncClient) -> None:
    made = await add(client)
    await service.corpus("other")

    for call in (client.get, client.delete):
        assert (await call(f"/v1/corpora/other/golden/{made['id']}")).status_code == 404


async def test_a_weak_gate_is_called_weak(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{PATH}/counts")).json()["gate"] == "none"

    await add(client)

    counts = (await client.get(f"{PATH}/counts")).json()
    assert (counts["gate"], counts["accepted"], counts["proposed"]) == ("weak", 1, 0)
    assert counts["note"] == "The gate is weak with 1 golden question; 30 make it a full one."


async def test_several_proposals_are_reviewed_at_once(client: httpx.AsyncClient) -> None:
    one, two, three = await propose(client, QUESTION, {"question": "Why?", "answers": ["so"]}, {"question": "Who?"})

    await client.post(f"{PATH}/review", json={"accept": [one, two], "reject": [three]})

    counts = (await client.get(f"{PATH}/counts")).json()
    assert (counts["accepted"], counts["rejected"], counts["proposed"]) == (2, 1, 0)


async def test_of_a_review_with_one_that_expects_nothing_nothing_is_done(client: httpx.AsyncClient) -> None:
    complete, incomplete = await propose(client, QUESTION, {"question": "Who?"})

    reply = await client.post(f"{PATH}/review", json={"accept": [complete, incomplete]})

    assert (reply.status_code, incomplete in reply.json()["error"]["message"]) == (400, True)
    assert (await client.get(f"{PATH}/counts")).json()["proposed"] == 2


async def test_one_question_is_not_accepted_and_rejected(client: httpx.AsyncClient) -> None:
    (one,) = await propose(client, QUESTION)

    assert (await client.post(f"{PATH}/review", json={"accept": [one], "reject": [one]})).status_code == 400


async def test_an_import_says_what_it_did_with_every_line(client: httpx.AsyncClient) -> None:
    rows = [
        {"id": "a", "question": "When does it close?", "quote": QUOTE, "document": "rules.md"},
        {"question": "when does it close"},
        {"question": "When does it close?", "answers": ["22:30"]},
        {"question": "Where?", "quote": "On the moon.", "document": "rules.md"},
        {"question": "Who won?", "answerable": False},
    ]
    lines = "\n\n".join([*(json.dumps(row) for row in rows), "not json"])

    done = (await client.post(f"{PATH}/import", content=lines)).json()

    assert (done["added"], done["duplicates"]) == (2, 1)
    assert [(one["line"], one["message"].split("(")[0]) for one in done["refused"]] == [
        (3, "An answerable question needs an answer or a quote."),
        (7, "The published text of rules.md does not hold “On the moon.”."),
        (11, "not JSON "),
    ]


async def test_the_same_file_again_adds_nothing(client: httpx.AsyncClient) -> None:
    for added in (1, 0):
        assert (await client.post(f"{PATH}/import", content=json.dumps(QUESTION))).json()["added"] == added


async def test_too_many_lines_at_once_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{PATH}/import", content=b"\n" * 2_001)).status_code == 413


async def test_the_end_of_the_last_line_begins_no_other(client: httpx.AsyncClient) -> None:
    lines = b"\n" * 1_999 + json.dumps(QUESTION).encode() + b"\r\n"

    assert (await client.post(f"{PATH}/import", content=lines)).json()["added"] == 1


async def test_what_is_exported_can_be_imported_elsewhere(service: Service, client: httpx.AsyncClient) -> None:
    turns = [{"role": "user", "content": "Hello"}, {"role": "user", "content": "When?"}]
    await add(client, messages=turns, answers=["22:30"], note="a note")
    await propose(client, {"question": "Who won?", "answerable": False})
    await service.corpus("other")

    exported = await client.get(f"{PATH}/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    done = (await client.post("/v1/corpora/other/golden/import", content=exported.content)).json()

    assert (done["added"], done["refused"]) == (2, [])
    again = [json.loads(line) for line in (await client.get("/v1/corpora/other/golden/export")).text.splitlines()]
    content = ("question", "messages", "answers", "quotes", "answerable", "note")
    before = [json.loads(line) for line in exported.text.splitlines()]
    assert [[row.get(name) for name in content] for row in again] == [[r.get(name) for name in content] for r in before]
    assert (await client.get(f"{PATH}/export?state=proposed")).text.count("\n") == 1


async def test_a_disliked_answer_proposes_its_question_without_an_answer(client: httpx.AsyncClient) -> None:
    answer_id = await ask(client)
    await client.post(f"/v1/answers/{answer_id}/feedback", json={"rating": "down", "comment": "too late"})

    made = (await client.post(f"{PATH}/from-answer", json={"answer_id": answer_id})).json()

    assert (made["state"], made["origin"], made["origin_ref"]) == ("proposed", "feedback", answer_id)
    assert (made["question"], made["quotes"], made["note"]) == ("When does it close?", [], "too late")


async def test_a_good_answer_brings_its_quotes_once(service: Service, client: httpx.AsyncClient) -> None:
    answer_id = await ask(client)
    async with service.parts.catalog.writing() as tx:
        await tx.documents.grant(system_scope(service.scope.tenant_id), DocumentId("doc_a"), frozenset({EVERYONE}))
    await client.post(f"/v1/answers/{answer_id}/feedback", json={"rating": "up"})

    made, again = [(await client.post(f"{PATH}/from-answer", json={"answer_id": answer_id})).json() for _ in range(2)]

    assert made["quotes"] == [{"document_key": "parking.md", "text": QUOTE}]
    assert again == made


async def test_an_answer_that_nobody_rated_proposes_nothing(client: httpx.AsyncClient) -> None:
    reply = await client.post(f"{PATH}/from-answer", json={"answer_id": await ask(client)})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "answer_id")


async def test_an_answer_proposes_into_its_own_corpus_only(service: Service, client: httpx.AsyncClient) -> None:
    answer_id = await ask(client)
    await service.corpus("other")

    reply = await client.post("/v1/corpora/other/golden/from-answer", json={"answer_id": answer_id})

    assert reply.status_code == 404


async def test_questions_are_made_from_what_is_published_and_wait_for_review(client: httpx.AsyncClient) -> None:
    done = (await client.post(f"{PATH}/synthesise", json={"limit": 5, "seed": 3})).json()
    again = (await client.post(f"{PATH}/synthesise", json={"limit": 5, "seed": 3})).json()

    (made,) = (await client.get(PATH)).json()["data"]
    assert ([done["added"], done["duplicates"]], [again["added"], again["duplicates"]]) == ([1, 0], [0, 1])
    assert (made["state"], made["origin"], made["origin_ref"]) == ("proposed", "synthesis", "seed 3")
    assert (made["answers"], made["quotes"]) == (["22:30"], [{"document_key": "rules.md", "text": QUOTE}])


async def test_nothing_is_made_from_documents_of_others(service: Service) -> None:
    await publish(
        service, "secret.md", "The safe of the house opens at 7 in the morning.", principals=frozenset({"board"})
    )

    async with service.client(await service.key(Permission.EVAL)) as client:
        await client.post(f"{PATH}/synthesise", json={"limit": 9})
        listed = (await client.get(PATH)).json()["data"]

    assert "safe" not in json.dumps(listed)
    assert listed


async def test_of_an_empty_corpus_nothing_is_made(service: Service, client: httpx.AsyncClient) -> None:
    await service.corpus("empty")

    assert (await client.post("/v1/corpora/empty/golden/synthesise", json={})).json()["added"] == 0
