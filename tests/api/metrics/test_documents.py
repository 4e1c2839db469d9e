"""What is written about the metrics is what there is, and Prometheus's own tool takes all of it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.http.metrics import About
from snapshots.api.metrics import ALL, OF_MIRROR
from snapshots.models import Environment
from snapshots.rules.judge import Volume as Known
from snapshots.rules.judge import judge
from snapshots.rules.runs import Run
from snapshots.rules.schedules import SCHEDULES, schedules_of
from snapshots.rules.verdict import status
from tests.api.conftest import Script
from tests.api.metrics.conftest import METRICS, told_to
from tests.api.metrics.test_mirror import with_names
from tests.loops import in_turn
from tests.management.programs import ROOT
from tests.proof import by_turns
from tests.views.snapshots.conftest import Fill, fail

DOCS = ROOT / "docs"
METRICS_PAGE, ALERTS, PANEL = DOCS / "metrics.md", DOCS / "alerts.yml", DOCS / "grafana.json"
KNOWN = {about.name for about in ALL}
NAME = re.compile(r"snapshots_[a-z_]+")
NOW, MINUTE = datetime(2026, 11, 24, 12, 0, tzinfo=UTC), timedelta(minutes=1)
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def row(about: About) -> str:
    labels = ", ".join(f"`{label}`" for label in about.labels) or "none"
    return f"| `{about.name}` | {about.kind} | {labels} | {about.meaning} | {about.most} |"


def test_the_table_is_the_codes() -> None:
    told = [line for line in METRICS_PAGE.read_text().splitlines() if line.startswith("| `snapshots_")]
    assert told == [row(about) for about in ALL]


def test_an_environment_has_at_most_as_many_series_as_is_said() -> None:
    assert "environment has at most 102:" in METRICS_PAGE.read_text()
    assert sum(int(about.most.removesuffix(" an environment")) for about in OF_MIRROR) <= 102


@pytest.mark.django_db
def test_the_answer_is_the_table(operator: Script, told: Environment) -> None:
    """Every metric of the table has a value, with these labels; nothing else has."""
    fail(told)
    Environment.objects.update(fetched_in=0.5)
    told_to(operator)  # a request to be counted
    found: dict[str, set[frozenset[str]]] = {}
    for sample in told_to(operator).samples:
        found.setdefault(sample.name, set()).add(frozenset(sample.labels))
    assert found == {about.name: {frozenset(about.labels)} for about in ALL}


@pytest.mark.django_db
def test_each_has_its_kind_and_meaning(operator: Script, told: Environment) -> None:
    text = told_to(operator).text
    for about in ALL:
        assert f"# TYPE {about.name} {about.kind}\n" in text
        assert f"# HELP {about.name} {about.meaning}\n" in text


@in_turn("path", [ALERTS, PANEL, METRICS_PAGE, ROOT / "README.md"])
def test_no_document_names_what_is_not_there(path: Path) -> None:
    named = set(NAME.findall(path.read_text()))
    assert named
    assert named <= KNOWN


def test_the_readme_shows_rules_as_they_are() -> None:
    shown = [block for block in YAML.findall((ROOT / "README.md").read_text()) if "alert:" in block]
    assert len(shown) == 1
    parts = re.split(r"^(?=- alert)", shown[0], flags=re.MULTILINE)[1:]
    rules = ALERTS.read_text().replace("\n      ", "\n")
    assert len(parts) == 2
    assert all(part in rules for part in parts)


def expressions() -> Iterator[str]:
    for panel in json.loads(PANEL.read_text())["panels"]:
        yield from (target["expr"].replace("$team", ".*") for target in panel["targets"])


def promtool(*arguments: str, given: bytes = b"") -> str:
    program = shutil.which("promtool")
    assert program, "this needs promtool: apt-get install prometheus"
    done = subprocess.run([program, *arguments], input=given, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def waits(alert: str) -> timedelta:
    """The `for:` of a rule."""
    (minutes,) = re.findall(rf"alert: {alert}\n.*?for: (\d+)m\n", ALERTS.read_text(), re.DOTALL)
    return int(minutes) * MINUTE


def fires_at_age() -> timedelta:
    """How old the data is at most when its alert fires: a scrape and an evaluation come a minute late each."""
    (limit,) = re.findall(r"expr: snapshots_data_age_seconds > (\d+)\n", ALERTS.read_text())
    return timedelta(seconds=int(limit)) + waits("SnapshotDataIsOld") + 2 * MINUTE


PROMISES = [
    *((kind, None) for kind in (*SCHEDULES, "HOURLY,WEEKLY", "MANUAL")),
    *((kind, hours * 60 * MINUTE) for kind in ("HOURLY", "MANUAL") for hours in (1, 2, 24, 720)),
]


@pytest.mark.few(5)
@pytest.mark.parametrize(("promise", "state"), by_turns(PROMISES, ["BackedUp", "BackingUp", "Error"]))
def test_an_outage_leaves_no_minute_without_an_alert(promise: tuple[str, timedelta | None], state: str) -> None:
    """A problem is reported until its data is too old, and from then on that the data is old."""
    kind, target = promise
    began = NOW - 90 * 24 * 60 * MINUTE
    newest = Run(schedules_of(kind), "BackedUp", began, began, began, began)
    judgement = judge(Known([newest, newest._replace(state=state, usable_at=None)][state == "Error" :], target=target))
    (verdicts,) = re.findall(r'verdict=~"([a-z|]+)"', ALERTS.read_text())
    for minute in range(25 * 60):
        age = minute * MINUTE
        said, then = status(judgement.thresholds, patience=judgement.patience, data_at=NOW, age=age)
        is_told = said.name.lower() in verdicts.split("|") or age >= fires_at_age()
        assert is_told or not then.is_problem, (minute, said)


def test_what_becomes_late_in_an_outage_is_told_as_soon_as_without_one() -> None:
    assert fires_at_age() <= waits("VolumesWithoutUsableSnapshots")


@pytest.mark.tools
def test_prometheus_takes_the_rules() -> None:
    assert "3 rules found" in promtool("check", "rules", str(ALERTS))
    assert "SUCCESS" in promtool("test", "rules", str(Path(__file__).with_name("alerts_test.yml")))


@pytest.mark.tools
def test_prometheus_takes_the_panels_question(tmp_path: Path) -> None:
    rules = [{"record": f"panel_{number}", "expr": text} for number, text in enumerate(expressions())]
    file = tmp_path / "panel.json"  # which is YAML too
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert "1 rules found" in promtool("check", "rules", str(file))


@pytest.mark.tools
def test_prometheus_takes_the_scrape_config(tmp_path: Path) -> None:
    (shown,) = YAML.findall(METRICS_PAGE.read_text())
    (tmp_path / "prometheus.yml").write_text(shown)
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))


@pytest.mark.tools
@pytest.mark.django_db
def test_prometheus_takes_the_answer(operator: Script, fill: Fill, told: Environment) -> None:
    fail(fill(with_names(), path="compute-qc/shop"))
    answer = operator.get(METRICS)
    assert promtool("check", "metrics", given=answer.content) == ""
