"""Obligations of the check: every mistake is found and named by its key."""

from dataclasses import replace

import pytest
from tests.queues.dispatcher_harness import ANNA, HELP, SALES, SPARE, TALK

from acdcore.queues.settings import (
    AgentSettings,
    Channel,
    DispatcherSettings,
    NeedRule,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToAnnouncement,
    ToFlow,
    ToQueue,
    WideningStep,
    validate,
    validate_agent,
)

NOBODY = OverflowCause.NOBODY_LOGGED_IN
PLAIN = QueueSettings(SALES, {TALK: 1})


def keys(*queues: QueueSettings) -> list[str]:
    """The keys complained about."""
    return [problem.key for problem in validate(DispatcherSettings(queues=queues))]


def test_sound_settings_have_no_problem() -> None:
    waiting = OverflowRule(OverflowCause.WAIT, ToQueue(HELP))
    assert keys(replace(PLAIN, max_wait_s=60, overflow=(waiting,)), QueueSettings(HELP)) == []


@pytest.mark.parametrize(
    ("queue", "key"),
    [
        (replace(PLAIN, weight=0), "weight"),
        (replace(PLAIN, weight=float("nan")), "weight"),
        (replace(PLAIN, ageing=-1), "ageing"),
        (replace(PLAIN, ring_for_s=0), "ring_for_s"),
        (replace(PLAIN, wrap_up_s=-1), "wrap_up_s"),
        (replace(PLAIN, announce_every_s=0), "announce_every_s"),
        (replace(PLAIN, misses_until_not_ready=0), "misses_until_not_ready"),
        (replace(PLAIN, skills={TALK: 0}), "skills.talk"),
        (replace(PLAIN, skills={TALK: 101}), "skills.talk"),
        (replace(PLAIN, max_wait_s=60), "max_wait_s"),
        (replace(PLAIN, max_length=5), "max_length"),
        (replace(PLAIN, overflow=(OverflowRule(OverflowCause.WAIT, ToAnnouncement("x")),)), "overflow.wait"),
        (replace(PLAIN, overflow=(OverflowRule(OverflowCause.LENGTH, ToAnnouncement("x")),)), "overflow.length"),
        (replace(PLAIN, overflow=(OverflowRule(NOBODY, ToQueue(HELP)),)), "overflow.nobody_logged_in"),
        (replace(PLAIN, overflow=(OverflowRule(NOBODY, ToAnnouncement("x")),) * 2), "overflow.nobody_logged_in"),
        (
            replace(PLAIN, overflow=(OverflowRule(OverflowCause.ESTIMATED_WAIT, ToFlow("x")),)),
            "overflow.estimated_wait",
        ),
        (replace(PLAIN, max_estimated_wait_s=90), "max_estimated_wait_s"),
        (replace(PLAIN, sticky_for_s=-1), "sticky_for_s"),
        (replace(PLAIN, sticky_for_s=5, is_manual_assignment=True), "sticky_for_s"),
        (replace(PLAIN, rules=(NeedRule(skills={}),)), "rules.1"),
        (replace(PLAIN, rules=(NeedRule(skills={TALK: 0}),)), "rules.1.skills.talk"),
        (replace(PLAIN, rules=(NeedRule(skills={TALK: 1}),) * 101), "rules"),
        (replace(PLAIN, widening=(WideningStep(5, {}),)), "widening.1"),
        (replace(PLAIN, widening=(WideningStep(5, {TALK: -1}),)), "widening.1.skills.talk"),
        (replace(PLAIN, widening=(WideningStep(-5, {TALK: 1}),)), "widening.1.after_s"),
        (replace(PLAIN, widening=(WideningStep(5, {TALK: 1}, estimated_wait_s=-1),)), "widening.1.estimated_wait_s"),
        (replace(PLAIN, widening=(WideningStep(9, {TALK: 2}), WideningStep(5, {TALK: 1}))), "widening.2.after_s"),
    ],
)
def test_mistake_is_named_by_its_key(queue: QueueSettings, key: str) -> None:
    assert keys(queue) == [f"queues.sales.{key}"]


def test_name_given_twice_is_refused() -> None:
    assert keys(PLAIN, PLAIN) == ["queues.sales"]


def test_loop_is_refused_whatever_its_causes_and_only_where_it_is() -> None:
    there = QueueSettings(SALES, overflow=(OverflowRule(NOBODY, ToQueue(HELP)),))
    back = QueueSettings(HELP, overflow=(OverflowRule(OverflowCause.LENGTH, ToQueue(SALES)),), max_length=3)
    into = QueueSettings(SPARE, overflow=(OverflowRule(NOBODY, ToQueue(SALES)),))
    assert keys(into, there, back) == ["queues.sales.overflow", "queues.help.overflow"]
    itself = QueueSettings(SALES, overflow=(OverflowRule(NOBODY, ToQueue(SALES)),))
    assert keys(itself) == ["queues.sales.overflow"]


def test_times_shared_by_all_queues_are_checked() -> None:
    settings = DispatcherSettings(back_off_s={OfferEnd.BUSY: -1}, retry_after_miss_s=0)
    assert [problem.key for problem in validate(settings)] == ["back_off_s.busy", "retry_after_miss_s"]


def test_agent_has_one_voice() -> None:
    settings = AgentSettings(ANNA, channels={Channel.CALL: 1, Channel.VOICEMAIL: 0, Channel.CALLBACK: 2})
    assert [problem.key for problem in validate_agent(settings)] == ["channels.callback"]
    assert [settings.takes(channel) for channel in Channel] == [True, True, False]
