"""Every guard is taken out once: a scenario that stays green without it would prove nothing."""

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator import db, schema, sweeps
from coordinator.web import create_app
from rules.levels import Level
from tests import services
from tests.coordinator import (
    test_audit,
    test_chasing,
    test_dispatch,
    test_path,
    test_response,
    test_schedule,
    test_web_hooks,
    test_web_once,
)
from tests.coordinator.callers import Desk
from tests.faults import guards, test_journals_left
from tests.faults.mutants import without

client = test_web_hooks.client


@pytest.fixture
def desk(region: SimpleNamespace) -> Desk:
    return Desk(create_app().test_client())


@pytest.fixture
def dead(carriers: Any) -> test_journals_left.Dead:
    test_journals_left.crowd(9)
    guards.issued()
    return test_journals_left.Dead()


@contextmanager
def unguarded(*statements: str) -> Iterator[None]:
    """The database without a guard of its own."""
    with db.engine().begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    yield


@contextmanager
def set_to(owner: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, value)
        yield


@dataclass(frozen=True)
class Guard:
    """What is taken out, and the scenario that must go red without it."""

    name: str
    taken_out: Callable[[], AbstractContextManager[None]]
    scenario: Callable[..., None]
    on: str = "sqlite"

    def __str__(self) -> str:
        return self.name


def guard(name: str, place: str, words: str, instead: str, *, red: Callable[..., None], on: str = "sqlite") -> Guard:
    return Guard(name, partial(without, place, words, instead), red, on)


GUARDS = (
    # People
    guard("state of the alert", "response:_expect", "alert.state not in states", "False",
          red=guards.an_alert_before_issue_can_not_be_lifted),
    guard("revision of the page", "response:load", "rev is not None and rev != alert.rev", "False",
          red=test_response.test_an_old_page_is_told_what_is_current),
    guard("nobody signs twice", "response:_may_sign", "session.scalar(signed)", "False",
          red=test_response.test_nobody_signs_twice),
    guard("nobody signs their own", "response:_may_sign",
          "officer.id in (alert.proposer, alert.submitter, alert.pending.get(\"by\"))", "False",
          red=guards.nobody_signs_their_own),
    guard("signatures are of this round", "response:_open_round", "alert.round += 1", "pass",
          red=guards.an_edit_voids_what_was_signed),
    guard("number of signatures", "mandates:Need.met_by", "len(roles) >= self.people", "True",
          red=partial(test_response.test_each_level_needs_its_signatures,
                      level=Level.ORANGE, signers=("s1",), state="pending_approval")),
    guard("a leader among them", "mandates:Need.met_by",
          "sum(role == \"leader\" for role in roles) >= self.leaders", "True", red=test_path.test_red_needs_a_leader),
    guard("mandate for the place", "mandates:require_places", "if outside", "if False",
          red=test_response.test_a_signer_of_another_place_may_not_sign),
    guard("role", "mandates:require", "officer.role not in MAY[act]", "False",
          red=partial(test_response.test_only_signers_and_leaders_sign, name="a1")),
    guard("hash of what was signed", "verify:issued_was_signed", "if same(one.body_hash, said.body_hash)", "",
          red=guards.a_signature_under_other_words_does_not_count),
    guard("no city is not every city", "response:_sound", "not proposal.cities", "False",
          red=test_response.test_no_city_never_means_every_city),
    guard("real words", "response:_sound", "proposal.mode is Mode.ACTUAL", "False",
          red=guards.a_real_reason_never_says_drill),
    guard("unique issue key", "response:issue",
          "session.add(Issue(alert_id=alert.id, rev=alert.rev, change=change, issued_at=clock.now()))",
          "session.merge(Issue(alert_id=alert.id, rev=alert.rev, change=change, issued_at=clock.now()))",
          red=guards.one_revision_is_issued_once),
    guard("one effect a key", "web.acting:_recalled", "None if kept is None else _again(kept)", "None",
          red=test_web_once.test_the_same_key_and_request_is_answered_the_same),
    # Notices
    guard("told is told", "issuing:Written.rows", "one.key not in self.told", "True",
          red=test_response.test_a_died_issue_is_resumed_without_doubles),
    guard("an end goes to the reached", "issuing:_known", ", Receiver.key.in_(reached)", "",
          red=test_response.test_a_lift_tells_whom_the_order_reached),
    guard("older words are superseded", "response:issue", "Notice.rev < alert.rev", "Notice.rev < 0",
          red=test_response.test_an_upgrade_supersedes_what_is_not_sent),
    Guard("unique notice", partial(unguarded, "ALTER TABLE notice DROP CONSTRAINT notice_once"),
          guards.a_notice_is_written_once, on="postgresql"),
    Guard("table of moves", partial(unguarded, "DROP TRIGGER notice_moves"),
          test_dispatch.test_the_database_refuses_a_move_that_is_not_in_the_table),
    guard("drill roster", "issuing:plan", "order.mode == \"actual\" or plant.in_drill", "True",
          red=guards.a_drill_reaches_nobody_outside_its_roster),
    guard("drill account", "dispatch:ways", "module.drill_accounts(os.environ)", "module.accounts(os.environ)",
          red=test_dispatch.test_a_drill_leaves_by_the_drill_account_in_drill_dress),
    # Sending
    guard("skip what is locked", "dispatch:claim", ", skip_locked=True", "",
          red=guards.a_claim_passes_over_what_another_process_is_claiming, on="postgresql"),
    guard("claimed is no longer pending", "dispatch:claim", "state=State.SENDING", "state=State.PENDING",
          red=test_dispatch.test_two_claims_never_share_a_notice),
    guard("nothing held is claimed", "dispatch:due", "| ~kept_back", "| kept_back | ~kept_back",
          red=test_dispatch.test_hold_stops_what_is_not_yet_claimed),
    guard("gravest first", "dispatch:claim", "order_by(Notice.lane, Notice.turn, Notice.id)", "order_by(Notice.id)",
          red=test_dispatch.test_red_overtakes_yellow),
    guard("lease token in settle", "dispatch:settle", ", Notice.lease_token == told.c.held", "",
          red=test_dispatch.test_a_process_that_overslept_writes_nothing),
    guard("state in settle", "dispatch:settle", ", Notice.state == State.SENDING)", ")",
          red=guards.who_is_late_changes_nothing_that_is_in_doubt),
    guard("deadline before sending", "lines:Line._begin", "now > until", "False", red=guards.what_is_late_is_not_begun),
    guard("hold before sending", "lines:Line._begin", "one.id in self.dispatcher.stopped or", "",
          red=guards.what_is_held_is_not_begun),
    guard("fresh knowledge of holds", "lines:Line._begin",
          "now - self.dispatcher.stopped_known_at > HELD_KNOWN_S", "False",
          red=guards.who_does_not_know_what_is_held_begins_nothing),
    guard("written down before sending", "lines:Line._begin", "raise GivenBack(\"given back before sending: the journal's"
          " disk is full\") from error", "pass", red=guards.what_can_not_be_written_down_is_not_begun),
    guard("look for holds", "dispatch:stopped_notices", "Alert.hold | ", "",
          red=guards.what_was_held_after_the_claim_is_known),
    guard("end of the order", "sweeps:expire_orders", "Notice.valid_until < clock.now()", "Notice.id < 0",
          red=test_dispatch.test_an_order_that_has_ended_is_not_sent),
    guard("end of delivery", "dispatch:_valid_s", "until is None", "True", red=guards.a_carrier_may_not_deliver_after_the_end),
    guard("wrong credentials stop the account", "dispatch:settle", "one.handed.outcome is Outcome.MISCONFIGURED", "False",
          red=test_dispatch.test_wrong_credentials_stop_the_account_not_the_notices),
    guard("whose database it is", "fingerprint:why", "outside and outside.generation > int(kept[GENERATION])", "False",
          red=guards.a_restored_database_is_not_ours),
    # In doubt
    guard("in doubt, not pending", "sweeps:expire_leases", "state=State.UNCERTAIN", "state=State.PENDING",
          red=test_dispatch.test_a_killed_hand_over_is_looked_up_and_not_repeated),
    Guard("two misses", partial(set_to, sweeps, "MISSES", 1), guards.one_miss_is_not_enough),
    guard("no answer is no miss", "sweeps:_conclude", "found is None", "False",
          red=guards.what_can_not_be_asked_about_waits),
    guard("a mail once more, no oftener", "sweeps:_resend_once", "len(tried) <= 1", "True",
          red=guards.a_mail_in_doubt_goes_out_once_more_and_no_oftener),
    guard("begun is in doubt", "sweeps:_known", "notice_id in page.begun", "False",
          red=test_journals_left.test_what_ended_is_settled_what_had_begun_is_in_doubt_and_the_rest_goes_back),
    guard("the living keep their journal", "journal:left_behind", "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass",
          red=test_journals_left.test_a_journal_of_a_living_process_is_left_alone),
    guard("a journal of this start", "journal:_read", "found.claim[\"boot\"] == boot()", "True",
          red=test_journals_left.test_after_the_machine_lost_its_power_what_the_journal_does_not_say_proves_nothing),
    guard("a spoilt journal", "journal:_read", "whole = False", "pass",
          red=partial(test_journals_left.test_a_journal_that_is_gone_or_spoilt_puts_all_of_the_claim_in_doubt,
                      harm=test_journals_left._spoilt)),
    guard("half a line", "journal:Page._line", "os.ftruncate(self._file, self._size)", "pass",
          red=test_journals_left.test_half_a_line_on_a_full_disk_does_not_hide_the_next),
    # Carriers' words
    guard("rank of receipts", "receipts:_raise",
          "RANK.get(State(notice.state), DONE) >= RANK.get(claimed, DONE) and notice.state != claimed", "False",
          red=partial(test_dispatch.test_receipts_come_in_any_order, order=["delivered", "sent"])),
    guard("a receipt may come early", "receipts:apply", "notice.state in (State.SENDING, State.PENDING)", "False",
          red=test_dispatch.test_a_receipt_that_overtakes_the_reply_waits_for_it),
    guard("an event counts once", "receipts:keep", "inserted.first() is not None", "True",
          red=partial(test_web_hooks.test_a_texted_code_acknowledges_once, spelling="1 {}")),
    guard("signature of the callback", "channels.twilio_account:genuine", "return ", "return True or ",
          red=test_web_hooks.test_forged_and_mutated_callbacks_are_refused),
    guard("key of the callback", "web.hooks:_attempt",
          "not attempt or not tokens.same(request.args.get(\"k\", \"\"), tokens.callback_key(attempt))", "not attempt",
          red=test_web_hooks.test_a_signed_callback_to_an_address_we_did_not_make_is_refused),
    guard("six wrong codes", "answers:acknowledge", "receiver.wrong_tries > FORGIVEN", "False",
          red=test_chasing.test_a_wrong_code_is_forgiven_five_times_and_then_locks),
    # Time and books
    guard("one leads", "leases:take", "(Lease.holder == holder) | (Lease.until_s < db.seconds())", "Lease.name == name",
          red=test_schedule.test_only_one_leads_and_the_next_takes_over),
    guard("epoch of the leader", "schedule:tick", "not leases.leads(session, LEAD, epoch)", "False",
          red=guards.a_clock_that_was_overtaken_writes_nothing),
    guard("seal of the audit", "audit:breaks", "row.hash != seal(row)", "False",
          red=partial(test_audit.test_every_tampering_is_found,
                      tamper="UPDATE audited SET who = 'somebody else' WHERE seq = 7")),
    guard("chain of the audit", "audit:breaks", "row.prev != prev", "False",
          red=guards.a_row_of_the_audit_sealed_anew_is_found),
    Guard("the audit is not changed", partial(unguarded, "DROP TRIGGER audited_no_update"),
          test_audit.test_the_database_itself_refuses_to_change_the_audit),
)  # fmt: skip


def play(scenario: Callable[..., None], request: pytest.FixtureRequest) -> None:
    """Run a scenario with the fixtures it names."""
    given = scenario.keywords if isinstance(scenario, partial) else {}
    named = [name for name in inspect.signature(scenario).parameters if name not in given and name != "judged"]
    fixtures = {name: request.getfixturevalue(name) for name in named}
    if "judged" in inspect.signature(scenario).parameters:
        fixtures["judged"] = None  # the fixture judges after a whole worker's run; here the scenario's own words do
    scenario(**fixtures)


@pytest.fixture
def any_store(store: Any) -> str:
    """One database is enough here: what is taken out is ours, not the store's."""
    return "sqlite"


@pytest.fixture
def stage(request: pytest.FixtureRequest, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "postgresql":
        monkeypatch.setenv("DATABASE_URL", services.new_database(request.getfixturevalue("postgresql_server")))
        schema.upgrade()
        request.addfinalizer(db.engine().dispose)


OUR_MISTAKE = (NameError, SyntaxError, TypeError, pytest.FixtureLookupError)  # in the list, not in the program
PREPARED = {"region", "any_region", "carriers", "dead", "client", "desk"}
# A scenario that is a test of its own is run as one anyway; test-long plays all of them here, too.
LONG = bool(os.environ.get("LIANDONG_LONG"))
SCENARIOS = {one.name: (one.on, one.scenario) for one in GUARDS if LONG or one.scenario.__module__ == guards.__name__}


@pytest.mark.parametrize(
    ("stage", "scenario"),
    [pytest.param(on, scenario, id=name) for name, (on, scenario) in SCENARIOS.items()],
    indirect=["stage"],
)
def test_with_every_guard_in_place_the_scenario_is_green(
    stage: None, scenario: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    play(scenario, request)


@pytest.mark.parametrize(
    ("stage", "guard"), [pytest.param(one.on, one, id=one.name) for one in GUARDS], indirect=["stage"]
)
def test_without_the_guard_the_scenario_is_red(stage: None, guard: Guard, request: pytest.FixtureRequest) -> None:
    for name in PREPARED & set(inspect.signature(guard.scenario).parameters):
        request.getfixturevalue(name)  # made while the guard still stands
    with guard.taken_out(), pytest.raises((Exception, pytest.fail.Exception)) as red:
        play(guard.scenario, request)
    assert not isinstance(red.value, OUR_MISTAKE), red.value
