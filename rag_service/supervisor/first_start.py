"""What a person sees when the service starts: how far it is, the sample corpus, and where to go."""

import asyncio
import time
from collections.abc import Callable

import httpx

from rag_service.client import ApiError, Client, FileCounts
from rag_service.errors import Misconfigured
from rag_service.sample import chapters, golden_questions
from rag_service.settings import Settings

SAMPLE_CORPUS = "handbook"
SAMPLE_QUESTION = "How long does a login link work?"
START_LIMIT_S = 180.0
_POLL_S = 0.1
_LOADED = "sample.loaded"

Say = Callable[[str], None]


async def until_loaded(settings: Settings) -> None:
    """Wait until the API can say how far it is."""
    await _until(lambda status: status is not None, settings)


async def until_ready(settings: Settings) -> None:
    """Wait until every part works, the embedding model too."""
    await _until(lambda status: status == httpx.codes.OK, settings)


def load_sample(settings: Settings, say: Say) -> None:
    """Load the handbook, once in the life of a data folder: who deletes it does not get it again."""
    marker = settings.data_dir / _LOADED
    if marker.exists():
        return
    with _client(settings) as client:
        client.ensure_corpus(SAMPLE_CORPUS)
        files = chapters()
        for number, path in enumerate(files, start=1):
            say(f"Uploading the sample corpus: {number} of {len(files)} chapters")
            client.add_file(SAMPLE_CORPUS, client.upload_file(path)["id"], {"document_key": path.name})
        client.wait_until_done(SAMPLE_CORPUS, _reporter(say))
        _load_golden_questions(client, say)
    marker.touch()


def greet(settings: Settings, say: Say) -> None:
    """Say where to go, and print a command that gets an answer."""
    with _client(settings) as client:
        link = client.login_link()
    say(f"\nThe service is ready.\n\n  Open   {link}")
    say(f"         (signs you in once, within {settings.security.login_link_minutes:.0f} minutes;")
    say("         `rag key login-link` makes another)")
    if (settings.data_dir / _LOADED).exists():
        say(_curl(settings))
    say(f"\nCtrl-C stops it; everything is kept in {settings.data_dir.resolve()}.")


def _load_golden_questions(client: Client, say: Say) -> None:
    try:
        grown = client.import_golden(SAMPLE_CORPUS, golden_questions().read_bytes())
    except ApiError as exc:
        # The service answers without them.
        say(f"The golden questions of the sample corpus are not loaded: {exc}")
        return
    say(f"Loaded {grown['added']} golden questions of the sample corpus")


def _curl(settings: Settings) -> str:
    key_path = settings.data_dir.resolve() / "admin.key"
    question = f'{{"model": "{SAMPLE_CORPUS}", "messages": [{{"role": "user", "content": "{SAMPLE_QUESTION}"}}]}}'
    return f"""
  Ask    curl -s {settings.public_url}/v1/chat/completions \\
           -H "Authorization: Bearer $(cat {key_path})" -H "Content-Type: application/json" \\
           -d '{question}'"""


def _reporter(say: Say) -> Callable[[FileCounts], None]:
    last = None

    def report(counts: FileCounts) -> None:
        nonlocal last
        if counts != last:
            say(f"Reading the sample corpus: {counts.completed} of {counts.total} chapters ready")
        last = counts

    return report


def _client(settings: Settings) -> Client:
    key = (settings.data_dir / "admin.key").read_text(encoding="utf-8").strip()
    return Client(_local_url(settings), key)


async def _until(is_enough: Callable[[int | None], bool], settings: Settings) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    async with httpx.AsyncClient(base_url=_local_url(settings), timeout=5, trust_env=False) as client:
        while not is_enough(await _readiness(client)):
            if time.monotonic() > deadline:
                raise Misconfigured(f"The service did not start. Look into {settings.data_dir.resolve()}/logs.")
            await asyncio.sleep(_POLL_S)


async def _readiness(client: httpx.AsyncClient) -> int | None:
    """Return the status of /readyz, None without an answer."""
    try:
        return (await client.get("/readyz")).status_code
    except httpx.TransportError:
        return None


def _local_url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port}"
