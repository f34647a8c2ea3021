"""The plots that only the experiment's page has."""
