"""Jobs through Celery on Valkey: the job table is the truth, whatever becomes of the messages.

`make test-slow` has the same on RabbitMQ, where that is installed, and a line that is away for a minute.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from ingestion.brokered.consumers import Consumers
from rag_service.app import FIRST_TENANT
from rag_service.domain.access import system_scope
from rag_service.domain.versions import OPEN
from rag_service.domain.work_queues import WorkQueue
from rag_service.errors import DependencyUnavailable, Misconfigured
from rag_service.queue.broker import WORK_OFF, Broker, open_app
from tests.cut_line import line_to
from tests.index_hosts import running_host
from tests.integration.celery_place import (
    BEAT,
    DIMENSIONS,
    LARGE_CHUNKS,
    SOUND_WORKER,
    WORKER,
    Api,
    Place,
    Process,
    api_of,
    children_of,
)
from tests.patience import PATIENCE_S, until
from tests.postgres import PostgresDatabases
from tests.rabbitmq import UNACKNOWLEDGED_S, needs_rabbitmq, running_rabbitmq
from tests.valkey import running_valkey

SCOPE = system_scope(FIRST_TENANT)
MANY = 20


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(running_valkey, id="valkey"),
        pytest.param(running_rabbitmq, id="rabbitmq", marks=[pytest.mark.slow, needs_rabbitmq]),
    ],
)
def place(request: pytest.FixtureRequest, migrated_postgres: PostgresDatabases) -> Iterator[Place]:
    migrated_postgres.forget()
    index = {"RAG_EMBEDDING__BACKEND": "hashing", "RAG_EMBEDDING__DIMENSIONS": str(DIMENSIONS)}
    with request.param() as broker, line_to(broker.port) as line, running_host(**index) as host:
        yield Place(host.data_dir, migrated_postgres.url(), broker, line)
    migrated_postgres.forget()


@pytest.fixture(scope="module")
def beat(place: Place) -> Iterator[None]:
    with place.running(BEAT):
        yield


@pytest.fixture(scope="module")
def workers(place: Place, beat: None) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        yield [stack.enter_context(place.running(WORKER, "--concurrency", "1")) for _ in range(2)]


@pytest.fixture
async def api(place: Place) -> AsyncIterator[Api]:
    async with api_of(place) as opened:
        yield opened


async def assert_each_job_once(api: Api, corpus: str) -> None:
    """There is one job for each thing to do, all succeeded, and the index has every chunk once.

    Not "at the first attempt": on a busy machine a lease may run out, and a fence makes the second one harmless.
    """
    jobs = await api.until_all_over(corpus)
    assert {job["state"] for job in jobs} == {"succeeded"}
    prepared = [job["subject"] for job in jobs if job["kind"] == "prepare_revision"]
    assert len(set(prepared)) == len(prepared) > 0
    await assert_index_agrees(api, corpus)


async def assert_index_agrees(api: Api, corpus: str) -> None:
    container = api.container
    async with container.catalog.reading() as tx:
        found = await tx.corpora.get(SCOPE, corpus)
        members = await tx.versions.members(SCOPE, found.id, found.published)
        chunks = await tx.chunks.of_members(SCOPE, found.fingerprint, sorted(members))
    pages = container.index.states(found.fingerprint, corpus_id=found.id)
    points = Counter([point.chunk_id async for page in pages for point in page if point.died == OPEN])
    assert points == Counter(chunk.id for of_member in chunks.values() for chunk in of_member)


async def test_a_queue_without_a_worker_shows_its_jobs_as_starved(place: Place, api: Api, beat: None) -> None:
    corpus = await api.corpus("starved")
    with place.running(WORKER, "--queues", "parse,embed", "--concurrency", "1"):
        await api.upload(corpus, "one.md", "Apples ripen in autumn.")

        async def starves() -> bool:
            jobs = await api.jobs(corpus)
            return {(job["kind"], job["state"]) for job in jobs} == {
                ("prepare_revision", "succeeded"),
                ("seal_draft", "starved"),
            }

        async def is_missed() -> bool:
            with pytest.raises(Misconfigured) as refused:
                await consumers(place, api).until_complete()
            return str(refused.value).endswith("rag worker --queues index")

        await until(starves, "the seal starved")
        # A busy worker may answer too late to be counted.
        await until(is_missed, "only the queue without a worker missed")


def consumers(place: Place, api: Api) -> Consumers:
    impatient = place.settings.model_copy(
        update={"queue": place.settings.queue.model_copy(update={"consumers_within_s": 0})}
    )
    broker = Broker(open_app(impatient.queue))
    return Consumers(catalog=api.container.catalog, broker=broker, clock=api.container.clock, settings=impatient)


@pytest.mark.parametrize(
    ("lose", "find"),
    [
        (lambda place: place.line.cut(), lambda place: place.line.heal()),
        (lambda place: place.broker.freeze(), lambda place: place.broker.thaw()),
    ],
    ids=["cut", "frozen"],
)
async def test_a_worker_that_is_told_to_stop_without_its_broker_ends_in_good_order_and_another_does_its_job(
    place: Place, api: Api, beat: None, lose: Callable[[Place], None], find: Callable[[Place], None]
) -> None:
    corpus = await api.corpus(f"without broker {os.urandom(4).hex()}")
    await api.upload(corpus, "busy.txt", "words without end")
    with place.running(WORKER, "--concurrency", "1", RAG_TEST_UNHEARD_S="0.5") as process:
        await until(partial(runs, api, corpus), "the job running")
        lose(place)
        process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(process.wait, PATIENCE_S)
    [given_back] = await api.jobs(corpus)
    find(place)

    with place.running(SOUND_WORKER, "--concurrency", "1"):
        await api.until_completed(corpus, 1)
        await assert_each_job_once(api, corpus)

    assert (status, given_back["attempts"]) == (0, 0)


@pytest.mark.slow
async def test_work_that_outlasts_the_brokers_patience_costs_no_worker_and_is_done_once(
    place: Place, api: Api, beat: None
) -> None:
    """Valkey delivers the message again, RabbitMQ closes the channel as well."""
    corpus = await api.corpus("impatient")
    with place.running(WORKER, "--concurrency", "2") as process:
        await api.upload(corpus, "busy.txt", "words without end")
        await until(partial(runs, api, corpus), "the job running")
        await asyncio.sleep(2 * UNACKNOWLEDGED_S)

        await api.upload(corpus, "apples.md", "Apples ripen in autumn.")
        await api.until_completed(corpus, 1)
        assert process.poll() is None

    with place.running(SOUND_WORKER, "--concurrency", "1"):
        await api.until_completed(corpus, 2)
        await assert_each_job_once(api, corpus)


async def runs(api: Api, corpus: str) -> bool:
    return [job["state"] for job in await api.jobs(corpus)] == ["running"]


async def test_an_upload_becomes_searchable(api: Api, workers: object) -> None:
    corpus = await api.corpus("fruit")

    await api.upload(corpus, "apples.md", "Apples ripen in autumn.")

    await api.until_completed(corpus, 1)
    assert await api.found(corpus, "When do apples ripen?") == ["apples.md"]


async def test_a_large_document_is_embedded_in_parts_by_all_workers_and_is_one_job(api: Api, workers: object) -> None:
    corpus = await api.corpus("large")
    chapters = [f"# Chapter {number}\n\n" + f"What {number} says. " * 100 for number in range(40)]

    await api.upload(corpus, "large.md", "\n\n".join(chapters))

    await api.until_completed(corpus, 1)
    await assert_each_job_once(api, corpus)
    [prepared] = await api.jobs(corpus, kind="prepare_revision")
    assert prepared["chunks"]["done"] == prepared["chunks"]["total"] >= len(chapters) > LARGE_CHUNKS


async def test_a_broker_that_lost_everything_loses_no_upload(place: Place, api: Api, workers: object) -> None:
    corpus = await api.corpus("restart")
    place.broker.kill()

    await api.upload_many(corpus, MANY)
    place.broker.start()

    await api.until_completed(corpus, MANY)
    await assert_each_job_once(api, corpus)


@pytest.mark.parametrize(
    ("how", "away_s"), [("cut", 6), ("go_dead", 6), pytest.param("go_dead", 60, marks=pytest.mark.slow)]
)
async def test_uploads_are_accepted_while_the_broker_is_away_and_each_is_worked_off_once(
    place: Place, api: Api, workers: object, how: str, away_s: float
) -> None:
    corpus = await api.corpus(f"partition {how} {away_s}")
    getattr(place.line, how)()

    await api.upload_many(corpus, MANY)
    await asyncio.sleep(away_s)
    await api.upload(corpus, "last.md", "What came last, still without a broker.")
    place.line.heal()

    await api.until_completed(corpus, MANY + 1)
    await assert_each_job_once(api, corpus)


@pytest.mark.slow
async def test_a_broker_that_answers_nothing_any_more_counts_as_down(place: Place) -> None:
    broker = Broker(open_app(place.settings.queue))
    broker.wake(WorkQueue.PARSE, None)
    place.line.go_dead()

    with pytest.raises(DependencyUnavailable):
        await asyncio.to_thread(broker.wake, WorkQueue.PARSE, None)

    place.line.heal()
    broker.wake(WorkQueue.PARSE, None)
    broker.close()


async def test_messages_that_come_twice_to_two_workers_have_each_job_done_once(
    place: Place, api: Api, workers: object
) -> None:
    corpus = await api.corpus("twice")

    await api.upload_many(corpus, MANY)
    await asyncio.to_thread(send_often, place)

    await api.until_completed(corpus, MANY)
    await assert_each_job_once(api, corpus)


def send_often(place: Place) -> None:
    with open_app(place.settings.queue) as app:
        for queue in ("parse", "index") * MANY:
            app.send_task(WORK_OFF, args=[queue, None], queue=queue)


async def test_a_file_that_kills_its_parser_is_dead_after_three_tries_and_others_are_not_affected(
    api: Api, workers: object
) -> None:
    corpus = await api.corpus("poison")
    await api.upload(corpus, "before.md", "Pears taste of summer.")
    await api.upload(corpus, "segfault.txt", "harmless words")
    await api.upload(corpus, "after.md", "Plums dry in the sun.")

    await api.until_completed(corpus, 2)
    jobs = await api.until_all_over(corpus)

    dead = [(job["reason"], job["attempts"]) for job in jobs if job["state"] == "dead"]
    assert dead == [("parser_crashed", 3)]


async def test_a_process_that_is_killed_with_jobs_at_hand_loses_none_of_them(
    place: Place, api: Api, workers: list[Process]
) -> None:
    corpus = await api.corpus("killed")
    await api.upload_many(corpus, MANY)
    for process in workers:
        for pid in children_of(process.pid):
            os.kill(pid, signal.SIGKILL)

    await api.until_completed(corpus, MANY)

    jobs = await api.until_all_over(corpus)
    assert {job["state"] for job in jobs} == {"succeeded"}
    await assert_index_agrees(api, corpus)


async def test_workers_find_what_is_due_when_no_message_ever_comes(place: Place, api: Api, beat: None) -> None:
    corpus = await api.corpus("unheard")
    with place.running(WORKER, "--concurrency", "1", RAG_TEST_UNHEARD_S="0.5") as process:
        place.line.cut()
        await api.upload(corpus, "apples.md", "Apples ripen in autumn.")

        await api.until_completed(corpus, 1)
        place.line.heal()
        assert process.poll() is None


async def test_workers_that_are_told_to_stop_give_back_what_takes_too_long(api: Api, workers: list[Process]) -> None:
    """The last test here, as it ends the workers of the others."""
    corpus = await api.corpus("stopped")
    await api.upload(corpus, "busy.txt", "words without end")
    await until(partial(runs, api, corpus), "the job running")
    for process in workers:
        process.send_signal(signal.SIGTERM)

    assert [await asyncio.to_thread(process.wait, PATIENCE_S) for process in workers] == [0, 0]
    [job] = await api.jobs(corpus)
    assert (job["state"], job["attempts"]) in {("queued", 0), ("starved", 0)}
