"""Pages over a real catalog: sign-in, who sees what, and what a browser is told to allow."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from rag_service import web
from rag_service.domain.access import EVERYONE, Permission, system_scope
from rag_service.domain.documents import Block, BlockKind, ParsedDocument, PreparedRevision
from rag_service.domain.ids import CorpusId, DocumentId, FileId
from rag_service.domain.spans import Span
from tests.api.background import publish_uploads
from tests.api.parts import Service

TEXT = "Parking\n\nThe <b>car</b> park 🚗 closes at 22:30."
QUOTE = Span(9, len(TEXT))


@pytest.fixture
async def browser(service: Service) -> httpx.AsyncClient:
    web.install(service.app)
    return service.anonymous()


async def sign_in(browser: httpx.AsyncClient, secret: str) -> httpx.Response:
    return await browser.post("/login", data={"key": secret})


async def token_of(service: Service) -> str:
    link = await service.parts.keys.login_link(service.scope)
    return parse_qs(urlsplit(link).query)["token"][0]


async def add_document(service: Service, principals: frozenset[str] = frozenset({EVERYONE})) -> str:
    """Put a prepared document into a new corpus; return the address of its page."""
    corpus_id = await service.corpus()
    async with service.client() as client:
        stored = (await client.post("/v1/files", files={"file": ("parking.md", TEXT.encode())})).json()
    file = await service.parts.uploads.accept_file(
        service.scope, corpus=corpus_id, file_id=FileId(stored["id"]), attributes={}, principals=principals
    )
    document_id = file.revision.document_id
    blocks = (Block(span=Span(0, 7), kind=BlockKind.HEADING, level=1), Block(span=QUOTE, kind=BlockKind.PARAGRAPH))
    parsed = ParsedDocument(text=TEXT, blocks=blocks, title="Parking", warnings=("page 2 was <not> read",))
    prepared = PreparedRevision(document_id=document_id, number=1, parsed=parsed, chunk_count=1, language="en")
    async with service.parts.catalog.writing() as tx:
        await tx.documents.mark_prepared(system_scope(service.scope.tenant_id), [prepared])
    return f"/sources/{document_id}/1"


async def test_a_page_without_a_session_leads_to_sign_in_and_back(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/library?x=1")

    assert (response.status_code, response.headers["location"]) == (303, "/login?next=%2Flibrary%3Fx%3D1")


async def test_a_link_from_another_site_loads_again_so_that_the_strict_cookie_is_sent(
    browser: httpx.AsyncClient,
) -> None:
    response = await browser.get("/", headers={"sec-fetch-site": "cross-site"})

    assert response.status_code == 200 and 'http-equiv="refresh"' in response.text


async def test_opening_a_login_link_does_not_spend_it(service: Service, browser: httpx.AsyncClient) -> None:
    token = await token_of(service)

    await browser.get("/login", params={"token": token})
    response = await browser.post("/login", data={"token": token})

    assert (response.status_code, response.headers["location"]) == (303, "/")


async def test_a_spent_login_link_says_how_to_get_a_new_one(service: Service, browser: httpx.AsyncClient) -> None:
    token = await token_of(service)
    await browser.post("/login", data={"token": token})

    response = await browser.post("/login", data={"token": token})

    assert response.status_code == 401 and "rag key login-link" in response.text


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    service: Service, browser: httpx.AsyncClient
) -> None:
    cookie = (await sign_in(browser, service.secret)).headers["set-cookie"]

    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Max-Age=43200" in cookie


async def test_a_wrong_key_is_told_and_signs_nobody_in(browser: httpx.AsyncClient) -> None:
    response = await sign_in(browser, "rag_wrong")

    assert response.status_code == 401 and "set-cookie" not in response.headers


async def test_a_login_form_of_another_site_is_refused(service: Service, browser: httpx.AsyncClient) -> None:
    response = await browser.post("/login", data={"key": service.secret}, headers={"origin": "http://evil.test"})

    assert response.status_code == 403 and "set-cookie" not in response.headers


@pytest.mark.parametrize("target", ["//evil.test", "/\\evil.test", "http://evil.test"])
async def test_sign_in_leads_to_no_other_host(service: Service, browser: httpx.AsyncClient, target: str) -> None:
    response = await browser.post("/login", data={"key": service.secret, "next": target})

    assert response.headers["location"] == "/"


async def test_signing_out_needs_the_token_of_the_session(service: Service, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, service.secret)

    refused = await browser.post("/logout", data={"csrf_token": "guess"})

    assert refused.status_code == 403 and (await browser.get("/")).status_code == 200


async def test_after_signing_out_the_session_is_worth_nothing(service: Service, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, service.secret)
    secret = browser.cookies["rag_session"]
    session = await service.parts.keys.session(secret)

    await browser.post("/logout", data={"csrf_token": session.csrf_token})

    assert (await browser.get("/", headers={"cookie": f"rag_session={secret}"})).status_code == 303


async def test_pages_run_no_inline_script_and_load_nothing_from_elsewhere(
    service: Service, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, service.secret)

    policy = (await browser.get("/")).headers["content-security-policy"]

    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy


async def test_static_files_may_be_kept_and_are_revalidated_by_hash(browser: httpx.AsyncClient) -> None:
    first = await browser.get(f"{web.STATIC_URL}/chat.js")
    again = await browser.get(f"{web.STATIC_URL}/chat.js", headers={"if-none-match": first.headers["etag"]})

    assert "immutable" in first.headers["cache-control"] and again.status_code == 304


async def test_a_source_shows_the_quote_marked_and_its_markup_as_text(
    service: Service, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, service.secret)
    address = await add_document(service)

    page = await browser.get(address, params={"start": QUOTE.start, "end": QUOTE.end})

    assert ">The &lt;b&gt;car&lt;/b&gt; park 🚗 closes at 22:30.</mark>" in page.text


async def test_a_source_says_its_language_to_browsers(service: Service, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, service.secret)
    address = await add_document(service)

    assert '<div class="document" lang="en">' in (await browser.get(address)).text
    assert (await browser.get(f"{address}/excerpt")).json()["language"] == "en"


async def test_the_page_of_a_document_says_what_could_not_be_read_of_it(
    service: Service, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, service.secret)

    page = await browser.get(await add_document(service))

    assert "<p>page 2 was &lt;not&gt; read</p>" in page.text


async def test_an_excerpt_holds_the_quote_by_code_points(service: Service, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, service.secret)
    address = await add_document(service)

    excerpt = (await browser.get(f"{address}/excerpt", params={"start": QUOTE.end - 6, "end": QUOTE.end - 1})).json()

    segments = [segment for block in excerpt["blocks"] for segment in block["segments"]]
    assert [segment["text"] for segment in segments if segment["quoted"]] == ["22:30"]


async def test_a_source_that_is_not_granted_looks_like_one_that_is_absent(
    service: Service, browser: httpx.AsyncClient
) -> None:
    forbidden = await add_document(service, frozenset({"board"}))
    await sign_in(browser, await service.key(Permission.CHAT))

    for address in (forbidden, "/sources/doc_missing/1"):
        response = await browser.get(address)

        assert response.status_code == 404 and "not shared with you" in response.text


async def test_the_chat_lists_only_corpora_the_key_may_read(service: Service, browser: httpx.AsyncClient) -> None:
    allowed = await service.corpus("allowed")
    await service.corpus("hidden")
    await sign_in(browser, await service.key(Permission.CHAT, corpora=frozenset({CorpusId(allowed)})))

    page = (await browser.get("/")).text

    assert 'value="allowed"' in page and "hidden</option>" not in page


async def test_a_corpus_shows_what_its_golden_questions_have_taught(
    service: Service, browser: httpx.AsyncClient
) -> None:
    corpus = CorpusId(await service.corpus())
    await sign_in(browser, await service.key(Permission.CHAT))
    before = (await browser.get(f"/library/{corpus}")).text

    async with service.parts.catalog.writing() as tx:
        await tx.corpora.set_dense_weight(service.scope, corpus, 0.35)

    after = (await browser.get(f"/library/{corpus}")).text
    assert ("learned from" in before, "meaning counts up to 35 %, words the rest: learned from" in after) == (
        False,
        True,
    )


async def test_without_the_permission_the_library_offers_no_upload(
    service: Service, browser: httpx.AsyncClient
) -> None:
    corpus = await service.corpus()
    await sign_in(browser, await service.key(Permission.CHAT))

    page = (await browser.get(f"/library/{corpus}")).text

    assert 'type="file"' not in page


async def test_while_the_service_starts_pages_say_so(service: Service, browser: httpx.AsyncClient) -> None:
    service.app.state.container = None

    response = await browser.get("/", headers={"cookie": "rag_session=any"})

    assert response.status_code == 503 and "Try again" in response.text


async def two_versions(service: Service) -> str:
    """Publish a document, then its removal; return the address of the corpus."""
    address = await add_document(service)
    async with service.parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(service.scope, "handbook")
        document = await tx.documents.revision(service.scope, DocumentId(address.split("/")[2]), 1)
    await publish_uploads(service, corpus.id)
    await service.parts.remove_document(service.scope, corpus="handbook", file_id=document.file_id)
    await publish_uploads(service, corpus.id)
    return f"/library/{corpus.id}"


async def csrf_token_of(service: Service, browser: httpx.AsyncClient) -> str:
    return (await service.parts.keys.session(browser.cookies["rag_session"])).csrf_token


async def test_a_corpus_shows_its_versions_with_the_published_one_marked(
    service: Service, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, service.secret)
    address = await two_versions(service)
    await service.parts.curate_versions.label(service.scope, corpus="handbook", label="spring", number=1)

    page = (await browser.get(address)).text

    newest, oldest = page.split('aria-label="Versions, newest first"')[1].split("</li>")[:2]
    assert "Version 2" in newest and "Published now" in newest and "<button" not in newest
    assert "Version 1" in oldest and "spring" in oldest and "Make this the published version" in oldest


async def test_an_old_version_is_published_from_its_page(service: Service, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, service.secret)
    address = await two_versions(service)
    form = {"csrf_token": await csrf_token_of(service, browser)}

    response = await browser.post(f"{address}/versions/1/publish", data=form)

    assert (response.status_code, response.headers["location"]) == (303, f"{address}#versions")
    async with service.parts.catalog.reading() as tx:
        assert (await tx.corpora.get(service.scope, "handbook")).published == 1


async def test_publishing_from_a_page_needs_the_token_of_the_session(
    service: Service, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, service.secret)
    address = await two_versions(service)

    response = await browser.post(f"{address}/versions/1/publish", data={"csrf_token": "guess"})

    assert response.status_code == 403 and "Nothing was published" in response.text
    async with service.parts.catalog.reading() as tx:
        assert (await tx.corpora.get(service.scope, "handbook")).published == 2


async def test_a_version_that_is_published_already_is_told_on_the_page(
    service: Service, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, service.secret)
    address = await two_versions(service)
    form = {"csrf_token": await csrf_token_of(service, browser)}

    response = await browser.post(f"{address}/versions/2/publish", data=form)

    assert response.status_code == 409 and 'role="alert"' in response.text and "Documents" in response.text


async def test_held_drafts_are_shown_with_their_state(service: Service, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, service.secret)
    corpus = await service.corpus()
    await service.parts.drafts.open(service.scope, corpus=corpus, name="spring <1>", notes="for May")

    page = (await browser.get(f"/library/{corpus}")).text

    assert "Draft “spring &lt;1&gt;”" in page and ">Open</span>" in page and "for May" in page


@pytest.mark.parametrize(
    ("permission", "is_told"), [(Permission.CHAT, False), (Permission.HISTORY, True), (Permission.PUBLISH, True)]
)
async def test_versions_are_shown_to_those_who_may_know_of_them(
    service: Service, browser: httpx.AsyncClient, permission: Permission, is_told: bool
) -> None:
    address = await two_versions(service)
    await sign_in(browser, await service.key(permission))

    page = (await browser.get(address)).text

    assert ('id="versions"' in page) is is_told
    assert ("Make this the published version" in page) is (permission is Permission.PUBLISH)
