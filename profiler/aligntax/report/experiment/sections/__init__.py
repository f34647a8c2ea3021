"""The sections of the experiment's page: each module makes one, or None where the result says nothing about it."""
