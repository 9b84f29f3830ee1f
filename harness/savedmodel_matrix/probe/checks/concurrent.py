"""Threads that share one loaded model: every answer is compared with a single thread's answer."""

import sys
import threading
import time
import traceback

from .. import tensors, texts
from . import state
from .session import Differences, paired, same

#: How often Python switches threads (its default is 5 ms): short, to provoke races.
_SWITCH_S = 1e-5
_FEWEST_CALLS = 3
_MOST_ERRORS = 16


def check(session):
    """Let ``threads`` threads call the model ``calls`` times each, each thread starting with another input.

    In addition to the batches there are copies in another order, so that an answer meant for another thread
    is detected even if there is only one batch. After the budget (seconds), threads stop early. If no thread
    gets an answer for ``patience_s`` seconds, that is a deadlock.
    """
    loaded, entry = session.load()
    with session.timed("check"):
        questions, slowest = _questions(session, entry)
        differences = Differences(session.objects)
        for question in questions:
            differences.control(question.batch, question.answer, question.ask(entry))
        if state.writes(loaded, session.case):
            _in_another_order(session, questions, differences)
        crew = _Crew(session, entry, questions, differences)
        stacks = crew.work(max(session.parameters["patience_s"], 20 * slowest))
        if not stacks:
            # State left behind by threads is a finding even if each got the right answer.
            for question in questions:
                differences.compare("afterwards", None, question.batch, question.answer, question.ask(entry))
    del loaded
    return differences.part(
        threads=session.parameters["threads"],
        inputs=len(questions),
        calls=crew.calls,
        wrong=crew.wrong,
        of_another=crew.of_another,
        errors=crew.errors[:_MOST_ERRORS],
        failed=len(crew.errors),
        waiting=crew.waiting,
        stacks=stacks,
    )


class _Question:
    """Inputs, and a single thread's answer."""

    def __init__(self, what, batch, inputs, answer):
        self.what, self.batch, self.inputs, self.answer = what, batch, inputs, answer

    def ask(self, entry):
        """Return the current answer."""
        return tensors.flatten_arrays(entry(self.inputs))


def _questions(session, entry):
    """Return the questions with their answers, and the time of the slowest in seconds."""
    inputs = session.inputs()
    session.report("running alone")
    session.first_of_all(entry, inputs)  # the effect of a first call is covered by the check repeat
    begun = time.monotonic()
    found = [
        _Question("batch {}".format(number), number, inputs[number], answer)
        for number, answer in enumerate(session.first_of_all(entry, inputs))
    ]
    slowest = (time.monotonic() - begun) / len(inputs)
    for number, batch in enumerate(session.case["batches"]):
        changed = state.rolled(session, batch, inputs[number])
        try:
            answer = tensors.flatten_arrays(entry(changed))
        except Exception:  # not every model accepts every order, which is not a fault
            continue
        if any(not same(one, other) for _, one, other in paired(found[number].answer, answer)):
            found.append(_Question("batch {} rolled".format(number), number, changed, answer))
    return found, slowest


def _in_another_order(session, questions, differences):
    """Ask a newly loaded model in another order: what differs then differs without threads."""
    session.report("running alone in another order")
    loaded, entry = session.load()
    for question in reversed(questions):
        question.ask(entry)  # as above
    for question in reversed(questions):
        differences.control(question.batch, question.answer, question.ask(entry))
    session.release(loaded)


class _Crew:
    """The threads and their findings."""

    def __init__(self, session, entry, questions, differences):
        self._session, self._entry, self._questions = session, entry, questions
        self._differences = differences
        self._lock = threading.Lock()
        self.calls = self.wrong = self.of_another = self.waiting = 0
        self.errors = []

    def work(self, patience_s):
        """Run all threads to the end; if some never finish, return all stacks, otherwise ``None``."""
        parameters = self._session.parameters
        barrier = threading.Barrier(parameters["threads"])
        stop = time.monotonic() + parameters["budget_s"]
        threads = [
            threading.Thread(target=self._work, args=(number, barrier, stop), name="thread {}".format(number))
            for number in range(parameters["threads"])
        ]
        self._session.report("running in {} threads".format(len(threads)))
        switch = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        try:
            for thread in threads:
                thread.daemon = True
                thread.start()
            last, seen = time.monotonic(), 0
            while any(thread.is_alive() for thread in threads):
                time.sleep(0.02)
                if self.calls != seen:
                    last, seen = time.monotonic(), self.calls
                elif time.monotonic() - last > patience_s:
                    self.waiting = sum(thread.is_alive() for thread in threads)
                    return _stacks()
        finally:
            sys.setswitchinterval(switch)
        return None

    def _work(self, number, barrier, stop):
        barrier.wait()
        for call in range(self._session.parameters["calls"]):
            if time.monotonic() > stop and call >= _FEWEST_CALLS:
                return
            question = self._questions[(number + call) % len(self._questions)]
            try:
                answer = question.ask(self._entry)
            except Exception as error:
                with self._lock:
                    self.calls += 1
                    self.errors.append("{}: {}".format(question.what, texts.one_line(error)))
                continue
            with self._lock:
                self.calls += 1
                self._hold_against(question, answer, call)

    def _hold_against(self, question, answer, call):
        wrong = self._differences.compare(question.what, call, question.batch, question.answer, answer)
        if wrong:
            self.wrong += 1
            self.of_another += any(
                other is not question and all(same(one, two) for _, one, two in paired(other.answer, answer))
                for other in self._questions
            )


def _stacks():
    """Return the Python stacks of all threads but this one, as one text.

    Python code that the model itself calls runs in TensorFlow's own threads, which have no names.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    frames = sys._current_frames()  # noqa: SLF001 - there is no other way to another thread's stack
    for ident, frame in sorted(frames.items(), key=lambda item: names.get(item[0], "")):
        if ident != threading.get_ident():
            stack = "".join(traceback.format_stack(frame)).rstrip()
            parts.append("{}:\n{}".format(names.get(ident, "a TensorFlow thread"), stack))
    return "\n".join(parts)
