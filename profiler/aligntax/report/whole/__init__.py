"""The whole tax, schema `aligntax.whole/1`: a table in a terminal, a page that needs nothing more, and Markdown."""

from aligntax.report.whole.html import write_whole_page
from aligntax.report.whole.markdown import whole_markdown
from aligntax.report.whole.terminal import WholeTable

__all__ = ["WholeTable", "whole_markdown", "write_whole_page"]
