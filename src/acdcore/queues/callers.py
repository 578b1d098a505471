"""What happens to callers on the board: they enter queues, stand in line, are kept for an agent, overflow, and leave.

Deadlines of a caller (the wait is over, the next ring is reached, the agent has been waited for long enough) mean
nothing while a phone rings for the caller or a side flow has the caller: `settle` catches up when that is over.
"""

from collections.abc import Iterable, Iterator

from acdcore.queues import announcements, entry_rules, explain, policy
from acdcore.queues.decisions import HeldForAgent, Overflowed, Queued, Relaxed
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToQueue
from acdcore.queues.state import AnnounceDue, Board, Due, HoldDue, LanguageDue, RelaxDue, StickyDue, WaitDue
from acdcore.queues.waiting_line import Edition, Held, Line, Visit, Waiting


def enter(board: Board, waiting: Waiting, edition: Edition, queue: QueueSettings) -> None:
    """Join a queue, or whatever its overflow rules lead to."""
    following: QueueSettings | None = queue
    while following is not None:  # ends: settings whose overflow comes back to a queue are refused
        asked = waiting.asked
        waiting.visit = _visit(board, waiting, following)
        waiting.place = policy.place(following, asked.advance_s, waiting.joined_at, waiting.serial)
        board.out.append(Queued(waiting.entry, following.name, board.now, asked.channel))
        line = board.line_of(waiting, edition, following)
        expected_s = entry_rules.estimated_s(board, waiting, line)
        line = _step_into_ring(board, waiting, line, policy.ring_at_door(following.rings, expected_s))
        rule = entry_rules.closing_rule(board, waiting, line, expected_s)
        if rule is None:
            _stand_in_line(board, waiting, line)
            return
        following = _send_away(board, waiting, line, rule)
        board.close_if_idle(line)


def leave(board: Board, waiting: Waiting, line: Line) -> None:
    """Out of line and off the board, waiting, ringing or paused, with all timers."""
    line.remove(waiting)
    del board.entries[waiting.entry]
    for due in _armed(waiting, line):
        board.deadlines.cancel(due)
    board.close_if_idle(line)


def depart(board: Board, waiting: Waiting, line: Line) -> None:
    """Leave without an agent."""
    if not waiting.is_paused:
        board.estimator.left(line.queue.name, board.now)
    leave(board, waiting, line)


def pause(board: Board, waiting: Waiting, line: Line) -> None:
    """Into a side flow: the place is kept. No phone may be ringing for the caller."""
    line.pause(waiting)
    board.estimator.paused(line.queue.name, board.now)


def resume(board: Board, waiting: Waiting, line: Line) -> None:
    """Back from a side flow."""
    line.unpause(waiting)
    board.estimator.joined(line.queue.name, board.on_duty(line), board.now)
    settle(board, waiting)


def came_due(board: Board, waiting: Waiting) -> None:
    """One of the caller's deadlines passed; a ringing offer and a side flow outlast it."""
    if waiting.offer is None and not waiting.is_paused:
        settle(board, waiting)


def settle(board: Board, waiting: Waiting) -> None:
    """Bring a caller who can be offered up to date: overflow, or the line for what the caller needs by now."""
    line = board.entries[waiting.entry][1]
    visit, limit_s = waiting.visit, line.queue.max_wait_s
    if (
        limit_s is not None
        and board.now >= visit.queued_at + limit_s
        and overflow(board, waiting, line, OverflowCause.WAIT)
    ):
        return
    if visit.held is not None and not _is_worth_keeping(board, waiting, line, visit.held):
        visit.held = None
        board.deadlines.cancel(StickyDue(waiting.entry))
    _relax(board, waiting, line)
    line = _move(board, waiting, line)
    if _let_language_go(board, waiting, line):
        line = _move(board, waiting, line)
    if not board.is_anybody_there(waiting, line) and overflow(board, waiting, line, OverflowCause.NOBODY_LOGGED_IN):
        return
    board.dirty[line] = None


def hold_over(board: Board, waiting: Waiting, line: Line) -> None:
    """An agent who missed this caller may be tried again; the next such moment is armed."""
    board.dirty[line] = None
    later = [until for until in waiting.tried.values() if until > board.now]
    if later:
        board.deadlines.set(HoldDue(waiting.entry), min(later))


def overflow(board: Board, waiting: Waiting, line: Line, cause: OverflowCause) -> bool:
    """Carry out the rule for `cause`; False when there is none. The caller must neither be ringing nor paused."""
    rule = entry_rules.rule(line, cause)
    if rule is None:
        return False
    depart(board, waiting, line)
    following = _send_away(board, waiting, line, rule)
    if following is not None:
        enter(board, waiting, line.edition, following)
    return True


def send_on(board: Board, lines: Iterable[Line]) -> None:
    """Overflow those for whom the last agent has gone."""
    for line in _and_narrower(board, lines):
        if line.on_duty or not line.waiting:
            continue
        has_rule = True
        for _, _, _, waiting in list(line.waiting):
            if waiting.visit.language is not None:
                settle(board, waiting)  # others may serve the caller now, or once the language is let go
            elif has_rule:  # where there is none, there is none for the next either
                has_rule = overflow(board, waiting, line, OverflowCause.NOBODY_LOGGED_IN)


def _and_narrower(board: Board, lines: Iterable[Line]) -> list[Line]:
    """These lines, and those of their queues in which callers wait for a language that nobody on duty has either."""
    found = dict.fromkeys(lines)
    for queue in dict.fromkeys(line.queue.name for line in found if not line.on_duty):
        found |= dict.fromkeys(near for near in board.lines.of(queue) if not near.on_duty)
    return list(found)


def release(board: Board, lines: Iterable[Line]) -> None:
    """An agent is not to be waited for any more: whoever is kept for that agent waits for anybody."""
    for line in lines:
        if line.demand.only is not None:
            for _, _, _, waiting in list(line.waiting):
                settle(board, waiting)


def _armed(waiting: Waiting, line: Line) -> Iterator[Due]:
    """The timers that may be running: most callers have none but their announcement, and this is on every path."""
    entry, visit, queue = waiting.entry, waiting.visit, line.queue
    if queue.max_wait_s is not None:
        yield WaitDue(entry)
    if visit.announce_at is not None:
        yield AnnounceDue(entry)
    if waiting.tried:
        yield HoldDue(entry)
    if visit.ring < len(queue.rings):
        yield RelaxDue(entry)
    if visit.held is not None:
        yield StickyDue(entry)
    if visit.language is not None:
        yield LanguageDue(entry)


def _visit(board: Board, waiting: Waiting, queue: QueueSettings) -> Visit:
    """The stay in a queue, with all that is needed there."""
    asked = waiting.asked
    needs = policy.needs(queue, asked.skills, asked.facts)
    spoken = policy.language_need(queue, asked.facts)
    language = next((skill for skill in spoken if skill not in needs), None)  # what others ask for stays in any case
    for skill, level in spoken.items():
        needs[skill] = max(level, needs.get(skill, 0))
    return Visit(board.now, needs, language=language)


def _let_language_go(board: Board, waiting: Waiting, line: Line) -> bool:
    """Ask anybody, when the time for the caller's language is over and nobody on duty has it; whether that is so now.

    The need is gone for the rest of the stay: whoever comes on duty with the language is one of many again.
    """
    visit, queue = waiting.visit, line.queue
    if visit.language is None or board.now < visit.queued_at + queue.language_for_s or board.on_duty(line):
        return False
    if board.wider_line(waiting, line) is line:
        return False  # a ring has lowered it already
    relaxed = Relaxed(waiting.entry, queue.name, visit.ring, board.now, visit.language)
    board.out.append(relaxed)
    explain.note(board, relaxed, waiting, line)
    visit.needs = {skill: level for skill, level in visit.needs.items() if skill != visit.language}
    visit.language = None
    board.deadlines.cancel(LanguageDue(waiting.entry))
    return True


def _stand_in_line(board: Board, waiting: Waiting, line: Line) -> None:
    queue, visit, entry = line.queue, waiting.visit, waiting.entry
    board.estimator.joined(queue.name, line.on_duty, board.now)
    if queue.sticky_for_s and waiting.asked.preferred is not None:
        held = Held(waiting.asked.preferred, board.now + queue.sticky_for_s)
        if _is_worth_keeping(board, waiting, line, held):
            line = _keep(board, waiting, line, held)
    line.add(waiting)
    board.entries[entry] = (waiting, line)
    board.dirty[line] = None
    if queue.max_wait_s is not None and line.is_on_the_line:
        board.deadlines.set(WaitDue(entry), visit.queued_at + queue.max_wait_s)
    if queue.announce_first_s is not None and line.is_on_the_line:
        visit.announce_at = visit.queued_at + queue.announce_first_s
        board.deadlines.set(AnnounceDue(entry), visit.announce_at)
    _await_ring(board, waiting, queue)
    if visit.language is not None:
        board.deadlines.set(LanguageDue(entry), visit.queued_at + queue.language_for_s)
    if waiting.tried:
        hold_over(board, waiting, line)


def _keep(board: Board, waiting: Waiting, line: Line, held: Held) -> Line:
    """Let a caller wait for one agent: a line that this agent alone serves."""
    waiting.visit.held = held
    board.deadlines.set(StickyDue(waiting.entry), held.until)
    kept_for = HeldForAgent(waiting.entry, line.queue.name, *held)
    board.out.append(kept_for)
    explain.note(board, kept_for, waiting, line)
    kept = board.line_of(waiting, line.edition, line.queue)
    board.close_if_idle(line)
    return kept


def _is_worth_keeping(board: Board, waiting: Waiting, line: Line, held: Held) -> bool:
    """Whether the agent may still be expected to take this caller in time."""
    agent = board.roster.get(held.agent)
    if agent is None or not agent.is_willing or board.now >= held.until:
        return False
    if waiting.tried.get(agent.id, board.now) > board.now:
        return False
    return policy.unfit(agent.settings, line.demand) is None


def _relax(board: Board, waiting: Waiting, line: Line) -> None:
    """Say which ring the stay has come to, and wait for the next."""
    visit, queue = waiting.visit, line.queue
    reached = policy.ring_reached(queue.rings, visit.queued_at, board.now)
    if reached > visit.ring:
        relaxed = Relaxed(waiting.entry, queue.name, reached, board.now)
        board.out.append(relaxed)
        explain.note(board, relaxed, waiting, line)
        visit.ring = reached
        _await_ring(board, waiting, queue)


def _await_ring(board: Board, waiting: Waiting, queue: QueueSettings) -> None:
    if waiting.visit.ring < len(queue.rings):
        next_ring = queue.rings[waiting.visit.ring]
        board.deadlines.set(RelaxDue(waiting.entry), waiting.visit.queued_at + next_ring.after_s)


def _step_into_ring(board: Board, waiting: Waiting, line: Line, ring: int) -> Line:
    """Begin in a wider ring, by what the wait is expected to be."""
    if ring == 0:
        return line
    relaxed = Relaxed(waiting.entry, line.queue.name, ring, board.now)
    board.out.append(relaxed)
    explain.note(board, relaxed, waiting, line)
    waiting.visit.ring = ring
    wider = board.line_of(waiting, line.edition, line.queue)
    if wider is not line:
        board.close_if_idle(line)
    return wider


def _move(board: Board, waiting: Waiting, line: Line) -> Line:
    """To the line of what the caller needs now, at the same place."""
    target = board.line_of(waiting, line.edition, line.queue)
    if target is not line:
        line.remove(waiting)
        target.add(waiting)
        board.entries[waiting.entry] = (waiting, target)
        board.close_if_idle(line)
    return target


def _send_away(board: Board, waiting: Waiting, line: Line, rule: OverflowRule) -> QueueSettings | None:
    """Say where the caller goes; a further queue is returned, found in the settings that the caller came under."""
    visit = waiting.visit
    waited_s = board.now - visit.queued_at
    kept = announcements.kept_by_leaving(visit, board.now)
    overflowed = Overflowed(waiting.entry, line.queue.name, rule.cause, rule.target, waited_s, kept)
    board.out.append(overflowed)
    explain.note(board, overflowed, waiting, line)
    if isinstance(rule.target, ToQueue):
        return line.edition.queues[rule.target.queue]
    return None
