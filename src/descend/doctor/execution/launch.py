"""Start the observed script as a child process and collect its messages in a record."""

import json
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from math import inf
from pathlib import Path

from descend.core.bound import Count
from descend.core.control_characters import escape_control_characters
from descend.core.errors import InternalError, UsageError
from descend.doctor.execution.child import CHANNEL_CLOSED, CHECKED_EVERY_S, Config
from descend.doctor.execution.forked import ForkedProcess
from descend.doctor.execution.forking import ForkServer, NotStartedInTime
from descend.doctor.execution.keeper import UNCONFINED
from descend.doctor.execution.other_threads import longest_training_seconds
from descend.doctor.execution.package import package_link, start_arguments
from descend.doctor.execution.process import Process, start
from descend.doctor.execution.relay import Relay
from descend.doctor.execution.torch_version import NO_TORCH, OLDEST_TORCH
from descend.doctor.record import Ending, Fact, Listener, Message, Note, Record, facts
from descend.doctor.redaction.commands import shown_command
from descend.doctor.sandbox.confinement import choose_level, give_up_namespaces, sandbox_message
from descend.doctor.sandbox.environment import child_environment, describe_environment
from descend.doctor.sandbox.full_disk import full_disk_message
from descend.doctor.sandbox.promises import RunLevel
from descend.doctor.sandbox.scratch import Scratch, scratch_copy
from descend.doctor.sandbox.world import new_group_variables, role_and_group
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason, Role
from descend.doctor.script.script import Script

ALONE = "the script was run as a single process, so a batch in this report is the batch of one rank"
FIRST = "the script was run as {} processes and the first was observed, so a batch in this report is that of one rank"
CLOSED = "after {} steps, {} closed a file descriptor of descend; the script must close only files that it opened"
# After this multiple of a run's time limit, the run is ended from outside. Its own clock is slow on a busy machine.
OVERDUE = Count(20, "times", "chosen: with ten other programs on each processor, a run took half of this multiple")
UNBOUNDED = ("watch", "gradcheck", "show")  # roles whose measurements have no time limit
# A run that ends itself at the deadline may take this many seconds for that: it checks the clock once, and then it
# sends its last messages and the interpreter exits, which takes less time than another check.
FINAL_S = 2 * CHECKED_EVERY_S
STUCK = "the run was ended from outside after {:.0f} s: its code blocks the interpreter or has stopped its clock"
OVER = "the run was ended from outside after {:.0f} s: the time of --budget was over"
LINES = 40  # number of last lines of standard error that are kept as the reason why the script ended
UNFORKED = "forking failed, so each run imports torch itself and starts a second or two later"


def run(
    script: Script,
    plan: Plan,
    record: Record,
    listen: Listener = lambda messages: None,
    server: ForkServer | None = None,
) -> Record:
    """Run `script` under observation into `record`; `listen` is called with all messages as they arrive.

    In the role `watch` the script runs in place with the user's terminal; in every other role it runs in a scratch
    copy of its working directory, forked by `server` if there is one. Raises `UsageError` if the interpreter cannot
    run the script.
    """

    def add_messages(messages: list[Message]) -> None:
        """Add received messages to the record, and pass them to `listen`."""
        record.extend(messages)
        listen(messages)

    with ExitStack() as stack:
        began = time.monotonic()
        relay = stack.enter_context(Relay()) if plan.role == Role.WATCH else None
        links = server.links if server else None
        scratch = None if plan.role == Role.WATCH else stack.enter_context(scratch_copy(script, links=links))
        # The scratch copy has to be deleted by the deadline, too.
        limited = replace(plan, until=plan.until - (scratch.deletion_s if scratch else 0.0))
        readers, writers = zip(os.pipe(), os.pipe())
        for reader in readers:
            stack.callback(os.close, reader)
        try:
            process = _start(script, limited, scratch, writers, server, stack)
        except NotStartedInTime:
            add_messages(_messages_about_cut_off(record, time.monotonic() - began, OVER))
            return record
        finally:
            for writer in writers:
                os.close(writer)
        stack.callback(process.end)
        add_messages([Note("fork server", UNFORKED)] if server and server.has_failed else [])
        if relay is not None and not isinstance(process.popen, ForkedProcess):
            relay.pass_on_to(process.popen)
        add_messages([Note("scratch", note) for note in scratch.notes] if scratch else [])
        group = ALONE if plan.processes == 1 else FIRST.format(plan.processes)
        add_messages([Note("torchrun", group)] if plan.processes else [])
        add_messages([Note("sandbox", note)] if scratch and (note := _sandbox_message(plan)) else [])
        limit = time.monotonic() + time_limit(plan)
        until = min(limit, limited.until + FINAL_S)
        for messages in process.messages(readers, until):
            add_messages(messages)
        if not process.ends(until):
            process.end()
            reason = STUCK if until == limit else OVER
            add_messages(_messages_about_cut_off(record, time.monotonic() - began, reason))
        status, tail = process.finish()
    if _should_repeat(script, plan, record, process.popen.wait(), tail.strip()):
        return run(script, plan, record, listen, server)
    if record.ending is None:
        add_messages([_ending_of_status(record, process.popen.wait(), status, tail)])
    elif record.ending.reason == EndReason.FAILED and not record.ending.error:
        # The script has ended the process itself, so its last output is kept as the reason.
        record.ending = replace(record.ending, error=_last_lines(tail))
    elif record.ending.reason == EndReason.FAILED and plan.processes > 1:
        # Another process of the group may have failed first; its output is kept as well.
        record.ending = replace(record.ending, error=_last_lines(tail) + record.ending.error)
    _explain_full_disk(record, plan)
    return record


def _explain_full_disk(record: Record, plan: Plan) -> None:
    """Add what the user can do to the error of a run that has found no space for its files in the sandbox."""
    if record.ending is not None and record.ending.reason == EndReason.FAILED and plan.role != Role.WATCH:
        level: RunLevel = "none" if plan.allow_effects else choose_level(plan.sandbox)
        message = full_disk_message(record.ending.error, level)
        record.ending = replace(record.ending, error=record.ending.error + message)


def _should_repeat(script: Script, plan: Plan, record: Record, status: int, last_output: str) -> bool:
    """Return whether to repeat a run that could not start, now at a weaker level of the sandbox.

    Raises `UsageError` if the user has requested this level or the interpreter has no suitable torch, and
    `InternalError` if the run could not be observed to its end.
    """
    has_begun = bool(record.readings or record.facts)
    if status == UNCONFINED and not has_begun:
        if plan.sandbox != "auto" or choose_level("auto") != "namespaces":
            weaker = "hooks does not need it" if last_output.startswith("Landlock") else "landlock needs no namespaces"
            raise UsageError(f"the sandbox cannot be created: {last_output}; --sandbox {weaker}")
        give_up_namespaces(last_output)
        return True
    if status == NO_TORCH and not has_begun:
        oldest = ".".join(map(str, OLDEST_TORCH))
        raise UsageError(f"{script.python} has no torch {oldest} or newer; name the script's interpreter with --python")
    if status == -CHANNEL_CLOSED and record.ending is None:
        raise InternalError(CLOSED.format(record.steps, script.path.name))
    return False


def time_limit(plan: Plan) -> float:
    """Return the time limit in seconds after which this process ends a run, by a clock that the script cannot stop."""
    is_unbounded = plan.role in UNBOUNDED or not plan.timed
    return inf if is_unbounded else plan.patience + OVERDUE * longest_training_seconds(plan.seconds)


def _messages_about_cut_off(record: Record, seconds: float, reason: str) -> list[Message]:
    """Return the messages about a run that was ended from outside; an empty list if the run reported its own end.

    reason: the sentence for the note, with a place for the number of seconds.
    """
    if record.ending is not None:
        return []
    cut = Fact.of(facts.TimedOut(seconds, None), record.steps)
    return [cut, Note("deadline", reason.format(seconds)), Ending("window", 0, record.steps, wall_s=seconds)]


def new_record(script: Script, plan: Plan, parent: int | None = None) -> Record:
    """Return the empty record for a run that is about to begin."""
    environment = describe_environment() | {"threads": str(plan.threads)}
    role, group = role_and_group(os.environ) if plan.role == Role.WATCH else (plan.role, {})
    return Record(0, role, parent, command_without_secrets(script), str(script.root), plan.seed, environment | group)


def command_without_secrets(script: Script) -> str:
    """Return the script's command as a user would type it after `python`, without secrets."""
    path = script.path.name if script.streamed else os.path.relpath(script.path, script.root)
    started = ["-m", script.module] if script.module else [path]
    return shown_command(started, script.path, script.root, script.arguments)


def _sandbox_message(plan: Plan) -> str:
    """Return the message about effects that the sandbox does not prevent; "" if there are no such effects."""
    return "" if plan.allow_effects else sandbox_message(plan.sandbox)


def _ending_of_status(record: Record, code: int, status: int, tail: str) -> Ending:
    """Return how a script ended that did not report its end: it was killed by a signal, or it called `os._exit`."""
    reason = EndReason.KILLED if code < 0 else EndReason.FAILED if code else EndReason.FINISHED
    return Ending(reason, status, record.steps, error=_last_lines(tail) if code else "")


def _last_lines(last_output: str) -> str:
    """Return the last lines of standard error as a terminal shows them, with a progress bar as one line."""
    lines = [
        escape_control_characters(line.rstrip("\r").rpartition("\r")[2]) + "\n" for line in last_output.split("\n")
    ]
    return "".join(lines[-LINES:]).rstrip() + "\n" if last_output.strip() else ""


def _start(
    script: Script,
    plan: Plan,
    scratch: Scratch | None,
    descriptors: tuple[int, int],
    server: ForkServer | None,
    stack: ExitStack,
) -> Process:
    """Start the process of a run: a fork of the fork server if there is one, otherwise a new interpreter."""
    config = _config(script, plan, scratch, descriptors)
    environment = child_environment(plan.threads, scratch, plan.allow_effects) if scratch else None
    if environment is not None and plan.processes:
        environment = new_group_variables(environment, plan.processes)
    if (
        server
        and environment
        and (process := server.start(vars(config), environment, descriptors, plan.until + FINAL_S))
    ):
        return process
    module = "descend.doctor.execution.keeper" if scratch else "descend.doctor.execution.child"
    command = start_arguments(module, stack.enter_context(package_link()))
    try:
        return start([script.python, *command, json.dumps(vars(config))], config.root, environment, descriptors)
    except OSError as error:
        raise UsageError(f"{script.python} cannot be started: {error.strerror}") from None


def _config(script: Script, plan: Plan, scratch: Scratch | None, descriptors: tuple[int, int]) -> Config:
    """Return the settings that are sent to the process that runs the script."""
    return Config(
        path=str(scratch.path_in_copy(script.path) if scratch else script.path),
        root=str(scratch.root if scratch else script.root),
        original_root=str(script.root),
        files=str(scratch.files) if scratch else "",
        module=script.module,
        arguments=[_redirect_to_copy(argument, scratch) if scratch else argument for argument in script.arguments],
        role=plan.role,
        asked=dict(plan.asked),
        steps=plan.steps,
        seconds=plan.seconds,
        until=plan.until,
        quick=plan.quick,
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
        is_compared=plan.is_compared,
        measures_once=plan.judged_by_log and plan.role == Role.TRIAL_RUN,
        descriptor=descriptors[0],
        telling=descriptors[1],
        allow_effects=plan.allow_effects,
        level="none" if plan.allow_effects or not scratch else choose_level(plan.sandbox),
        parent=os.getpid(),
        writable=[str(p) for p in scratch.writable_folders] if scratch else [],
        started=time.monotonic(),
    )


def _redirect_to_copy(argument: str, scratch: Scratch) -> str:
    """Return a command-line argument in which a path into the working directory is replaced by the path of its copy."""
    option, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    return f"{option}{equals}{scratch.path_in_copy(Path(value))}" if value.startswith("/") else argument
