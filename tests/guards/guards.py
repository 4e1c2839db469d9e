"""The lines that protect the product, each with a change that removes it and a test that must notice.

`python -m tests.guards` makes the changes one at a time.
"""

from pathlib import Path
from typing import NamedTuple

ACCESS = "tests/dashboard/teams/test_access.py"
HOSTILE_PROVIDER = "tests/dashboard/teams/test_oidc_hostile.py"


class Guard(NamedTuple):
    """`old` is part of one line of `file` and occurs there once; with `new` in its place the guard is gone."""

    name: str
    file: str
    old: str
    new: str
    test: str

    def found_in(self, root: Path) -> int:
        """How often `old` is in the file, 0 without a file."""
        file = root / self.file
        return file.read_text().count(self.old) if file.is_file() else 0


GUARDS = (
    # Access
    Guard(
        "a stranger gets 404",
        "dashboard/teams/access/guard.py",
        "filter(user=user, team__slug=slug)",
        "filter(team__slug=slug)",
        f"{ACCESS}::test_stranger_gets_the_bytes_of_an_unknown_team",
    ),
    Guard(
        "a role that is too low gets 403",
        "dashboard/teams/access/roles.py",
        "if not Role(membership.role).at_least(least):",
        "if False:",
        f"{ACCESS}::test_role_decides",
    ),
    Guard(
        "a view without a level does not run",
        "dashboard/teams/access/guard.py",
        "levels = capabilities().get(name)",
        'levels = capabilities().get(name, {"GET": PUBLIC})',
        f"{ACCESS}::test_view_without_entry_does_not_run_and_is_named_in_the_log",
    ),
    Guard(
        "a method without a level is refused",
        "dashboard/teams/access/guard.py",
        "if _level(request, levels) is not None:",
        "if True:",
        f"{ACCESS}::test_method_without_entry_is_refused_with_what_is_allowed",
    ),
    Guard(
        "a token reads only its environments",
        "snapshots/api/views.py",
        "if not reach or environment.path in reach]",
        "]",
        "tests/api/test_tokens.py::test_a_token_of_one_environment_lists_that_alone",
    ),
    Guard(
        "a removed member's token ends",
        "dashboard/teams/models/tokens.py",
        ", maker__in=makers",
        "",
        "tests/api/test_tokens.py::test_it_ends_with_its_makers_place",
    ),
    Guard(
        "a removed member's links end",
        "snapshots/models/share_link.py",
        "maker__in=makers, ",
        "",
        "tests/sharing/test_dead.py::test_each_end_is_the_next_request_and_looks_the_same",
    ),
    Guard(
        "a password is asked for again after ten minutes",
        "dashboard/teams/access/guard.py",
        "return bool(times) and time.time() - max(times) < RECENT_SECONDS",
        "return bool(times)",
        "tests/dashboard/teams/test_people.py::test_password_older_than_ten_minutes_is_asked_for_again",
    ),
    # Sign-in and browsers
    Guard(
        "wrong passwords are limited",
        "dashboard/teams/adapter.py",
        "if not tried:",
        "if False:",
        "tests/dashboard/teams/test_sign_in.py::test_sixth_wrong_password_is_told_to_wait",
    ),
    Guard(
        "a form needs its token",
        "dashboard/settings.py",
        '"django.middleware.csrf.CsrfViewMiddleware",',
        "",
        "tests/authorization/test_table.py::test_no_form_is_taken_without_its_token",
    ),
    Guard(
        "no inline scripts",
        "dashboard/settings.py",
        """"script-src": ["'self'"]""",
        """"script-src": ["'self'", "'unsafe-inline'"]""",
        "tests/dashboard/teams/test_headers.py::test_every_answer_carries_the_headers",
    ),
    Guard(
        "browsers store no page",
        "dashboard/http/headers.py",
        '"private, no-store"',
        '"private"',
        "tests/dashboard/teams/test_headers.py::test_no_page_is_stored",
    ),
    Guard(
        "a sign-in leads to this site only",
        "dashboard/teams/adapter.py",
        "return url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure())",
        "return True",
        "tests/dashboard/teams/test_sign_in.py::test_sign_in_and_out_never_lead_off_the_site",
    ),
    # Secrets and the network
    Guard(
        "a secret shows a mask",
        "dashboard/secrets.py",
        "return MASK",
        "return self.reveal()",
        "tests/dashboard/teams/test_secrets.py::test_secret_shows_a_mask",
    ),
    Guard(
        "a key opens for its own team only",
        "dashboard/secrets.py",
        "if sealed_for != team_pk:",
        "if False:",
        "tests/dashboard/teams/test_secrets.py::test_copied_row_opens_for_no_other_team",
    ),
    Guard(
        "a key is revealed in known places only",
        "snapshots/setup/provider.py",
        "return CloudClient(",
        "key.reveal()\n    return CloudClient(",
        "tests/test_known_places.py::test_a_call_is_in_known_places",
    ),
    Guard(
        "the key follows no redirect",
        "snapshots/cloudca/transport.py",
        "response = self._adapter.send(",
        "response = requests.Session().send(",
        "tests/cloudca/test_wire.py::test_a_redirect_is_not_followed_and_its_body_not_read",
    ),
    Guard(
        "no proxy from the environment",
        "snapshots/cloudca/transport.py",
        "if self._proxy else {}",
        "if self._proxy else requests.utils.getproxies()",
        "tests/cloudca/test_wire.py::test_a_proxy_of_the_environment_is_not_obeyed",
    ),
    Guard(
        "the provider's certificate is checked",
        "snapshots/cloudca/transport.py",
        "ca_bundle or True",
        "ca_bundle or False",
        "tests/cloudca/test_secrecy.py::test_a_self_signed_certificate_is_refused_before_the_key_is_sent",
    ),
    Guard(
        "a body has a size limit",
        "snapshots/cloudca/transport.py",
        "if body.tell() > cap:",
        "if False:",
        "tests/cloudca/test_broken.py::test_a_body_of_exactly_the_cap_is_read",
    ),
    Guard(
        "an answer has a time limit",
        "snapshots/cloudca/http.py",
        "self._connection.settimeout(_patience(self._deadline))",
        "pass",
        "tests/cloudca/test_waits.py::test_a_flood_ends_at_the_deadline",
    ),
    Guard(
        "exceptions hold no key",
        "snapshots/cloudca/transport.py",
        "return type(fault)(fault.sentence)",
        "return fault",
        "tests/cloudca/test_secrecy.py::test_nothing_that_a_fault_leads_to_holds_the_key",
    ),
    Guard(
        "the provider is only read",
        "snapshots/cloudca/transport.py",
        'requests.Request("GET", url,',
        'requests.Request("POST", url,',
        "tests/cloudca/test_wire.py::test_the_request_line_has_exactly_the_bytes_intended",
    ),
    # OpenID Connect
    Guard(
        "a token is for one sign-in",
        "dashboard/teams/oidc/id_token.py",
        "parse_id_token(answer, pending.nonce,",
        "parse_id_token(answer, None,",
        f"{HOSTILE_PROVIDER}::test_token_of_an_earlier_sign_in",
    ),
    Guard(
        "an answer needs its state",
        "dashboard/teams/oidc/state_cookie.py",
        "if not compare_digest(pending.state.encode(),",
        "if False and not compare_digest(pending.state.encode(),",
        f"{HOSTILE_PROVIDER}::test_answer_that_another_browser_began",
    ),
    Guard(
        "a token is from the issuer",
        "dashboard/teams/oidc/id_token.py",
        '"iss": {"essential": True, "value": settings.OIDC_ISSUER},',
        "",
        f"{HOSTILE_PROVIDER}::test_claims_that_are_not_for_this_sign_in",
    ),
    Guard(
        "a token is for this client",
        "dashboard/teams/oidc/id_token.py",
        '"aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},',
        "",
        f"{HOSTILE_PROVIDER}::test_claims_that_are_not_for_this_sign_in",
    ),
    Guard(
        "an address must be verified",
        "dashboard/teams/oidc/id_token.py",
        ' and claims.get("email_verified") is True',
        "",
        "tests/dashboard/teams/test_oidc.py::test_unverified_address_is_refused_whether_it_is_known_or_not",
    ),
    # Shared links
    Guard(
        "a link needs its secret",
        "dashboard/random_secrets.py",
        "return compare_digest(digest, digest_of(secret))",
        "return True",
        "tests/sharing/test_dead.py::test_a_spoilt_link_says_what_one_says_that_never_was",
    ),
    Guard(
        "a link expires",
        "dashboard/random_secrets.py",
        "return Q(expires_at__gt=timezone.now())",
        "return Q()",
        "tests/sharing/test_dead.py::test_it_ends_to_the_second",
    ),
    Guard(
        "a revoked link is dead",
        "snapshots/models/share_link.py",
        "revoked_at=None, ",
        "",
        "tests/sharing/test_dead.py::test_each_end_is_the_next_request_and_looks_the_same",
    ),
    Guard(
        "tries of links are limited",
        "snapshots/views/sharing/public_page.py",
        "if wait := wait_of(*wrong):",
        "if wait := 0:",
        "tests/sharing/test_limits.py::test_thirty_wrong_tries_a_minute_then_nothing_not_even_the_right_one",
    ),
    # Sync
    Guard(
        "an overtaken sync writes nothing",
        "snapshots/sync/leases.py",
        " or environment.fence != held.fence:",
        ":",
        "tests/sync/test_late.py::test_the_fence_refuses_whoever_lost_the_lease",
    ),
    Guard(
        "rows of a first list are hidden until it is whole",
        "snapshots/models/environment.py",
        " | Q(half_written_since__isnull=False)",
        "",
        "tests/sync/test_first_list.py::test_no_reader_sees_half_of_a_first_list",
    ),
    Guard(
        "an environment that is half written, also since it was read, is hidden",
        "snapshots/models/environment.py",
        "Q(environment__in=places, environment__half_written_since__isnull=True)",
        "Q(environment__in=places)",
        "tests/sync/test_first_list.py::test_who_read_the_environment_before_sees_no_half_either",
    ),
    Guard(
        "an overtaken first list writes no more",
        "snapshots/sync/short_writes.py",
        "prolong(held)",
        "pass",
        "tests/sync/test_first_list.py::test_one_that_lost_its_lease_writes_nothing_more",
    ),
    Guard(
        "an old key's answer is not stored",
        "snapshots/sync/leases.py",
        "if not ApiKey.objects.filter(pk=held.key.pk, generation=held.key.generation).exists():",
        "if False:",
        "tests/sync/test_late.py::test_a_new_key_throws_the_old_keys_answer_away_and_may_call_at_once",
    ),
    Guard(
        "only a complete list marks rows as missing",
        "snapshots/sync/diff.py",
        "if trust.proves_absence:",
        "if True:",
        "tests/sync/test_diff.py::test_an_incomplete_list_adds_updates_and_returns_but_buries_nothing",
    ),
    Guard(
        "two lists mark a row as missing",
        "snapshots/sync/diff.py",
        "if row.missing_since is not None and trust.may_bury(row)]",
        "if trust.may_bury(row)]",
        "tests/sync/test_diff.py::test_a_row_is_left_out_first_and_missing_when_the_next_list_agrees",
    ),
    Guard(
        "the last usable snapshot is requested by id",
        "snapshots/sync/questions.py",
        " or (row.is_usable and row.volume_id not in covered)]",
        "]",
        "tests/sync/test_capped.py::test_the_last_usable_one_that_answers_for_itself_stays",
    ),
    Guard(
        "a body with duplicates is read however often it comes",
        "snapshots/sync/proof.py",
        ' if environment.list_notes in ("", CAPPED) else ""',
        "",
        "tests/sync/test_unchanged.py::test_the_same_bytes_are_read_if_rows_may_contradict_each_other",
    ),
    Guard(
        "a list that lost too much is doubted",
        "snapshots/sync/diff.py",
        "return lost > SUSPECT_ROWS and lost * 2 > listed",
        "return False",
        "tests/sync/test_diff.py::test_a_list_that_lost_too_much_is_doubted",
    ),
    Guard(
        "an empty list is doubted",
        "snapshots/sync/diff.py",
        "return listed > 0",
        "return False",
        "tests/sync/test_diff.py::test_a_list_that_lost_too_much_is_doubted",
    ),
    Guard(
        "a sync deletes nothing",
        "snapshots/sync/write_plan.py",
        "for pks in _batches(plan.missing):",
        "for pks in _batches(plan.missing):\n        Snapshot.objects.filter(pk__in=pks).delete()",
        "tests/sync/test_lists.py::test_a_row_left_out_twice_is_missing_and_stays",
    ),
    Guard(
        "a volume that the key may not see is not deleted",
        "snapshots/sync/store_volumes.py",
        ".exclude(volume_id__in=hidden)",
        "",
        "tests/sync/test_volumes.py::test_one_whose_snapshots_another_key_does_not_show_is_not_deleted",
    ),
    Guard(
        "a volume is deleted only by the key that lists its snapshots",
        "snapshots/sync/store_volumes.py",
        "if (environment.listed_key or environment.key_mark) == key_mark(held.key):",
        "if True:",
        "tests/sync/test_volumes.py::test_one_whose_snapshots_another_key_does_not_show_is_not_deleted",
    ),
    Guard(
        "a failure stays with its environment",
        "snapshots/containment.py",
        "except Exception as error:",
        "except OSError as error:",
        "tests/sync/test_containment.py::test_it_is_the_environments_fault_and_the_round_goes_on",
    ),
    # Time
    Guard(
        "a jump of the provider's clock is not followed",
        "snapshots/rules/clock_skew.py",
        "return _jumped(before, before.at, ours, told)",
        "return Clocks(ours, ahead=told, told=told)",
        "tests/sync/test_clock.py::test_a_jump_of_the_providers_clock_is_not_followed",
    ),
    Guard(
        "an older witness widens the range",
        "snapshots/rules/taken_time.py",
        "if last_without is not None and (older :=",
        "if False and (older :=",
        "tests/sync/test_timing.py::test_a_name_narrows_only_within_the_syncs_and_widens_always",
    ),
    Guard(
        "nothing is taken after the sync that listed it",
        "snapshots/rules/taken_time.py",
        "exact = min(*sure, before)",
        "exact = min(sure)",
        "tests/sync/test_timing.py::test_a_name_narrows_only_within_the_syncs_and_widens_always",
    ),
    Guard(
        "the greater age of the data counts",
        "snapshots/models/environment.py",
        " + timedelta(seconds=max(0, self.clock_correction))",
        "",
        "tests/sync/test_clock.py::test_the_data_grows_old_while_our_clock_is_wrong_and_when_it_is_right_again",
    ),
    # Verdicts
    Guard(
        "an unknown state is not taken for a bad one",
        "snapshots/rules/runs.py",
        "return self.listed and kind_of(self.state) is Kind.UNKNOWN",
        "return False",
        "tests/verdicts/test_judge_doubt.py::test_a_state_that_is_not_known_is_judged_both_ways",
    ),
    Guard(
        "a run that hangs is stuck, not late",
        "snapshots/rules/thresholds.py",
        "return Thresholds(stuck=stuck, ",
        "return Thresholds(late=old, stuck=stuck, ",
        "tests/verdicts/test_judge.py::test_a_run_that_began_in_time_and_hangs_is_stuck_and_never_late",
    ),
    Guard(
        "data that is too old says nothing",
        "snapshots/rules/verdict.py",
        "return -MOST_FUTURE <= age <= DATA_LASTS",
        "return -MOST_FUTURE <= age",
        "tests/verdicts/test_judge.py::test_what_old_data_can_say",
    ),
    Guard(
        "a run that a list left out may have ended",
        "snapshots/rules/judge.py",
        "if not (run.is_candidate and run.is_being_made)]",
        "]",
        "tests/verdicts/test_judge_doubt.py::test_what_one_list_left_out_is_judged_both_ways",
    ),
    Guard(
        "a volume without a verdict is unknown",
        "snapshots/models/volume.py",
        "unknown_from = models.DateTimeField(null=True, default=ALWAYS)",
        "unknown_from = models.DateTimeField(null=True)",
        "tests/sync/test_verdicts.py::test_a_volume_that_was_never_judged_is_unknown",
    ),
    Guard(
        "a target has a grace",
        "snapshots/rules/thresholds.py",
        "TARGET_GRACE = timedelta(minutes=30)",
        "TARGET_GRACE = timedelta()",
        "tests/verdicts/test_judge_doubt.py::test_a_target_waits_for_nothing_that_has_ended",
    ),
    Guard(
        "a run is missed only in watched time",
        "snapshots/verdicts/watched_time.py",
        "return not any(first < moment < last for first, last in self.silences)",
        "return True",
        "tests/views/volumes/test_strip.py::test_nothing_is_missed_while_nobody_watched",
    ),
    # What leaves the product
    Guard(
        "no cell of an export is a formula",
        "snapshots/lists/export_writers.py",
        "return GUARD + value if",
        "return value if",
        "tests/lists/test_csv.py::test_records_are_quoted_wholly_and_read_back",
    ),
    Guard(
        "hostile names are escaped",
        "dashboard/settings.py",
        '"context_processors": [',
        '"autoescape": False, "context_processors": [',
        "tests/views/volumes/test_volume_page.py::test_hostile_names_stay_text",
    ),
    Guard(
        "a page from the cache is the person's own",
        "snapshots/views/common/whole_page.py",
        "return (request.get_full_path(), person, visits, saved, shell.teams, page.inputs)",
        "return (request.get_full_path(), visits, saved, shell.teams, page.inputs)",
        "tests/views/volumes/home/test_whole_page.py::test_a_change_is_seen_at_the_next_request",
    ),
    Guard(
        "a page from the cache has the session's token",
        "snapshots/views/common/whole_page.py",
        '.replace(marks()["token"], get_token(request))',
        "",
        "tests/views/volumes/home/test_whole_page.py::test_a_forms_token_is_the_sessions_own",
    ),
    Guard(
        "a page from the cache gives a form an id of its own",
        "snapshots/views/common/whole_page.py",
        '.replace(marks()["form"], form_id)',
        "",
        "tests/views/volumes/home/test_whole_page.py::test_a_form_that_is_sent_once_has_its_own_id",
    ),
    Guard(
        "a page with a message is not cached",
        "snapshots/views/common/whole_page.py",
        " and not len(messages.get_messages(request)):",
        ":",
        "tests/views/volumes/home/test_whole_page.py::test_a_message_is_shown_once",
    ),
    Guard(
        "a problem neither begins nor ends while its status is unknown",
        "snapshots/alerts/problems.py",
        "if verdict is not Verdict.UNKNOWN:",
        "if True:",
        "tests/alerts/test_problems.py::test_without_data_it_neither_begins_nor_ends",
    ),
    Guard(
        "a problem is confirmed by a later list alone",
        "snapshots/alerts/problems.py",
        " or listed_at <= problem.noticed_at:",
        ":",
        "tests/alerts/test_problems.py::test_it_is_confirmed_by_the_next_list_alone",
    ),
    Guard(
        "a fault in the problems takes no list away",
        "snapshots/sync/refresh.py",
        "contain(settle, name_of(held.environment))",
        "settle()",
        "tests/alerts/test_problems.py::test_a_fault_in_it_takes_no_list_away",
    ),
    Guard(
        "a slow environment delays no other",
        "snapshots/sync/refresh.py",
        "return_when=FIRST_COMPLETED",
        "return_when=ALL_COMPLETED",
        "tests/sync/test_turns.py::test_a_slow_environment_delays_no_other",
    ),
)
