"""No log holds an address that lets somebody in: not ours, not the one that the documents set up, no Referer."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from dashboard.http.request_log import one_line
from tests.authorization.plan import PARTS, address
from tests.loops import in_turn

SECRET = "Abc-123secret"
# Parts of addresses that are secrets; a new kind of link is entered here.
SECRET_PARTS = {"token", "key", "link"}
SHAPES = {"uidb36": "1", "link": f"AbCdEf123456.{SECRET}"}
LINKS = {
    view: address(view, SHAPES | dict.fromkeys(SECRET_PARTS - {"link"}, SECRET))
    for view, parts in PARTS.items()
    if SECRET_PARTS & set(parts)
}
NGINX = (Path(settings.BASE_DIR) / "docs/operate.md").read_text()


def logged_by_nginx(uri: str) -> str:
    """What the documented `map` makes of an address; nginx takes the first rule that fits."""
    for line in re.findall(r"^    (.+);$", NGINX.partition("map $uri $logged_uri {")[2].partition("\n}")[0], re.M):
        rule, _blank, result = line.rpartition(" ")
        rule = rule.strip('"')
        flags = re.IGNORECASE if rule.startswith("~*") else 0
        if rule.startswith("~") and (found := re.search(rule.lstrip("~*").replace("(?<", "(?P<"), uri, flags)):
            return re.sub(r"\$(\w+?)(?=[*.]|$)", lambda name: found[name[1]], result)
    return uri


def test_the_links_are_known() -> None:
    assert LINKS.keys() == {
        *("invitation", "setup", "account_confirm_email_change", "account_reset_password_from_key"),
        *("snapshots:share", "snapshots:feed"),
    }


@in_turn("url", LINKS.values())
def test_no_log_holds_the_secret_of_a_link(url: str) -> None:
    before, _secret, after = url.partition(SECRET)
    broken = (f"{before} {SECRET}{after}", f"{before}/{SECRET}{after}", before.upper() + SECRET)
    for path in (url, url.rstrip("/"), *broken):
        for line in (f'1.2.3.4 "GET {path} HTTP/1.1" 200', f"Not Found: {path}", f"Referer https://a.example{path} is"):
            assert SECRET not in one_line(line), line
        assert SECRET not in logged_by_nginx(re.sub("/+", "/", path)), path


@in_turn("url", LINKS.values())
def test_the_documented_nginx_writes_no_faults_of_such_an_address(url: str) -> None:
    (location,) = re.findall(r"location ~\* (\S+) \{\n\s+error_log /dev/null crit;", NGINX)
    assert re.search(location, url, re.IGNORECASE)


@pytest.mark.parametrize("view", LINKS)
def test_no_page_of_a_link_tells_its_address_further(client: Client, db: None, view: str) -> None:
    assert client.get(LINKS[view])["Referrer-Policy"] in ("strict-origin", "no-referrer")


def test_what_lets_nobody_in_is_logged() -> None:
    for path in ("/t/acme/settings/people/", "/accounts/email/", "/accounts/password/reset/", "/s"):
        assert one_line(f"GET {path} HTTP/1.1") == f"GET {path} HTTP/1.1"
        assert logged_by_nginx(path) == path
    assert one_line('File "/opt/setup/dashboard/logs.py", line 3') == 'File "/opt/setup/dashboard/logs.py", line 3'
