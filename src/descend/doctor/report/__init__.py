"""The report on a diagnosed run: on the terminal, as JSON, and as one HTML file."""

from descend.doctor.report.console import render_console
from descend.doctor.report.json_report import render_json
from descend.doctor.report.page import render_page, write_page
from descend.doctor.report.patches import write_patches

__all__ = ["render_console", "render_json", "render_page", "write_page", "write_patches"]
