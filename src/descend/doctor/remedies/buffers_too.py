"""A network that follows another by its parameters gets its buffers, too: running means and variances.

for mean, new in zip(copy.parameters(), net.parameters()):
    mean.mul_(0.99).add_(new, alpha=0.01)
# for mean, new in zip(copy.buffers(), net.buffers()):
#     mean.copy_(new)
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.averaged import follower, with_buffers
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.insert import with_body
from descend.doctor.source.locate import locate_node
from descend.doctor.source.not_applicable import NotApplicable


def buffers_too(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let the loop at the site of `dose["kind"]` and `dose["place"]` be followed by one over the buffers."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = locate_node(script, site, cst.For)
    if isinstance(found, NotApplicable):
        return found
    syntax, loop = found
    block = syntax.parents[loop]
    if follower(syntax, loop) is None or not isinstance(block, cst.Module | cst.IndentedBlock):
        return NotApplicable(f"line {site.line} does not show which network follows which")
    new = cst.parse_statement(with_buffers(syntax, loop), config=syntax.module.config_for_parsing)
    body: list[cst.CSTNode] = list(block.body)
    at = body.index(loop) + 1
    return script.edit(syntax.file, with_body(syntax, block, [*body[:at], new, *body[at:]]))
