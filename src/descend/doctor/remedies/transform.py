"""What was fitted to the training data transforms the test data, too: `coder.transform(test)`, not `fit_transform`."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import locate_node
from descend.doctor.source.not_applicable import NotApplicable


def transform(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Call `transform` where the site of `dose["kind"]` and `dose["place"]` calls `fit_transform`."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = locate_node(script, site, cst.Call)
    if isinstance(found, NotApplicable):
        return found
    syntax, call = found
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "fit_transform":
        return NotApplicable(f"line {site.line} does not call `fit_transform`")
    return script.edit(syntax.file, syntax.replace(call.func.attr, cst.Name("transform")))
