"""Whose token opens what, and from when on it does not."""

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from itertools import product

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.limits import allow
from dashboard.teams.access import issue_tokens
from dashboard.teams.access import tokens as token_access
from dashboard.teams.models import AccessToken, AuditEvent, EventKind, Membership, Role, User
from dashboard.teams.people.members import change_role, remove
from snapshots.models import Environment
from snapshots.setup import environments
from tests.api.conftest import JUDGED, LIST, PROBLEMS, ROOT, VOLUMES, Script, furnish, made
from tests.conftest import Answer
from tests.loops import in_turn
from tests.views.snapshots.conftest import snapshot_id

Tell = Callable[..., None]
ONE = f"{LIST}/{snapshot_id(1)}"
TEAMS_OWN = (f"{ROOT}/environments", f"{ROOT}/services/connections")
IN_PLACE = (LIST, ONE, VOLUMES)
EVERYTHING = (*TEAMS_OWN, *IN_PLACE, JUDGED, PROBLEMS)


def errors(answer: Answer) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(answer.content)["errors"]
    return listed


@in_turn("shown", [{}, {"MC-Api-Key": ""}, {"MC-Api-Key": "x"}, {"Authorization": "Bearer x"}])
def test_without_a_living_token_nothing_is_answered(prod: Environment, shown: dict[str, str]) -> None:
    for url in EVERYTHING:
        answer = Script().get(url, **shown)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="snapshots"'
        assert errors(answer) == [
            {"code": 401, "errorCode": "UNAUTHORIZED", "message": "Missing, expired or revoked access token."}
        ]


def test_both_headers_show_a_token(script: Script) -> None:
    for shown in ({"MC-Api-Key": script.token}, {"Authorization": f"bearer {script.token}"}):
        assert Script().get(LIST, **shown).status_code == 200


def test_a_session_opens_nothing_here(prod: Environment, alice_client: Client) -> None:
    assert alice_client.get(LIST).status_code == 401


def test_every_address_answers_own_and_hides_foreign(
    script: Script, foreign: Environment, rita: Membership, figures: Tell
) -> None:
    """Both teams watch compute-on/prod: each sees its own rows under the same address."""
    _token, theirs = made(rita)
    furnish(foreign.team, "compute-qc/shop", 2)
    seen = 0
    for url in EVERYTHING:
        own, other = script.get(url), theirs.get(url)
        seen += b"acme" in other.content or b"rival" in own.content
        assert own.status_code == 200
        assert other.status_code == (404 if url in (JUDGED, PROBLEMS) else 200)
    figures("API matrix", addresses=2 * len(EVERYTHING), foreign_values_seen=seen)
    assert seen == 0


@pytest.fixture
def narrow(mia: Membership, prod: Environment, foreign: Environment) -> Script:
    """A token of one environment, in a team that has a second and had a third."""
    furnish(foreign.team, "compute-qc/shop", 2)
    furnish(mia.team, "compute-on/other", 2)
    environments.remove(furnish(mia.team, "compute-on/old", 2), person=mia.user)
    return made(mia, "compute-on/prod")[1]


@in_turn(
    "url",
    [
        f"{ROOT}/services/compute-qc/shop/snapshots",
        f"{ROOT}/services/compute-qc/shop/snapshots/{snapshot_id(1)}",
        f"{ROOT}/services/compute-qc/shop/volumes",
        f"{ROOT}/services/compute-on/nowhere/snapshots",
        f"{ROOT}/services/compute-on/old/snapshots",
        f"{ROOT}/services/compute-on/other/snapshots",
        f"{ROOT}/teams/rival/volumes",
        f"{ROOT}/teams/nobody/volumes",
        f"{ROOT}/teams/acme/volumes?environment=compute-qc/shop",
        f"{ROOT}/teams/acme/volumes?environment=compute-on/other",
        f"{LIST}/{snapshot_id(5)}",
        f"{LIST}/not-an-id",
        f"{ROOT}/nothing/at/all",
    ],
)
def test_what_is_not_the_tokens_is_not_there(narrow: Script, url: str) -> None:
    """Unknown, another team's, removed, out of the token's reach: the same bytes."""
    answer = narrow.get(url)
    message = "There is nothing at this address."
    body = {"errors": [{"code": 404, "errorCode": "NOT_FOUND", "message": message}]}
    assert (answer.status_code, answer.content) == (404, json.dumps(body).encode())


def test_a_token_of_one_environment_lists_that_alone(narrow: Script) -> None:
    for url in (*TEAMS_OWN, JUDGED):
        answer = narrow.get(url)
        assert b"prod" in answer.content or b"compute-on" in answer.content
        assert b"other" not in answer.content


def test_revoked_means_the_next_request(mia: Membership, prod: Environment) -> None:
    token, script = made(mia)
    assert script.get(LIST).status_code == 200
    assert issue_tokens.revoke(token, actor=mia.user)
    assert [script.get(url).status_code for url in EVERYTHING] == [401] * len(EVERYTHING)
    assert not issue_tokens.revoke(token, actor=mia.user)


def test_it_ends_to_the_second(mia: Membership, prod: Environment, clock: time_machine.Traveller) -> None:
    _token, script = made(mia, days=30)
    clock.shift(timedelta(days=30) - timedelta(seconds=1))
    assert script.get(LIST).status_code == 200
    clock.shift(timedelta(seconds=1))
    assert script.get(LIST).status_code == 401


def lowered(maker: Membership, admin: User) -> None:
    change_role(maker, Role.VIEWER, actor=admin)


def left(maker: Membership, admin: User) -> None:
    remove(maker, actor=admin)


def put_out_and_back(maker: Membership, admin: User) -> None:
    remove(maker, actor=admin)
    Membership.objects.create(team=maker.team, user=maker.user, role=Role.MEMBER)


def lowered_and_raised(maker: Membership, admin: User) -> None:
    lowered(maker, admin)
    change_role(maker, Role.MEMBER, actor=admin)


def switched_off_and_on(maker: Membership, admin: User) -> None:
    for is_active in (False, True):
        maker.user.is_active = is_active
        maker.user.save()


def deactivated(maker: Membership, admin: User) -> None:
    User.objects.filter(pk=maker.user.pk).update(is_active=False)


@pytest.mark.parametrize("end", [lowered, lowered_and_raised, left, put_out_and_back, deactivated, switched_off_and_on])
def test_it_ends_with_its_makers_place(
    alice: User, mia: Membership, prod: Environment, end: Callable[[Membership, User], None]
) -> None:
    _token, script = made(mia)
    assert script.get(LIST).status_code == 200
    end(mia, alice)
    assert script.get(LIST).status_code == 401


def test_another_teams_tag_is_never_not_modified(
    script: Script,
    foreign: Environment,
    rita: Membership,
    mia: Membership,
    figures: Tell,
) -> None:
    """All tags at each of the same paths; also a wider token's shown by a narrower one of the same team."""
    theirs, narrow, hits = made(rita)[1], made(mia, "compute-on/prod")[1], 0
    urls = [LIST, ONE, VOLUMES, f"{LIST}?volume_id={snapshot_id(1)}"]
    tags = [script.get(url)["ETag"] for url in urls]
    for asker, url in product((narrow, theirs), urls):
        hits += asker.get(url, **{"If-None-Match": ", ".join(tags)}).status_code == 304
    figures("ETags of others", tries=2 * len(urls) * len(tags), cross_hits=hits)
    assert hits == 0


@pytest.mark.both_databases
def test_use_is_noted_once_a_minute_and_its_first_in_the_audit(
    mia: Membership, prod: Environment, clock: time_machine.Traveller
) -> None:
    token, script = made(mia)
    for seconds, writes in ((0, 2), (1, 0), (58, 0), (2, 1)):
        clock.shift(seconds)
        with CaptureQueriesContext(connection) as asked:
            script.get(LIST)
        changes = [query["sql"] for query in asked if query["sql"].startswith(("UPDATE", "INSERT"))]
        assert len(changes) == writes
    token.refresh_from_db()
    assert (token.last_used_ip, str(token.last_used_at)[:19]) == ("127.0.0.1", "2026-11-24 12:01:01")
    (event,) = AuditEvent.objects.filter(kind=EventKind.TOKEN_USED)
    assert (event.actor, event.target, event.detail) == (None, token.name, "made by mia@example.com")


@pytest.mark.both_databases
def test_whoever_only_reads_does_not_fail_where_use_cannot_be_noted(
    script: Script, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.get(LIST)
    clock.shift(61)

    def busy(rows: QuerySet[AccessToken], **values: object) -> int:
        raise OperationalError("database is locked")

    monkeypatch.setattr(type(AccessToken.objects.all()), "update", busy)
    assert script.get(LIST).status_code == 200


@pytest.mark.both_databases
def test_the_limit_of_a_minute(mia: Membership, prod: Environment, clock: time_machine.Traveller) -> None:
    token, script = made(mia)
    key = f"token:{token.digest}"
    assert all(allow(key, 600, 60, at_once=token_access.WRITTEN_TOGETHER) for _ in range(599))
    assert script.get(LIST)["RateLimit-Remaining"] == "0"
    answer = script.get(LIST)
    limits = [answer[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert (answer.status_code, answer["Retry-After"], limits) == (429, "60", ["600", "0", "60"])
    assert errors(answer)[0]["errorCode"] == "TOO_MANY_REQUESTS"
    assert made(mia)[1].get(LIST)["RateLimit-Remaining"] == "599"
    clock.shift(60)
    assert script.get(LIST).status_code == 200


@pytest.mark.defaults
def test_no_flood_of_the_cache_refills_the_minute(mia: Membership, prod: Environment) -> None:
    token, script = made(mia)
    for _ in range(600):
        allow(f"token:{token.digest}", 600, 60, at_once=token_access.WRITTEN_TOGETHER)
    caches["fragments"].clear()
    assert script.get(LIST).status_code == 429


def test_no_session_no_cookie_and_nobody_elses_cache(script: Script) -> None:
    for url in (*EVERYTHING, f"{LIST}/{snapshot_id(9)}"):
        answer = script.get(url)
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "MC-Api-Key"} <= {name.strip() for name in answer["Vary"].split(",")}
    assert Session.objects.count() == 0


def test_a_token_is_256_bits_and_kept_as_a_hash_alone(mia: Membership, caplog: pytest.LogCaptureFixture) -> None:
    token, script = made(mia)
    assert len(script.token) == len(issue_tokens.PREFIX) + 43
    assert token.digest == sha256(script.token.encode()).hexdigest()
    for url in (LIST, f"{LIST}?volume_id=x", f"{ROOT}/nothing"):
        script.get(url)
    kept = caplog.text + "".join(str(list(model._base_manager.values())) for model in apps.get_models())
    assert token.digest in kept
    assert script.token[len(issue_tokens.PREFIX) : 30] not in kept
