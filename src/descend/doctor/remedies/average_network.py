"""Average the trained network into its copy, and not the copy into itself or into the network.

for mean, new in zip(copy.parameters(), copy.parameters()):      # zip(copy.parameters(), net.parameters())
"""

from descend.doctor.codemod.average_update import find_wrong_average
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script


def average_network(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Correct the networks whose parameters an update of an average reads and changes."""
    found = find_wrong_average(script, record)
    if found is None:
        raise NotApplicable("the run did not show an average of the weights of the wrong network")
    return script.edit(found.syntax.file, found.syntax.replace(found.call, found.right))
