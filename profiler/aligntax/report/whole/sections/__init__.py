"""The sections of the whole tax's page, one function each."""
