"""Apply to the test data what was fitted to the training data: `coder.transform(test)` for `fit_transform`."""

import libcst as cst

from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.record import Record
from descend.doctor.script.script import Script


def transform(script: Script, record: Record, arguments: SiteArguments) -> Script:
    """Replace `fit_transform` by `transform` in the recorded call, so that nothing is fitted to test data."""
    site = suspected_site(script, record, arguments)
    syntax, call = locate_node(script, site, cst.Call)
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "fit_transform":
        raise NotApplicable(f"line {site.line} does not call `fit_transform`")
    return script.edit(syntax.file, syntax.replace(call.func.attr, cst.Name("transform")))
