"""What the lines of the format for coding assistants mean. The skill for assistants contains these texts."""

# what to do next for each reason of an undecided verdict
UNDECIDED_ADVICE = {
    "open_suspicion": "If --quick or --budget was used, run descend doctor again without it, so that trials decide. "
    "Otherwise report the suspicion to the user as unproved.",
    "nothing_learned": "Report to the user that the run has learned little and that no known problem explains it.",
    "too_few_steps": "Let the script train for more steps, then run descend doctor again.",
    "not_replayed": "Report to the user that little could be measured. The lines not_checked give the reasons.",
    "learning_rate_still_rises": "Let the run continue after the warm-up, with a larger --steps or a longer training. "
    "Then run descend doctor again.",
    "steps_too_long": "Run the script with a learning rate ten times lower, and compare the losses.",
    "loss_still_falls": "Let the script train for more steps, or run descend doctor --suggest.",
    "settings_not_varied": "Report to the user that no trial changed the run. The lines trial give the reasons.",
    "stages_not_examined": "Run descend doctor again with a larger --budget or without it.",
}
# the keys of the format, in the order in which they are printed
KEYS = {
    "verdict": "one of the words in the table of verdicts",
    "action": "what to do next",
    "summary": "the verdict in one sentence",
    "undecided_because": "with the verdict `undecided`: a reason, and what to do about it",
    "script": "the examined script with its arguments; `***` replaces a secret",
    "steps": "the number of observed optimizer steps",
    "finding": "a problem: its id, how certain it was before the trials (`certain`, `likely` or `suspected`), and its "
    "place. `observation`: an edit helps, and the cause is unknown",
    "suspected": "a suspicion that no trial has decided, with the same values",
    "title": "indented below a problem: the problem in a few words",
    "evidence": "indented: what was measured, with its limit",
    "consequences": "indented: ids of the problems that follow from this one",
    "metric": "the number that the trials are compared by",
    "trial": "a remedy, the result of its trial, the metric without and with the remedy, and the number of seeds; "
    "instead of the metric, the reason why a trial could not be judged",
    "more": "how many further findings or trials only `--format json` lists",
    "checked": "the number of checked problems; also their ids if no problem was found",
    "not_checked": "a problem that could not be checked, and the reason",
    "not_requested": "the problems that `--select` or `--ignore` left out",
    "not_tried": "what `--quick` or `--budget` left out",
    "patch": "the files of the patch; `reproduced: yes` if plain Python repeated its result bit for bit",
    "apply": "the command that writes the patch",
    "unproved_patch": "an edit that no trial has proved, and why it is shown. Make it only if the user agrees",
    "masked": "the patch has a secret, shown as `***`; the named file has it in full",
}
