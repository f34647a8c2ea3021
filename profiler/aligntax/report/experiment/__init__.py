"""The report of an experiment, schema `aligntax.bench/1`: tables in a terminal, and a page that needs nothing more."""

from aligntax.report.experiment.html import write_page, write_scaling_page
from aligntax.report.experiment.terminal import ExperimentTable

__all__ = ["ExperimentTable", "write_page", "write_scaling_page"]
