"""What a page says about others, however it is built."""

from ingestion.connectors.links import read_links

PAGE = "http://127.0.0.1/docs/page"


def test_a_page_with_a_hundred_thousand_elements_inside_each_other_is_read_like_any() -> None:
    deep = "<div>" * 100_000

    found = read_links(f'<base href="/a/"><a href="one">1</a>{deep}<a href="two">2</a>'.encode(), PAGE)

    # As in its text, elements deeper than a thousand are left out: the parser's time grows with the square of it.
    assert found.links == ("http://127.0.0.1/a/one",)


def test_links_are_read_in_the_encoding_that_the_page_names() -> None:
    page = '<meta charset="iso-8859-1"><a href="Käse">1</a>'.encode("latin-1")

    assert read_links(page, PAGE).links == ("http://127.0.0.1/docs/K%C3%A4se",)


def test_links_of_a_page_in_utf_16_are_read() -> None:
    assert read_links('<a href="one">1</a>'.encode("utf-16"), PAGE).links == ("http://127.0.0.1/docs/one",)


def test_links_after_elements_that_close_themselves_are_read() -> None:
    page = b'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><a href="one">1</a></body></html>'

    assert read_links(page, PAGE).links == ("http://127.0.0.1/docs/one",)
