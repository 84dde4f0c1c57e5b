"""Starts the observed script as a child process and gathers what it sends into a record."""

import json
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from math import inf
from pathlib import Path

from descend.doctor.record import Ending, Fact, Listener, Message, Note, Record, facts
from descend.doctor.redaction.commands import shown_command
from descend.doctor.run.child import CHANNEL_CLOSED, Config
from descend.doctor.run.forked import Forked
from descend.doctor.run.forking import ForkServer
from descend.doctor.run.keeper import UNCONFINED
from descend.doctor.run.other_threads import own_limit
from descend.doctor.run.package import package_link, starting
from descend.doctor.run.process import Process, start
from descend.doctor.run.relay import Relay
from descend.doctor.run.torch_version import NO_TORCH, OLDEST_TORCH
from descend.doctor.sandbox.confinement import announcement, available, give_up_namespaces
from descend.doctor.sandbox.environment import child_environment, describe_environment
from descend.doctor.sandbox.scratch import Scratch, scratch_copy
from descend.doctor.sandbox.world import own_world, watched_as
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.ground.bound import Count
from descend.ground.control_characters import escaped
from descend.ground.errors import OwnFailure, UsageError

ALONE = "the script was run as the only process of its group: a batch is that of one rank"
FIRST = "the script was run as a group of {} processes, and the first of them observed: a batch is that of one rank"
CLOSED = "after {} steps {} closed the descriptor by which descend observes it; let it close only what it has opened"
# Of the time after which a run ends itself: the same for a slow machine, where a run's own time passes slowly.
OVERDUE = Count(20, "times", "chosen: twice what a run has taken with ten other programs on each processor")
UNBOUNDED = ("watch", "gradcheck", "show")  # roles whose measuring has no limit
STUCK = "the run was ended from outside after {:.0f} s: it holds the interpreter or its clock, and could not end itself"
LINES = 40  # of what a script says before it leaves: more than that is no reason
UNFORKED = "it could not be used, so that each run imports torch by itself and starts a second or two later"


def run(
    script: Script,
    plan: Plan,
    record: Record,
    listen: Listener = lambda messages: None,
    server: ForkServer | None = None,
) -> Record:
    """Run `script` under observation into `record`; `listen` is shown the messages as they come.

    In the role `watch` the script runs in place with the user's terminal; in every other role it runs in a scratch
    copy of its working directory, forked by `server` where there is one. Raises `UsageError` when the interpreter
    cannot run it at all.
    """

    def take(messages: list[Message]) -> None:
        record.extend(messages)
        listen(messages)

    with ExitStack() as stack:
        relay = stack.enter_context(Relay()) if plan.role == "watch" else None
        links = server.links if server else None
        scratch = None if plan.role == "watch" else stack.enter_context(scratch_copy(script, links=links))
        readers, writers = zip(os.pipe(), os.pipe())
        for reader in readers:
            stack.callback(os.close, reader)
        try:
            process = _start(script, plan, scratch, writers, server, stack)
        finally:
            for writer in writers:
                os.close(writer)
        stack.callback(process.end)
        take([Note("fork server", UNFORKED)] if server and server.has_failed else [])
        if relay is not None and not isinstance(process.popen, Forked):
            relay.to(process.popen)
        take([Note("scratch", note) for note in scratch.notes] if scratch else [])
        if plan.processes:
            take([Note("torchrun", ALONE if plan.processes == 1 else FIRST.format(plan.processes))])
        take([Note("sandbox", note)] if scratch and (note := _open_ways(plan)) else [])
        began, until = time.monotonic(), time.monotonic() + longest(plan)
        for messages in process.messages(readers, until):
            take(messages)
        if not process.ends(until):
            process.end()
            take(_cut_off(record, time.monotonic() - began))
        status, tail = process.finish()
    if _may_run_otherwise(script, plan, record, process.popen.wait(), tail.strip()):
        return run(script, plan, record, listen, server)
    if record.ending is None:
        take([_unsaid_ending(record, process.popen.wait(), status, tail)])
    elif record.ending.reason == "failed" and not record.ending.error:
        record.ending = replace(record.ending, error=_as_shown(tail))  # it has left by itself: why, it has said there
    elif record.ending.reason == "failed" and plan.processes > 1:  # maybe since another process of the group has
        record.ending = replace(record.ending, error=_as_shown(tail) + record.ending.error)
    return record


def _may_run_otherwise(script: Script, plan: Plan, record: Record, status: int, said: str) -> bool:
    """Whether a run that could not begin may begin at a weaker level of the sandbox.

    Raises `UsageError` where the user has asked for this level, or the interpreter is unfit; `OwnFailure` where the run
    could not be observed to its end.
    """
    has_begun = bool(record.readings or record.facts)
    if status == UNCONFINED and not has_begun:
        if plan.sandbox != "auto" or available("auto") != "namespaces":
            weaker = "hooks does without it" if said.startswith("Landlock") else "landlock does without namespaces"
            raise UsageError(f"the sandbox cannot be made: {said}; --sandbox {weaker}")
        give_up_namespaces(said)
        return True
    if status == NO_TORCH and not has_begun:
        oldest = ".".join(map(str, OLDEST_TORCH))
        raise UsageError(f"{script.python} has no torch {oldest} or newer; name the script's interpreter with --python")
    if status == -CHANNEL_CLOSED and record.ending is None:
        raise OwnFailure(CLOSED.format(record.steps, script.path.name))
    return False


def longest(plan: Plan) -> float:
    """Return for how many seconds a run may go on by this process's clock, which the script cannot stop."""
    is_unbounded = plan.role in UNBOUNDED or not plan.timed
    return inf if is_unbounded else plan.patience + OVERDUE * own_limit(plan.seconds)


def _cut_off(record: Record, seconds: float) -> list[Message]:
    """Return what is said of a run that had to be ended from here; it may have said by itself how it ends."""
    if record.ending is not None:
        return []
    cut = Fact.of(facts.CutOff(seconds, None), record.steps)
    return [cut, Note("deadline", STUCK.format(seconds)), Ending("window", 0, record.steps, wall_s=seconds)]


def new_record(script: Script, plan: Plan, parent: int | None = None) -> Record:
    """Return the empty record of a run that is about to begin."""
    environment = describe_environment() | {"threads": str(plan.threads)}
    role, group = watched_as(os.environ) if plan.role == "watch" else (plan.role, {})
    return Record(0, role, parent, shown(script), str(script.root), plan.seed, environment | group)


def shown(script: Script) -> str:
    """Return the command as a user would type it after `python`, without secrets."""
    started = ["-m", script.module] if script.module else [os.path.relpath(script.path, script.root)]
    return shown_command(started, script.path, script.root, script.arguments)


def _open_ways(plan: Plan) -> str:
    return "" if plan.allow_effects else announcement(plan.sandbox)


def _unsaid_ending(record: Record, code: int, status: int, tail: str) -> Ending:
    """Return the ending of a script that could not send its own: killed by a signal, or gone by `os._exit`."""
    reason = "killed" if code < 0 else "failed" if code else "finished"
    return Ending(reason, status, record.steps, error=_as_shown(tail) if code else "")


def _as_shown(said: str) -> str:
    """Return the last lines of standard error as a terminal shows them, on which a bar of progress is one line."""
    lines = [escaped(line.rstrip("\r").rpartition("\r")[2]) + "\n" for line in said.split("\n")]
    return "".join(lines[-LINES:]).rstrip() + "\n" if said.strip() else ""


def _start(
    script: Script,
    plan: Plan,
    scratch: Scratch | None,
    descriptors: tuple[int, int],
    server: ForkServer | None,
    stack: ExitStack,
) -> Process:
    config = _config(script, plan, scratch, descriptors)
    environment = child_environment(plan.threads, scratch, plan.allow_effects) if scratch else None
    if environment is not None and plan.processes:
        environment = own_world(environment, plan.processes)
    if server and environment and (process := server.start(vars(config), environment, descriptors)):
        return process
    room = "descend.doctor.run.keeper" if scratch else "descend.doctor.run.child"
    command = starting(room, stack.enter_context(package_link()))
    try:
        return start([script.python, *command, json.dumps(vars(config))], config.root, environment, descriptors)
    except OSError as error:
        raise UsageError(f"{script.python} cannot be started: {error.strerror}") from None


def _config(script: Script, plan: Plan, scratch: Scratch | None, descriptors: tuple[int, int]) -> Config:
    return Config(
        path=str(scratch.path(script.path) if scratch else script.path),
        root=str(scratch.root if scratch else script.root),
        original_root=str(script.root),
        files=str(scratch.files) if scratch else "",
        module=script.module,
        arguments=[_moved(argument, scratch) if scratch else argument for argument in script.arguments],
        role=plan.role,
        asked=dict(plan.asked),
        steps=plan.steps,
        seconds=plan.seconds,
        least_steps=plan.least_steps,
        quick_s=plan.quick_s,
        timed=plan.timed,
        patience=plan.patience,
        seed=plan.seed,
        stage=plan.stage.optimizer if plan.stage else None,
        spread=plan.spread,
        examples=plan.examples,
        peers=max(0, plan.processes - 1),
        rank=0,
        trains=plan.trains,
        descriptor=descriptors[0],
        telling=descriptors[1],
        allow_effects=plan.allow_effects,
        level="none" if plan.allow_effects or not scratch else available(plan.sandbox),
        parent=os.getpid(),
        writable=[str(p) for p in scratch.writable] if scratch else [],
        started=time.monotonic(),
    )


def _moved(argument: str, scratch: Scratch) -> str:
    """Return an argument as it must read in the copy: an absolute path into the working directory leads there."""
    option, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    return f"{option}{equals}{scratch.path(Path(value))}" if value.startswith("/") else argument
