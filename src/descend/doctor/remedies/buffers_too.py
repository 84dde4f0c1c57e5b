"""Copy the buffers, such as running means and variances, to a model that averages the parameters of another.

for mean, new in zip(copy.parameters(), net.parameters()):
    mean.mul_(0.99).add_(new, alpha=0.01)
# for mean, new in zip(copy.buffers(), net.buffers()):
#     mean.copy_(new)
"""

import libcst as cst

from descend.doctor.codemod.insert import replace_body
from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parameter_averaging import averaged_network_index, buffer_copy_loop
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.record import Record
from descend.doctor.script.script import Script


def buffers_too(script: Script, record: Record, arguments: SiteArguments) -> Script:
    """After the recorded loop that averages a model's parameters, add a loop that copies the model's buffers."""
    site = suspected_site(script, record, arguments)
    syntax, loop = locate_node(script, site, cst.For)
    block = syntax.parents[loop]
    if averaged_network_index(syntax, loop) is None or not isinstance(block, cst.Module | cst.IndentedBlock):
        raise NotApplicable(
            f"it is unclear in line {site.line} which model holds the average and which one is averaged"
        )
    new = cst.parse_statement(buffer_copy_loop(syntax, loop), config=syntax.module.config_for_parsing)
    body: list[cst.CSTNode] = list(block.body)
    at = body.index(loop) + 1
    return script.edit(syntax.file, replace_body(syntax, block, [*body[:at], new, *body[at:]]))
