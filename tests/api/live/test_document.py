"""The examples of docs/api.md, run as they stand."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from snapshots.api.operations import OPERATIONS, ROOT, Operation
from snapshots.lists.volume_filters import STATUSES
from tests.api.conftest import Script
from tests.loops import in_turn

TEXT = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
# What each prints, in their order.
PRINTED = [
    r'\{"data":\[\{"id":"[0-9a-f-]{36}","name":"prod","serviceConnection":',
    r'\{"data":\[\{"id":"[0-9a-f-]{36}","serviceCode":"compute-on",',
    r'\{"data":\[\{"id":".*"metadata":\{"recordCount":4\}\}\Z',
    r"acme_ROOT-35545_\d{14}\n\Z",
    r'\{"data":\[\{"id":".*"metadata":\{"recordCount":2\}\}\Z',
    r"disk-c779\n\Z",
    r"304\n\Z",
    r"false\n\Z",
    r"disk-0b1f: Daily: no run for 90 d\. Daily runs since .* Based on data from \d\d:\d\d UTC\.\n\Z",
    r"[\w:=-]{40,}\n\Z",
    r"20\d\d-\d\d-\d\dT[\d:.]+Z late disk-0b1f\n\Z",
    r"0% disk-0b1f\n100% disk-c779\n\Z",
]
# jq -e says by its status what it printed; all others succeed.
FAILS = {7}


@pytest.mark.tools
def test_each_example_does_what_it_says(served: tuple[str, Script], figures: Callable[..., None]) -> None:
    for program in ("curl", "jq"):
        assert shutil.which(program), f"this needs {program}: apt-get install {program}"
    url, script = served
    variables = {"DASHBOARD": url, "TOKEN": script.token, "PATH": os.environ["PATH"]}
    for number, (example, printed) in enumerate(zip(EXAMPLES, PRINTED, strict=True)):
        shell = ["bash", "-euo", "pipefail", "-c", example]
        run = subprocess.run(shell, env=variables, capture_output=True, text=True, timeout=60)
        assert re.match(printed, run.stdout, re.S), (example, run.stdout, run.stderr)
        assert run.returncode == (number in FAILS), (example, run.stderr)
    figures("docs/api.md", examples_run=len(EXAMPLES))


@in_turn("operation", OPERATIONS)
def test_every_address_and_parameter_is_told_of(operation: Operation) -> None:
    path = re.sub(r"\{(snapshot|volume)_id\}", "<id>", operation.path)
    assert ROOT + re.sub(r"\{(\w+)\}", r"<\1>", path) in TEXT
    assert [each.name for each in operation.query if f"`{each.name}`" not in TEXT] == []


def test_every_verdict_is_told_of() -> None:
    assert [status for status in STATUSES if f"`{status}`" not in TEXT] == []
