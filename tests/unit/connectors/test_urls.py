import pytest

from ingestion.connectors.content_types import ending_of
from ingestion.connectors.credentials import authorisation
from ingestion.connectors.urls import filename_of, normalised, site_of
from rag_service.errors import SourceRefused


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://a.example", "https://a.example/"),
        ("HTTPS://A.Example:443/x/../y?b=1#part", "https://a.example/y?b=1"),
        ("https://bücher.example/ä b", "https://xn--bcher-kva.example/%C3%A4%20b"),
        ("https://a.example/a%2Fb?c=%20", "https://a.example/a%2Fb?c=%20"),
        ("sub/page", "https://base.example/folder/sub/page"),
        ("//other.example/x", "https://other.example/x"),
        ("?page=2", "https://base.example/folder/here?page=2"),
        ("javascript:alert(1)", None),
        ("mailto:ann@example.org", None),
        ("https://ann:pw@a.example/", None),
        ("https://a.example:99999/", None),
        ("https://a.example/" + "x" * 3000, None),
    ],
)
def test_an_address_is_written_one_way(written: str, meant: str | None) -> None:
    assert normalised(written, base="https://base.example/folder/here") == meant


@pytest.mark.parametrize(
    ("url", "is_held"),
    [
        ("http://a.example/docs/x", True),
        ("https://a.example/docs/x", True),
        ("http://a.example/docs", False),
        ("http://a.example/docs-2/x", False),
        ("http://a.example:8080/docs/x", False),
        ("http://www.a.example/docs/x", False),
        ("http://a.example.evil.example/docs/x", False),
    ],
)
def test_a_site_is_one_host_and_port_below_a_folder(url: str, is_held: bool) -> None:
    assert site_of("http://a.example/docs/index.html", "").holds(url) is is_held


def test_a_site_that_is_protected_does_not_become_open() -> None:
    assert not site_of("https://a.example/", "").holds("http://a.example/x")


@pytest.mark.parametrize(
    ("url", "ending", "name"),
    [
        ("https://a.example/", ".html", "a.example.html"),
        ("https://a.example/guide/", ".html", "guide.html"),
        ("https://a.example/a%20b%2F..%0A.pdf?x=1", ".pdf", "...pdf"),
        ("https://a.example/page.php", ".html", "page.php.html"),
    ],
)
def test_a_page_has_a_file_name_with_the_ending_of_its_content(url: str, ending: str, name: str) -> None:
    assert filename_of(url, ending) == name


@pytest.mark.parametrize(
    ("content_type", "url", "ending"),
    [
        ("text/html; charset=utf-8", "https://a.example/x.pdf", ".html"),
        ("application/octet-stream", "https://a.example/x.PDF?y", ".pdf"),
        ("text/plain", "https://a.example/readme.md", ".md"),
        ("text/plain", "https://a.example/readme", ".txt"),
        ("", "https://a.example/x.htm", ".html"),
        ("image/png", "https://a.example/x.html", None),
        ("application/octet-stream", "https://a.example/x.exe", None),
    ],
)
def test_the_ending_follows_the_content_type_unless_it_says_nothing(
    content_type: str, url: str, ending: str | None
) -> None:
    assert ending_of(content_type, url) == ending


def test_a_token_goes_as_a_bearer_or_as_a_password() -> None:
    assert authorisation({"token": "t"}) == "Bearer t"
    assert authorisation({"token": "t"}, token_user="oauth2") == "Basic b2F1dGgyOnQ="
    assert authorisation({"token": "t", "username": "ann"}) == "Basic YW5uOnQ="
    assert authorisation({}) == ""


def test_a_token_that_cannot_be_sent_is_refused_without_being_repeated() -> None:
    with pytest.raises(SourceRefused) as caught:
        authorisation({"token": "s3crét"})

    assert "s3cr" not in str(caught.value)
