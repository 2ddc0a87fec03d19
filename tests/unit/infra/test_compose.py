"""The compose file, as far as it can be checked without an engine."""

import re
from typing import Any

import pytest
import yaml

from rag_service.domain.work_queues import SERVED_QUEUES
from rag_service.settings import Settings, known_names
from tests.unit.infra.dockerfiles import DOCKERFILE, ROOT, stages
from tests.unit.infra.programs import exists

FOLDER = ROOT / "infra" / "compose"
TEXT = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
EXAMPLE = dict(
    line.split("=", 1)
    for line in (FOLDER / ".env.example").read_text(encoding="utf-8").splitlines()
    if "=" in line and not line.startswith("#")
)
FILLED = {name: value or f"{name.lower()}-of-32-characters-and-more" for name, value in EXAMPLE.items()}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "configs", "depends_on", "deploy", "environment", "healthcheck", "image"),
    *("logging", "networks", "ports", "profiles", "read_only", "restart", "security_opt", "shm_size"),
    *("stop_grace_period", "tmpfs", "user", "volumes"),
}


def filled(text: str) -> str:
    """Put in the values of .env as the engine does."""
    return VARIABLE.sub(lambda found: FILLED.get(found["name"]) or found["rest"] or "", text)


COMPOSE: dict[str, Any] = yaml.safe_load(filled(TEXT))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_of_ours = pytest.mark.parametrize("service", [SERVICES[name] for name in OURS], ids=OURS)


def test_the_file_has_known_parts_only() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {
        "name",
        "services",
        "networks",
        "volumes",
        "configs",
    }
    assert {key for service in SERVICES.values() for key in service} <= SERVICE_KEYS


def test_the_whole_stack_is_there() -> None:
    assert set(SERVICES) == {
        *("api", "worker-parse", "worker-embed", "worker-index", "worker-eval", "beat"),
        *("index", "postgres", "valkey", "qdrant"),
    }


@each_service
def test_a_service_has_a_health_check_without_a_shell_string(service: dict[str, Any]) -> None:
    check = service["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@each_service
def test_a_service_runs_as_a_user_that_is_not_root(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])


@each_service
def test_a_service_has_limits(service: dict[str, Any]) -> None:
    assert {"cpus", "memory", "pids"} == set(service["deploy"]["resources"]["limits"])


@each_service
def test_a_service_can_do_no_more_than_it_needs(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])  # noqa: S108  (a place in the container)


@each_service
def test_a_service_starts_again_and_its_log_does_not_fill_the_disk(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@each_service
def test_an_image_is_pinned_by_a_tag(service: dict[str, Any]) -> None:
    assert re.search(r":[\w.-]+$", service["image"])
    assert "build" in service or not service["image"].endswith(":latest")


def test_every_setting_is_known_and_has_a_possible_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        mine = {key: value for key, value in SERVICES[name]["environment"].items() if key.startswith("RAG_")}
        assert set(mine) <= set(known_names())
        with monkeypatch.context() as patch:
            for key, value in mine.items():
                patch.setenv(key, value)
            assert Settings().queue.backend == "celery"


def test_every_variable_is_in_the_example() -> None:
    assert {found["name"] for found in VARIABLE.finditer(TEXT)} == set(EXAMPLE)


def test_nothing_secret_has_a_value_in_the_files() -> None:
    secret = {name for name in EXAMPLE if re.search("PASSWORD|SECRET|KEY", name)}

    assert {EXAMPLE[name] for name in secret} == {""}
    assert {
        found["kind"] for found in VARIABLE.finditer(TEXT) if found["name"] in secret - {"QDRANT_API_KEY", "JUDGE_KEY"}
    } == {"?"}


@each_of_ours
def test_a_command_of_ours_is_one_that_the_image_has(service: dict[str, Any]) -> None:
    assert exists(service["command"])
    assert exists(service["healthcheck"]["test"][1:])


@each_of_ours
def test_an_image_of_ours_is_a_target_of_the_dockerfile(service: dict[str, Any]) -> None:
    build = service["build"]

    assert build["target"] in stages(DOCKERFILE.read_text(encoding="utf-8"))
    assert (FOLDER / build["context"]).resolve() / build["dockerfile"] == DOCKERFILE


@pytest.mark.parametrize("kind", ["volumes", "networks", "configs"])
def test_what_is_declared_is_what_is_used(kind: str) -> None:
    entries = [entry for service in SERVICES.values() for entry in service.get(kind, ())]
    used = {entry["source"] if isinstance(entry, dict) else entry.split(":")[0] for entry in entries}

    assert used == set(COMPOSE[kind])


def test_who_waits_waits_for_health() -> None:
    waits = {name: service["depends_on"] for name, service in SERVICES.items() if "depends_on" in service}

    assert {"api", "worker-parse", "worker-embed", "worker-index", "worker-eval", "beat"} == set(waits)
    for others in waits.values():
        assert set(others) <= set(SERVICES)
        assert {other["condition"] for other in others.values()} == {"service_healthy"}


def test_each_api_process_has_a_port_of_this_machine_alone() -> None:
    (port,) = SERVICES["api"]["ports"]
    first, last = map(int, re.findall(r"\d+", port)[4:6])

    assert port.startswith("127.0.0.1:")
    assert last - first + 1 == SERVICES["api"]["deploy"]["replicas"]


def test_nothing_else_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert {SERVICES[name]["networks"][0] for name in ("postgres", "valkey", "qdrant", "index")} == {"back"}


def after(option: str, command: list[str], *, default: str = "") -> str:
    return command[command.index(option) + 1] if option in command else default


def test_workers_take_every_queue_that_has_jobs() -> None:
    commands = [service["command"] for service in SERVICES.values() if "--queues" in service.get("command", ())]

    assert {queue for command in commands for queue in after("--queues", command).split(",")} == SERVED_QUEUES


def test_the_models_threads_are_no_more_than_the_processors() -> None:
    for name in [name for name in OURS if name.startswith(("api", "worker"))]:
        processes = int(after("--concurrency", SERVICES[name]["command"], default="1"))
        threads = int(SERVICES[name]["environment"]["RAG_EMBEDDING__THREADS"])
        assert processes * threads <= float(SERVICES[name]["deploy"]["resources"]["limits"]["cpus"])


def test_there_is_one_index_host_and_one_clock() -> None:
    assert [SERVICES[name]["deploy"]["replicas"] for name in ("index", "beat")] == [1, 1]


def test_all_reach_the_index_host_over_one_socket() -> None:
    sockets = {SERVICES[name]["environment"]["RAG_RETRIEVAL__HOST_SOCKET"] for name in OURS}

    assert sockets == {"/run/rag/index.sock"}
    assert all("index-socket:/run/rag" in SERVICES[name]["volumes"] for name in OURS)


def test_qdrant_is_started_on_demand_only() -> None:
    assert [name for name, service in SERVICES.items() if service.get("profiles")] == ["qdrant"]
