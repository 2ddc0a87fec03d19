import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.connectors.globs import Globs
from ingestion.connectors.keys import key_of, path_of


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.md", "a.md", True),
        ("*.md", "deep/er/a.md", True),
        ("*.md", "a.mdx", False),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/deep/a.md", False),
        ("docs/*.md", "other/docs/a.md", False),
        ("/docs/*.md", "docs/a.md", True),
        ("docs/**", "docs/deep/a.md", True),
        ("docs/**/a.md", "docs/a.md", True),
        ("docs/**/a.md", "docs/deep/er/a.md", True),
        ("**/drafts/**", "a/drafts/b/c.md", True),
        ("drafts/", "a/drafts/c.md", True),
        ("drafts/", "a/drafts", False),
        ("a/drafts/", "b/a/drafts/c", False),
        ("?.md", "ab.md", False),
        ("[ab].md", "a.md", True),
        ("[!ab].md", "a.md", False),
        ("README", "readme", False),
        ("a+b(c).md", "a+b(c).md", True),
    ],
)
def test_a_pattern_matches_as_the_handbook_says(pattern: str, path: str, matches: bool) -> None:
    assert Globs(include=[pattern], exclude=()).want(path) is matches
    assert Globs(include=(), exclude=[pattern]).want(path) is not matches


def test_what_is_excluded_stays_out_whatever_includes_it() -> None:
    globs = Globs(include=["*.md"], exclude=["drafts/"])

    assert [path for path in ("a.md", "drafts/a.md", "a.txt") if globs.want(path)] == ["a.md"]


@pytest.mark.parametrize("pattern", ["**/" * 40 + "x", "*a" * 40 + "x", "/".join(["**", "*"] * 30) + "/x"])
def test_a_hostile_pattern_ends(pattern: str) -> None:
    begun = time.process_time()

    assert not Globs(include=[pattern], exclude=()).want("/".join(["aaaaaaaaaaaaaaaaaaaaaaaa"] * 60))
    assert time.process_time() - begun < 20


@given(st.binary(max_size=40))
def test_every_path_has_a_key_of_its_own_that_can_be_shown(path: bytes) -> None:
    key = key_of(path)

    assert key.isprintable()
    assert path_of(key) == path
