"""`python -m rag_service.index_operations`: what `rag index` does beside the running service, with its settings.

An index holds the points of all tenants, and no key of a tenant may take it away or bring it back: who can read the data
folder or the settings may.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Any

from rag_service.blobs.snapshot_folder import SnapshotFolder
from rag_service.bootstrap import Container, open_container
from rag_service.domain.findings import FoundKind
from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_route import IndexRoute, MissedWrites
from rag_service.errors import Conflict, IndexUnavailable, RagError
from rag_service.retrieval.routed import RoutedIndex
from rag_service.settings import read_settings
from rag_service.telemetry.logs import configure_logs
from rag_service.use_cases.indexes.migrate_index import LEAST_OVERLAP, MigrateIndex
from rag_service.use_cases.indexes.rebuild_index import RebuildIndex
from rag_service.use_cases.indexes.restore_snapshot import RestoreSnapshot
from rag_service.use_cases.indexes.take_snapshot import TakeSnapshot

_REFUSED = 1

Json = dict[str, Any]
Open = Callable[[], AbstractAsyncContextManager[Container]]
Told = tuple[Json, list[str]]
"""For machines, and in lines for people."""


@asynccontextmanager
async def open_own() -> AsyncIterator[Container]:
    """Open the parts of the service at this process's settings."""
    settings = read_settings()
    configure_logs(settings.log, process="index-operations")
    async with open_container(settings) as container:
        yield container


def main(argv: Sequence[str] | None = None, *, open_parts: Open = open_own) -> None:
    """Do what the arguments say: `argv`, or those of this process."""
    arguments = _parser().parse_args(argv)
    try:
        value, lines = asyncio.run(_run(arguments, open_parts))
    except RagError as exc:
        sys.stderr.write(f"Error: {exc}\n")
        sys.exit(_REFUSED)
    sys.stdout.write(json.dumps(value) if arguments.json else "\n".join(lines))
    sys.stdout.write("\n")


async def _run(arguments: argparse.Namespace, open_parts: Open) -> Told:
    async with open_parts() as container:
        act: Callable[[Container, argparse.Namespace], Awaitable[Told]] = arguments.act
        return await act(container, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rag index", description="Work on whole indexes.")
    commands = parser.add_subparsers(required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON, for machines")
    _add(commands, shared, "status", _status, "Say which engine serves, which one follows, and what they hold.")
    for name, act, said in (
        ("snapshot", _snapshot, "Write builds into a folder: ids and vectors, no text. Repeat it to go on."),
        ("restore", _restore, "Bring builds back from a folder, except what was erased since. Repeat it to go on."),
    ):
        with_folder = _add(commands, shared, name, act, said)
        with_folder.add_argument("folder", help="a folder, or any URL that fsspec opens, such as s3://bucket/path")
        with_folder.add_argument("--build", action="append", help="fingerprint (repeatable); else all")
    rebuild = _add(commands, shared, "rebuild", _rebuild, "Drop a build and write it anew from kept vectors.")
    rebuild.add_argument("build", help="fingerprint, as `rag index status` lists it")
    migrate = _add(commands, shared, "migrate", _migrate, "Bring the service to another engine while it answers.")
    what = migrate.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", help="name of the engine, as in RAG_RETRIEVAL__BACKEND")
    what.add_argument("--finish", action="store_true", help="let the former engine go, with all it holds")
    what.add_argument("--back", action="store_true", help="go back to the engine of before")
    what.add_argument("--mend", action="store_true", help="bring the one that follows what it has missed")
    migrate.add_argument(
        "--least-overlap", type=float, default=LEAST_OVERLAP, help="of the best hits of both, from 0 to 1 (%(default)s)"
    )
    return parser


def _add(commands: Any, shared: argparse.ArgumentParser, name: str, act: object, said: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, parents=[shared], help=said, description=said)
    command.set_defaults(act=act)
    return command


async def _status(container: Container, _arguments: argparse.Namespace) -> Told:
    index = _routed(container)
    migration = _migration(container)
    route, missed = await migration.route(), await migration.missed()
    held = {name: await _held(index, name) for name in (route.serving, route.following) if name}
    lines = [
        *_route_lines(route),
        *_missed_lines(missed),
        f"engines that can be opened: {', '.join(index.engines.names)}",
    ]
    for name, builds in held.items():
        if builds is None:
            lines.append(f"{name}: cannot be reached")
        else:
            lines += [f"{name}: build {build}, {_points(count)}" for build, count in sorted(builds.items())]
    value = {"route": _route_json(route), "engines": index.engines.names, "builds": held}
    return {**value, "missed": [asdict(one) for one in missed]}, lines


async def _held(index: RoutedIndex, name: str) -> dict[Fingerprint, int | None] | None:
    # An engine that is away is when people ask for the status.
    try:
        return await index.engines(name).builds()
    except IndexUnavailable:
        return None


async def _snapshot(container: Container, arguments: argparse.Namespace) -> Told:
    take = TakeSnapshot(index=container.index, snapshots=SnapshotFolder(arguments.folder), clock=container.clock)
    chosen = arguments.build or [name for name, count in (await container.index.builds()).items() if count is not None]
    manifests = [await take(Fingerprint(build), on_step=_step) for build in sorted(chosen)]
    value = [
        {"build": one.fingerprint, "points": one.points, "bytes": sum(part.size_bytes for part in one.parts)}
        for one in manifests
    ]
    return {"snapshots": value}, [
        f"{one.fingerprint}: {one.points} points in {len(one.parts)} parts, of {one.begun_at:%Y-%m-%d %H:%MZ}"
        for one in manifests
    ] or ["There is no build yet."]


async def _restore(container: Container, arguments: argparse.Namespace) -> Told:
    snapshots = SnapshotFolder(arguments.folder)
    restore = RestoreSnapshot(catalog=container.catalog, index=container.index, snapshots=snapshots)
    builds = arguments.build or await snapshots.builds()
    try:
        done = {build: await restore(Fingerprint(build), on_step=_step) for build in builds}
        for build in builds:
            _step(f"building the search structures of {build}")
            await container.index.optimise(Fingerprint(build))
    finally:
        # What came back is as old as the snapshot, also when not all of it did.
        _step("comparing catalog and index")
        found = await container.reconcile.everything()
    value = {"restored": {build: asdict(one) for build, one in done.items()}, "findings": _findings(found)}
    lines = [
        f"{build}: {one.points} points, {one.left_out} left out, {one.probes} questions answered as before"
        for build, one in done.items()
    ]
    return value, [*lines, *_finding_lines(found)] or ["There is no snapshot in this folder."]


async def _rebuild(container: Container, arguments: argparse.Namespace) -> Told:
    rebuild = RebuildIndex(index=container.index, reconcile=container.reconcile)
    found = await rebuild(Fingerprint(arguments.build))
    return {"findings": _findings(found)}, _finding_lines(found) or ["Nothing belongs into this build any more."]


async def _migrate(container: Container, arguments: argparse.Namespace) -> Told:
    migrate = _migration(container)
    if arguments.finish:
        route = await migrate.finish(on_step=_step)
        return _route_json(route), _route_lines(route)
    if arguments.back:
        route = await migrate.back(on_step=_step)
        await container.reconcile.everything()
        return _route_json(route), _route_lines(route)
    if arguments.mend:
        route = await migrate.mend(on_step=_step)
        return _route_json(route), _route_lines(route)
    route, agreement = await migrate(arguments.to, least_overlap=arguments.least_overlap, on_step=_step)
    # A write that the new engine missed just before it began to serve.
    found = await container.reconcile.everything()
    lines = [
        f"{agreement.questions} questions: overlap@10 {agreement.usual:.4f}, in full scans {agreement.exact:.4f}",
        "Let the former engine go with: rag index migrate --finish",
    ]
    value = {**_route_json(route), "agreement": asdict(agreement), "findings": _findings(found)}
    return value, [*_route_lines(route), *lines, *_finding_lines(found)]


def _migration(container: Container) -> MigrateIndex:
    return MigrateIndex(
        catalog=container.catalog,
        engines=_routed(container).engines,
        default=container.settings.retrieval.backend,
        clock=container.clock,
    )


def _routed(container: Container) -> RoutedIndex:
    if not isinstance(container.index, RoutedIndex):
        raise Conflict("An index in the memory of one process has no engine to migrate to or from.")
    return container.index


def _route_json(route: IndexRoute) -> Json:
    return asdict(route) | {"since": int(route.since.timestamp()), "mean_overlap": route.mean_overlap}


def _route_lines(route: IndexRoute) -> list[str]:
    lines = [f"{route.serving} serves" + (f", {route.follower} follows" if route.follower else "")]
    lines[0] += f" ({route.state.value})"
    if route.copied:
        lines.append(f"{route.copied} points have been copied")
    if route.mean_overlap is not None:
        lines.append(f"{route.compared} searches of users compared: mean overlap@10 {route.mean_overlap:.4f}")
    return lines


def _missed_lines(missed: Sequence[MissedWrites]) -> list[str]:
    return [
        f"{one.engine} has missed writes of build {one.fingerprint} and does not stand in for it: "
        "rag index migrate --mend"
        for one in missed
    ]


def _points(count: int | None) -> str:
    return "cannot be read" if count is None else f"{count} points"


def _findings(found: Sequence[FoundKind]) -> list[Json]:
    return [{"kind": each.kind.value, "found": each.found, "mended": each.mended} for each in found]


def _finding_lines(found: Sequence[FoundKind]) -> list[str]:
    return [f"{each.kind.value}: {each.found} found, {each.mended} mended" for each in found]


def _step(step: str, done: int = 0, total: int | None = None) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{step}{f' {done} of {total}' if total else ''}\n")


if __name__ == "__main__":
    main()
