"""Pages that say that they are articles: the article, and nothing of what stands around it."""

import pytest

from rag_service.domain.documents import BlockKind
from tests.unit.ingestion.parsing_values import kinds, read

SENTENCE = "The old harbour was closed in spring, and the boats lie on the other side of the town now. "
BODY = "".join(f"<p>{number}. {SENTENCE * 2}</p>" for number in range(4))
MENU = (
    "<ul class='menu'>"
    + "".join(f"<li><a href='/{n}'>Section number {n} of this paper</a></li>" for n in range(9))
    + "</ul>"
)
ABOUT = {
    "og": '<meta property="og:type" content="article">',
    "json-ld": '<script type="application/ld+json">{"@type": "NewsArticle"}</script>',
    "nothing": "",
}


def page(inner: str, *, states: str = "og", around: str = "") -> str:
    return (
        f"<html><head><title>T</title>{ABOUT[states]}</head><body>{MENU}<div id='x'>{inner}</div>{around}</body></html>"
    )


@pytest.mark.parametrize("states", ["og", "json-ld"])
def test_an_article_is_read_without_menus(states: str) -> None:
    text = read(page(f"<h1>Harbour</h1>{BODY}", states=states), "a.html").text

    assert text.startswith("Harbour\n\n0. The old harbour")
    assert "Section number" not in text


def test_other_pages_keep_all_they_show() -> None:
    assert "Section number 8" in read(page(BODY, states="nothing"), "a.html").text


def test_what_stands_beside_the_matter_goes() -> None:
    beside = (
        "<div class='share-bar'>Tell your friends about it</div><aside>More of this kind</aside>"
        "<div><a href='/a'>Another story that you might like to read</a></div><div class='newsletter'>Letters by mail</div>"
    )

    text = read(page(BODY + beside), "a.html").text

    assert [words for words in ("Tell", "More of", "Another", "Letters") if words in text] == []


def test_headings_lists_and_tables_of_an_article_stay() -> None:
    inner = f"{BODY}<h2>Why</h2><ul><li>no room for the large boats</li></ul><table><tr><td>a<td>b</table>{BODY}"

    blocks = kinds(read(page(inner), "a.html"))

    assert (BlockKind.HEADING, "Why") in blocks
    assert (BlockKind.LIST_ITEM, "- no room for the large boats") in blocks
    assert (BlockKind.TABLE, "a | b") in blocks


def test_the_headline_is_kept_when_it_stands_outside() -> None:
    text = read(page(f"<header><h1>Harbour closed</h1></header><div>{BODY}</div>"), "a.html").text

    assert text.startswith("Harbour closed\n\n0. The old")


def test_an_article_in_several_parts_is_whole() -> None:
    parts = "".join(f"<div class='chunk'><div>{BODY.replace('old', f'old{n}')}</div></div>" for n in range(3))

    text = read(page(parts), "a.html").text

    assert all(f"old{n} harbour" in text for n in range(3))


def test_a_page_with_too_little_of_an_article_is_read_as_any_page() -> None:
    assert "Section number 8" in read(page("<p>Short.</p>"), "a.html").text


def test_captions_are_kept_once() -> None:
    figure = "<figure><img alt='Boats at night' src='x'><figcaption>Boats at night</figcaption></figure>"

    assert read(page(BODY + figure + BODY), "a.html").text.count("Boats at night") == 1


def test_an_article_nested_very_deeply_is_read() -> None:
    assert "harbour" in read(page("<div>" * 5000 + BODY), "a.html").text


def test_xhtml_elements_that_close_themselves_swallow_nothing() -> None:
    text = (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a.js" /></head>'
        "<body><a id=\"x\"/><p>Words <i class='y'/>and more<br/>of them.</p></body></html>"
    )

    assert read(text, "a.xhtml").text == "Words and more\nof them."
