"""Settings of sources: every mistake is named by its field."""

import pytest

from rag_service.domain.sources import (
    SOURCE_KINDS,
    FolderSource,
    GitSource,
    ObjectStoreSource,
    SourceSettings,
    WebsiteSource,
    as_values,
    parse_credentials,
    parse_source,
)
from rag_service.errors import InvalidRequest

EXAMPLES: list[SourceSettings] = [
    FolderSource(path="/srv/papers", include=("*.pdf",)),
    GitSource(url="https://example.org/a.git", branch="main", path="docs", exclude=("drafts/",)),
    WebsiteSource(url="https://example.org/docs/", sitemaps=("https://example.org/s.xml",), delay_s=1.5, crawl=False),
    ObjectStoreSource(url="s3://bucket/a", endpoint_url="https://store.example.org", region="eu-central-1"),
]


@pytest.mark.parametrize("settings", EXAMPLES, ids=lambda one: one.kind)
def test_settings_come_back_from_their_values(settings: SourceSettings) -> None:
    assert parse_source(settings.kind, as_values(settings)) == settings


def test_every_kind_has_an_example() -> None:
    assert {settings.kind for settings in EXAMPLES} == set(SOURCE_KINDS)


def test_whole_numbers_are_numbers() -> None:
    assert parse_source("website", {"url": "https://a.example/", "delay_s": 2}).delay_s == 2.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "values", "param"),
    [
        ("ftp", {}, "kind"),
        ("folder", {}, "path"),
        ("folder", {"path": "/a", "glob": "*"}, "glob"),
        ("folder", {"path": "papers"}, "path"),
        ("folder", {"path": 3}, "path"),
        ("folder", {"path": "/a\nb"}, "path"),
        ("folder", {"path": "/" + "a" * 3000}, "path"),
        ("folder", {"path": "/a", "include": "*.md"}, "include"),
        ("folder", {"path": "/a", "include": [3]}, "include"),
        ("folder", {"path": "/a", "exclude": [""]}, "exclude"),
        ("folder", {"path": "/a", "exclude": ["x"] * 101}, "exclude"),
        ("git", {"url": "ssh://git@example.org/a"}, "url"),
        ("git", {"url": "git@example.org:a"}, "url"),
        ("git", {"url": "https://ann:pw@example.org/a"}, "url"),
        ("git", {"url": "https:///a"}, "url"),
        ("git", {"url": "https://example.org:99999/a"}, "url"),
        ("git", {"url": "https://[broken/a"}, "url"),
        ("git", {"url": "https://example.org/a", "branch": "--upload-pack=x"}, "branch"),
        ("git", {"url": "https://example.org/a", "path": "../x"}, "path"),
        ("website", {"url": "file:///etc"}, "url"),
        ("website", {"url": "https://example.org/", "crawl": False}, "crawl"),
        ("website", {"url": "https://example.org/", "crawl": 1}, "crawl"),
        ("website", {"url": "https://example.org/", "max_pages": True}, "max_pages"),
        ("website", {"url": "https://example.org/", "max_pages": 0}, "max_pages"),
        ("website", {"url": "https://example.org/", "delay_s": float("nan")}, "delay_s"),
        ("website", {"url": "https://example.org/", "concurrency": 9}, "concurrency"),
        ("website", {"url": "https://example.org/", "path_prefix": "docs"}, "path_prefix"),
        ("website", {"url": "https://example.org/", "sitemaps": ["ftp://x/y"]}, "sitemaps"),
        ("object_store", {"url": "file:///etc"}, "url"),
        ("object_store", {"url": "simplecache::s3://a/b"}, "url"),
        ("object_store", {"url": "local:///etc"}, "url"),
        ("object_store", {"url": "bucket/a"}, "url"),
        ("object_store", {"url": "s3://a", "endpoint_url": "file:///x"}, "endpoint_url"),
        ("object_store", {"url": "s3://a", "region": "x.example.org/"}, "region"),
    ],
)
def test_what_cannot_be_used_is_named(kind: str, values: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_source(kind, values)

    assert caught.value.param == param
    assert "pw" not in str(caught.value)


def test_credentials_are_those_of_the_kind() -> None:
    assert parse_credentials("git", {"token": "t", "username": ""}) == {"token": "t"}


@pytest.mark.parametrize(
    "values", [{"secret": "s3cret"}, {"token": "s3\ncret"}, {"token": 3}, {"token": "s3cret" * 1000}]
)
def test_other_credentials_are_refused_without_being_repeated(values: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_credentials("git", values)

    assert "s3" not in str(caught.value)
